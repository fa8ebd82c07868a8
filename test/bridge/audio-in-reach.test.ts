/** Audio that lies on the disk of another bridge, as Zendesk's sink gets it: from a real bucket, within a real spool's room. */
import { randomUUID } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { S3Archive } from '../../src/archive/s3/s3-archive.ts'
import { AudioInReach } from '../../src/bridge/audio-in-reach.ts'
import type { EncodedAudio } from '../../src/events/recording.ts'
import { Spool } from '../../src/recordings/intake/spool.ts'
import { SpoolSpace } from '../../src/recordings/intake/spool-space.ts'
import type { Delivery } from '../../src/uploads/sink.ts'
import { call, encodedAs, folder, recording, unhurried } from '../archive/audio.ts'
import { s3Server } from '../archive/s3-server.ts'
import { keys } from '../archive/s3-store.ts'
import { anEvent } from '../uploads/fixtures.ts'
import { ScriptedSink } from '../uploads/scripted-sink.ts'

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const item = recording('rec_a')
const of = (audio: EncodedAudio): Delivery => ({ kind: 'recording', idempotencyKey: 'rec_a', site: 'hq', item, audio })

/** Audio that another bridge has archived and then lost with its disk. */
async function elsewhere({ maxSpoolBytes = 1_000_000, configured = true } = {}) {
  const { store, endpoint, region, bucket } = await s3Server()
  const account = { bucket, prefix: '', region, endpoint, credentials: keys, pathStyle: true, checksums: 'sha256' } as const
  const archive = new S3Archive({
    account: { ...account, storageClass: null, sse: null, kmsKeyId: null },
    site: 'branch',
    publicUrl: null,
    newName: randomUUID,
    clock: Date.now,
  })
  onTestFinished(() => archive.stop())
  const root = await folder()
  const audio = await encodedAs('voice', root)
  const { key } = await archive.store(item, audio, { call }, unhurried)
  await rm(audio.path)
  const spool = new Spool(join(root, 'spool'))
  await spool.prepare()
  const space = new SpoolSpace({ spool, folder: root, limits: { minFreeBytes: 1, maxSpoolBytes }, clock: Date.now, log: silent })
  const heard: string[] = []
  const sink = new ScriptedSink(async delivery => {
    if (delivery.kind !== 'event') heard.push(await readFile(delivery.audio.path, 'utf8'))
    return { kind: 'delivered', remoteId: 'z1' }
  })
  const fetched = join(root, 'spool/fetched')
  const reach = new AudioInReach({
    sink,
    archive: configured ? archive : null,
    archivedAs: async () => key,
    space,
    folder: fetched,
  })
  await reach.start()
  return { store, archive, audio, sink, space, heard, reach, fetched, root, key }
}

test('what lies here, and every event, goes to the sink as it is', async () => {
  const { store, audio, sink, reach, heard } = await elsewhere()
  await writeFile(audio.path, 'voice')
  await reach.deliver(of(audio), unhurried)
  await reach.deliver({ kind: 'event', idempotencyKey: 'e', event: anEvent('c', 1) }, unhurried)
  expect(sink.attempts).toEqual(['rec_a', 'e'])
  expect(heard).toEqual(['voice'])
  expect(store.operations).not.toContain('Get')
})

test('what lies elsewhere is fetched, delivered under its own key, and gone afterwards', async () => {
  const { audio, sink, reach, heard, fetched } = await elsewhere()
  expect(await reach.deliver(of(audio), unhurried)).toEqual({ kind: 'delivered', remoteId: 'z1' })
  expect(heard).toEqual(['voice'])
  expect(sink.acknowledged).toEqual(['rec_a'])
  expect(await readdir(fetched)).toEqual([])
})

test('nothing stays of what could not be delivered, nor of what a crash left', async () => {
  const { audio, sink, reach, fetched } = await elsewhere()
  sink.script('rec_a', () => ({ kind: 'retry', reason: '503', afterMs: null }))
  expect(await reach.deliver(of(audio), unhurried)).toMatchObject({ kind: 'retry', reason: '503' })
  expect(await readdir(fetched)).toEqual([])
  await writeFile(join(fetched, 'rec_b.mp3'), 'half')
  await reach.start()
  expect(await readdir(fetched)).toEqual([])
})

test('an archive that fails or refuses is tried again for this one alone, and asks nothing of Zendesk', async () => {
  const { store, audio, sink, reach, fetched } = await elsewhere()
  store.fault = () => ({ status: 500, code: 'InternalError' })
  expect(await reach.deliver(of(audio), unhurried)).toMatchObject({ kind: 'retry', unasked: true })
  store.fault = () => ({ status: 403, code: 'AccessDenied' })
  expect(await reach.deliver(of(audio), unhurried)).toMatchObject({ kind: 'wait', scope: 'job', unasked: true })
  store.fault = () => 'half'
  expect(await reach.deliver(of(audio), unhurried)).toMatchObject({ kind: 'retry', unasked: true })
  expect(sink.attempts).toEqual([])
  expect(await readdir(fetched)).toEqual([])
})

test('other content than what was encoded never reaches Zendesk', async () => {
  const { store, audio, sink, reach, key } = await elsewhere()
  const kept = store.objects.get(key)
  if (kept === undefined) throw new Error('nothing is kept')
  store.objects.set(key, { ...kept, bytes: Buffer.from('noise') })
  expect(await reach.deliver(of(audio), unhurried)).toMatchObject({ kind: 'reject', reason: expect.stringContaining(key) })
  expect(sink.attempts).toEqual([])
})

test('without room on this disk it waits', async () => {
  const { audio, sink, reach } = await elsewhere({ maxSpoolBytes: 4 })
  expect(await reach.deliver(of(audio), unhurried)).toMatchObject({
    kind: 'wait',
    scope: 'job',
    unasked: true,
    reason: expect.stringContaining('spool.max'),
  })
  expect(sink.attempts).toEqual([])
})

test('a bridge without that archive leaves it to one that has it, and says so', async () => {
  const { audio, sink, reach, key } = await elsewhere({ configured: false })
  const answer = await reach.deliver(of(audio), unhurried)
  expect(answer).toMatchObject({ kind: 'retry', unasked: true, reason: expect.stringContaining('configure the same archive') })
  expect(answer).toMatchObject({ reason: expect.stringContaining(key) })
  expect(sink.attempts).toEqual([])
})

test('what is neither here nor archived is for the sink to judge; while nobody can say, it waits', async () => {
  const { archive, audio, sink, space, fetched } = await elsewhere()
  const options = { sink, archive, space, folder: fetched }
  sink.script('rec_a', () => ({ kind: 'reject', reason: 'it is gone' }))
  const nowhere = new AudioInReach({ ...options, archivedAs: async () => null })
  expect(await nowhere.deliver(of(audio), unhurried)).toEqual({ kind: 'reject', reason: 'it is gone' })
  const unknown = new AudioInReach({ ...options, archivedAs: () => Promise.reject(new Error('connection lost')) })
  expect(await unknown.deliver(of(audio), unhurried)).toMatchObject({
    kind: 'wait',
    scope: 'job',
    reason: expect.stringContaining('connection lost'),
  })
})

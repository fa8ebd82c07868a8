import { randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { LocalArchive } from '../../src/archive/local-archive.ts'
import { S3Archive } from '../../src/archive/s3/s3-archive.ts'
import { ArchiveSink } from '../../src/archive/sink.ts'
import type { CallSnapshot } from '../../src/events/event.ts'
import { call, encodedAs, folder, recording, startedAt, unhurried, voicemail } from './audio.ts'
import { s3Server } from './s3-server.ts'
import { type Fault, keys } from './s3-store.ts'

const minute = 60_000
const mp3 = 'hq/2026/11/22/rec_a.mp3'
const vcon = 'hq/2026/11/22/rec_a.vcon.json'
const item = recording('rec_a', { callId: call.id })
const goingOn: CallSnapshot = { ...call, endedAt: null, outcome: null }

async function inFolder() {
  const root = await folder()
  const archive = new LocalArchive({
    folder: join(root, 'calls'),
    publicUrl: null,
    site: 'hq',
    newName: randomUUID,
    clock: Date.now,
  })
  const known: { call: CallSnapshot | null } = { call }
  const time = { now: startedAt + minute }
  const sink = new ArchiveSink({ archive, findCall: async () => known.call, clock: () => time.now })
  return { root: join(root, 'calls'), sink, known, time, audio: await encodedAs('voice', root) }
}

async function inBucket(account: { readonly secretKey?: string; readonly bucket?: string } = {}) {
  const { store, endpoint, region, bucket } = await s3Server()
  const archive = new S3Archive({
    account: {
      bucket: account.bucket ?? bucket,
      prefix: '',
      region,
      endpoint,
      credentials: { ...keys, ...(account.secretKey === undefined ? {} : { secretKey: account.secretKey }) },
      pathStyle: true,
      storageClass: null,
      sse: null,
      kmsKeyId: null,
      checksums: 'sha256',
    },
    site: 'hq',
    publicUrl: null,
    newName: randomUUID,
    clock: Date.now,
    partBytes: 5 * 1_048_576,
  })
  onTestFinished(() => archive.stop())
  const sink = new ArchiveSink({ archive, findCall: async () => call, clock: () => startedAt + minute })
  return { store, archive, sink, spool: await folder() }
}

describe('what goes to the archive', () => {
  test('a recording, with the record of its whole call; its id there is its key', async () => {
    const { root, sink, audio } = await inFolder()
    expect(await sink.deliver({ item, audio }, unhurried)).toEqual({ kind: 'delivered', remoteId: mp3 })
    const record: unknown = JSON.parse(await readFile(join(root, vcon), 'utf8'))
    expect(record).toMatchObject({ analysis: [{ body: { call: { id: call.id, reason: 'completed' } } }] })
  })

  test('waits for the end of its call, but not longer than an hour', async () => {
    const { root, sink, known, time, audio } = await inFolder()
    known.call = goingOn
    const wait = { kind: 'wait', scope: 'job', afterMs: 30_000, reason: expect.stringContaining(call.id), unasked: true }
    expect(await sink.deliver({ item, audio }, unhurried)).toEqual(wait)
    time.now = startedAt + 60 * minute - 1
    expect(await sink.deliver({ item, audio }, unhurried)).toEqual(wait)
    time.now += 1
    expect(await sink.deliver({ item, audio }, unhurried)).toMatchObject({ kind: 'delivered' })
    expect(await readFile(join(root, vcon), 'utf8')).toContain('"ended_at": null')
  })

  test('at once when it belongs to no call, or to one that is not known any more', async () => {
    const { root, sink, known, audio } = await inFolder()
    known.call = goingOn
    expect(await sink.deliver({ item: voicemail('vm_a'), audio }, unhurried)).toMatchObject({ kind: 'delivered' })
    known.call = null
    expect(await sink.deliver({ item, audio }, unhurried)).toMatchObject({ kind: 'delivered' })
    expect((await readdir(join(root, 'hq/2026/11/22'))).sort()).toEqual([
      'rec_a.mp3',
      'rec_a.vcon.json',
      'vm_a.mp3',
      'vm_a.vcon.json',
    ])
  })

  test('later, and without an attempt, while nobody can say what is known of the call', async () => {
    const { root, audio } = await inFolder()
    const archive = new LocalArchive({ folder: root, publicUrl: null, site: 'hq', newName: randomUUID, clock: Date.now })
    const sink = new ArchiveSink({ archive, findCall: () => Promise.reject(new Error('connection lost')), clock: Date.now })
    expect(await sink.deliver({ item, audio }, unhurried)).toMatchObject({
      kind: 'wait',
      scope: 'job',
      unasked: true,
      reason: expect.stringContaining('connection lost'),
    })
  })

  test('what was linked before is not sent again, and its record then tells the whole call', async () => {
    const { store, archive, sink, spool } = await inBucket()
    const audio = await encodedAs('voice', spool)
    await archive.store(item, audio, { call: goingOn }, unhurried)
    const puts = (): readonly string[] => store.asked.filter(({ operation }) => operation === 'Put').map(({ key }) => key)
    expect(puts()).toEqual([mp3, vcon])
    expect(await sink.deliver({ item, audio }, unhurried)).toEqual({ kind: 'delivered', remoteId: mp3 })
    expect(puts()).toEqual([mp3, vcon, vcon])
    expect(store.objects.get(vcon)?.bytes.toString()).toContain('"reason": "completed"')
    await sink.deliver({ item, audio }, unhurried)
    expect(puts()).toHaveLength(3)
  })

  test('nor is what was linked while its call was not known', async () => {
    const { store, archive, sink, spool } = await inBucket()
    const audio = await encodedAs('voice', spool)
    await archive.store(item, audio, null, unhurried)
    await sink.deliver({ item, audio }, unhurried)
    expect(store.asked.filter(({ operation }) => operation === 'Put').map(({ key }) => key)).toEqual([mp3, vcon])
  })
})

describe('an archive that does not do it', () => {
  const large = Buffer.alloc(6 * 1_048_576, 'x')
  const cases: readonly {
    readonly name: string
    readonly fault: (operation: string) => Fault | null
    readonly result: object
    readonly content?: Buffer
  }[] = [
    {
      name: 'is tried again when it is broken',
      fault: () => ({ status: 500, code: 'InternalError' }),
      result: { kind: 'retry' },
    },
    { name: 'is tried again when it does not answer', fault: () => 'cut', result: { kind: 'retry' } },
    {
      name: 'is not believed when it says 200 and keeps nothing',
      fault: operation => (operation === 'Put' ? 'lose' : null),
      result: { kind: 'retry', reason: expect.stringContaining('does not have it as it was sent') },
    },
    {
      name: 'is not believed when its 200 has an error in the body',
      fault: operation => (operation === 'Complete' ? 'late' : null),
      result: { kind: 'retry' },
      content: large,
    },
    {
      name: 'is tried again when it fails a part',
      fault: operation => (operation === 'Part' ? { status: 503, code: 'ServiceUnavailable' } : null),
      result: { kind: 'retry', reason: expect.stringContaining('keep part 1 of hq/2026/11/22/rec_a.mp3') },
      content: large,
    },
    {
      name: 'gets the pause that it asks for',
      fault: () => ({ status: 503, code: 'SlowDown', headers: { 'retry-after': '7' } }),
      result: { kind: 'wait', scope: 'sink', afterMs: 7_000 },
    },
    {
      name: 'is left alone until somebody has made room',
      fault: operation => (operation === 'Put' ? { status: 507, code: 'XMinioStorageFull' } : null),
      result: { kind: 'wait', scope: 'sink', reason: expect.stringContaining('make room in the store') },
    },
  ]
  test.each(cases)('$name', async ({ fault, result, content = Buffer.from('voice') }) => {
    const { store, sink, spool } = await inBucket()
    const audio = await encodedAs(content, spool)
    store.fault = ({ operation }) => fault(operation)
    expect(await sink.deliver({ item, audio }, unhurried)).toMatchObject(result)
    store.fault = () => null
    expect(await sink.deliver({ item, audio }, unhurried)).toEqual({ kind: 'delivered', remoteId: mp3 })
    expect(store.objects.get(mp3)?.bytes.length).toBe(content.length)
  })

  test('for want of the right key or bucket holds all its deliveries, and says what to correct', async () => {
    const wrongKey = await inBucket({ secretKey: 'wrong' })
    const audio = await encodedAs('voice', wrongKey.spool)
    const answer = await wrongKey.sink.deliver({ item, audio }, unhurried)
    expect(answer).toMatchObject({
      kind: 'wait',
      scope: 'sink',
      reason: expect.stringContaining('correct archive.s3.secret_key'),
    })
    expect(JSON.stringify(answer)).not.toContain('wrong')
    const noBucket = await inBucket({ bucket: 'elsewhere' })
    expect(await noBucket.sink.deliver({ item, audio }, unhurried)).toMatchObject({
      kind: 'wait',
      scope: 'sink',
      reason: expect.stringContaining('create the bucket, or correct archive.s3.bucket'),
    })
  })

  test('stops when it is told to', async () => {
    const { sink, spool } = await inBucket()
    const audio = await encodedAs('voice', spool)
    await expect(sink.deliver({ item, audio }, AbortSignal.abort(new Error('stopping')))).rejects.toThrow(/abort|stopping/)
  })
})

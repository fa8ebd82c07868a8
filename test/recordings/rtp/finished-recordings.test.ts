import { link, lstat, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sourceFile } from '../../../src/recordings/audio/byte-source.ts'
import type { TakeResult } from '../../../src/recordings/candidate.ts'
import { finishedRecordings } from '../../../src/recordings/rtp/finished-recordings.ts'
import { writeSidecar } from '../../../src/recordings/rtp/sidecar-file.ts'
import { eventually } from '../eventually.ts'
import { callId, Stage } from '../stage.ts'
import { tone, wav } from '../wav.ts'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.make()
  await stage.start()
})
afterEach(async () => {
  await stage.remove()
})

const name = 'a_b@phones.wav'
const here = () => join(stage.spool.recordedFolder, name)

/** Finishes a recording, as the receiver does. */
async function finished(): Promise<void> {
  await writeFile(here(), wav({ data: tone(1, 8000, 2), channels: 2 }))
}

async function withSidecar(): Promise<void> {
  const channels = [{ channel: 1, key: 'm0', name: null, streams: [{ id: 'm0', label: null }] }]
  const times = { startedAt: '2026-11-22T06:37:17.000Z', endedAt: null, recovered: false }
  await writeSidecar(here().replace('.wav', '.json'), {
    key: 'a/b@phones',
    callId: 'a/b@phones',
    ...times,
    sampleRate: 8000,
    channels,
    pauses: [],
  })
}

async function take(): Promise<TakeResult> {
  const reader = finishedRecordings(stage.spool, stage.intake)
  return await reader.take(sourceFile(here(), await lstat(here())), name)
}

async function taken() {
  const result = await take()
  if (result.kind !== 'taken') throw new Error(JSON.stringify(result))
  return result.id
}

const recorded = () => readdir(stage.spool.recordedFolder)
const incoming = () => readdir(stage.spool.incomingFolder)

test('a recording finds its call by the session that recorded it, and is gone once it is delivered', async () => {
  stage.ledger.calls.set('sip:a/b@phones', callId('call_a'))
  await withSidecar()
  await finished()
  const id = await taken()
  expect(await recorded()).toEqual([])
  await eventually(() => expect(stage.ledger.jobs).toHaveLength(1))
  expect(stage.ledger.jobs[0]).toMatchObject({ id, callId: 'call_a', startedAt: Date.UTC(2026, 10, 22, 6, 37, 17) })
  await stage.deliver(id)
  expect(await incoming()).toEqual([])
})

test('one that may not be kept, or that an operator gives up, is gone as well', async () => {
  await finished()
  const id = await taken()
  await stage.drop(id, 'no consent')
  await stage.intake.onDelivered({ id })
  expect([await recorded(), await incoming()]).toEqual([[], []])
})

test('after a crash before the ledger had it, it is taken as if for the first time', async () => {
  await finished()
  const id = await taken()
  const path = stage.spool.incomingPath(id, name)
  stage.ledger.items.clear()
  await link(path, here())
  await stage.stop()
  await stage.start()
  expect([await recorded(), await incoming()]).toEqual([[name], []])
  expect(await taken()).toBe(id)
  expect([await recorded(), await incoming()]).toEqual([[], [id]])
})

test('after a crash before its first name went, it is known, and only that goes', async () => {
  await finished()
  const id = await taken()
  await link(stage.spool.incomingPath(id, name), here())
  expect(await take()).toEqual({ kind: 'known', id, state: 'waiting' })
  expect([await recorded(), await incoming()]).toEqual([[], [id]])
  expect(stage.ledger.items.size).toBe(1)
})

test('one that was delivered meanwhile does not stay behind', async () => {
  await finished()
  const id = await taken()
  await stage.deliver(id)
  await finished()
  expect(await take()).toEqual({ kind: 'known', id, state: 'delivered' })
  expect([await recorded(), await incoming()]).toEqual([[], []])
})

test('where the sidecar was lost or cut short, the name of the file is the Call-ID', async () => {
  stage.ledger.calls.set('sip:a_b@phones', callId('call_b'))
  await finished()
  await writeFile(here().replace('.wav', '.json'), '{"key":')
  await taken()
  await eventually(() => expect(stage.ledger.jobs).toMatchObject([{ callId: 'call_b' }]))
  expect(await recorded()).toEqual([])
})

test('what is still being written, and sidecars, are nothing to take', () => {
  const { leader } = finishedRecordings(stage.spool, stage.intake)
  expect(['.a.wav.part', 'a.json', '.wav', 'sub/a.wav', 'a.wav'].map(leader)).toEqual([null, null, null, null, 'a.wav'])
})

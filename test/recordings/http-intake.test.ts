import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { UploadFields } from '../../src/recordings/intake/upload-name.ts'
import { eventually } from './eventually.ts'
import { callId, Stage } from './stage.ts'
import { tone, wav } from './wav.ts'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.make()
  await stage.start()
})
afterEach(async () => {
  await stage.remove()
})

const noFields: UploadFields = {
  fileName: 'a.wav',
  callId: null,
  unique: null,
  from: null,
  to: null,
  startedAt: null,
  consent: null,
}

async function* pieces(bytes: Uint8Array, failure: Error | null = null): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
  if (failure !== null) throw failure
}

const upload = (bytes: AsyncIterable<Uint8Array>, fields: Partial<UploadFields> = {}) =>
  stage.http.accept(bytes, { ...noFields, ...fields }, new AbortController().signal)
const leftovers = () => readdir(stage.spool.incomingFolder)

test('an upload is stored, tied to its call, encoded, and removed once it is delivered', async () => {
  stage.ledger.calls.set('sip:abc@pbx', callId('call_a'))
  const result = await upload(pieces(wav({ data: tone(2) })), { callId: 'abc@pbx', startedAt: '2026-11-22T06:37:17Z' })
  if (result.kind !== 'accepted') throw new Error(JSON.stringify(result))
  await eventually(() => expect(stage.ledger.jobs).toHaveLength(1))
  expect(stage.ledger.jobs[0]).toMatchObject({ id: result.id, callId: 'call_a', startedAt: Date.UTC(2026, 10, 22, 6, 37, 17) })
  await stage.deliver(result.id)
  expect(await leftovers()).toEqual([])
  expect(await upload(pieces(wav({ data: tone(2) })))).toEqual({ kind: 'known', id: result.id })
  expect(await leftovers()).toEqual([])
})

test('the same upload again is known, and the first one stays', async () => {
  const first = await upload(pieces(wav()), { callId: 'x' })
  if (first.kind !== 'accepted') throw new Error(JSON.stringify(first))
  const path = stage.spool.incomingPath(first.id, 'a.wav')
  expect(await upload(pieces(wav()), { callId: 'x' })).toEqual({ kind: 'known', id: first.id })
  expect((await readFile(path)).equals(wav())).toBe(true)
  expect(stage.ledger.items.size).toBe(1)
})

test.each([
  [{ fileName: '../../etc/passwd' }, 'file_name', /path separator/],
  [{ fileName: '..wav' }, 'file_name', /`\.\.`/],
  [{ fileName: 'a\\b.wav' }, 'file_name', /path separator/],
  [{ fileName: '' }, 'file_name', /empty/],
  [{ fileName: '.wav' }, 'file_name', /dot/],
  [{ fileName: 'a\0.wav' }, 'file_name', /control/],
  [{ fileName: `${'a'.repeat(300)}.wav` }, 'file_name', /longer/],
  [{ callId: '' }, 'call_id', /empty/],
  [{ from: 'x'.repeat(600) }, 'from', /longer/],
  [{ startedAt: 'yesterday' }, 'started_at', /no time/],
  [{ consent: 'perhaps' }, 'consent', /give yes or no/],
])('%j is refused', async (fields, field, reason) => {
  expect(await upload(pieces(wav()), fields)).toEqual({ kind: 'refused', field, reason: expect.stringMatching(reason) })
  expect(await leftovers()).toEqual([])
})

test('what is no WAV is stored, quarantined, and said so, and goes when it is dropped', async () => {
  const result = await upload(pieces(Buffer.from('PK\x03\x04 a ZIP', 'latin1')))
  expect(result).toMatchObject({ kind: 'quarantined', reason: expect.stringContaining('ZIP') })
  if (result.kind !== 'quarantined') throw new Error(JSON.stringify(result))
  expect(await leftovers()).toEqual([result.id])
  await stage.drop(result.id, 'not needed')
  await stage.stop()
  await stage.start() // which tidies up
  expect(await leftovers()).toEqual([])
})

test('one that is too large, cut off or aborted leaves nothing', async () => {
  expect(await upload(pieces(Buffer.alloc(1_000_001)))).toEqual({ kind: 'too-large', limit: 1_000_000 })
  const reset = Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
  expect(await upload(pieces(wav(), reset))).toEqual({ kind: 'aborted' })
  expect(await stage.http.accept(pieces(wav()), noFields, AbortSignal.abort())).toEqual({ kind: 'aborted' })
  expect(await leftovers()).toEqual([])
  expect(stage.ledger.items.size).toBe(0)
})

test('nothing is acknowledged that the ledger does not have', async () => {
  stage.ledger.fault = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  expect(await upload(pieces(wav()))).toEqual({ kind: 'failed', reason: expect.stringContaining('the disk is full') })
  stage.ledger.fault = null
  expect(await upload(pieces(wav()))).toMatchObject({ kind: 'accepted' })
})

test('an incoming folder that is no folder is a failure of this machine', async () => {
  await rm(stage.spool.incomingFolder, { recursive: true })
  await writeFile(stage.spool.incomingFolder, 'x')
  expect(await upload(pieces(wav()))).toMatchObject({ kind: 'failed' })
  expect(stage.http.counters.failed).toBe(1)
  await rm(stage.spool.incomingFolder)
})

import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ArchiveError } from '../../src/archive/archive.ts'
import { openArchive } from '../../src/bridge/archive.ts'
import { Compliance } from '../../src/bridge/compliance.ts'
import { complianceDesk } from '../../src/bridge/compliance-desk.ts'
import { numberPlan } from '../../src/events/numbers.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import { folder } from '../archive/audio.ts'
import { s3Server } from '../archive/s3-server.ts'
import { keys } from '../archive/s3-store.ts'
import { accepted } from '../config/loading.ts'
import { aChange, aRecording, aVoicemail, fileOf, ops, recordingId } from '../uploads/fixtures.ts'

const key = 'hq/2026/11/22/v1.mp3'
const signal = new AbortController().signal
const order = { ...ops, reason: 'case 7' }

/** A voicemail that lies in a bucket, and one that is not archived yet. */
async function office() {
  const { store: bucket, endpoint, region } = await s3Server()
  const s3 = `{ bucket: calls, region: ${region}, endpoint: "${endpoint}", access_key: ${keys.accessKey}, secret_key: "${keys.secretKey}" }`
  const opened = await openArchive(await accepted(`archive: { s3: ${s3} }\n`))
  onTestFinished(() => opened?.stop())
  const log = { error: () => {} }
  const dataDir = join(await folder(), 'data')
  const store = await SqliteStore.open({ dataDir, role: 'bridge', now: Date.now, archive: 'all-bridges', log })
  onTestFinished(() => store.close())
  for (const id of ['v1', 'v2']) {
    const item = aVoicemail(id)
    await store.items.add(item, fileOf(item))
    await store.items.queue(item)
  }
  const [job] = await store.jobs.claim('archive', 1)
  if (job !== undefined) await store.jobs.settle([{ job, verdict: { kind: 'delivered', remoteId: key } }])
  const archive = opened?.archive ?? null
  const compliance = new Compliance({ store, archive, numbers: numberPlan({ country: 'US', internal: [/^1\d{3}$/] }) })
  const isHeld = async (id: string) => (await store.items.custody(recordingId(id)))?.hold ?? null
  return { bucket, store, archive, compliance, isHeld }
}

const through = async (steps: AsyncIterable<readonly { readonly id: string }[]>): Promise<readonly string[]> => {
  const ids: string[] = []
  for await (const step of steps) ids.push(...step.map(({ id }) => id))
  return ids
}

test('a hold is in the store and, of what is archived, in the archive; a release takes both away', async () => {
  const { archive, compliance, isHeld } = await office()
  const about = await compliance.about({ kind: 'number', number: '(415) 555-0100' })
  expect(await through(compliance.hold(about, order, signal))).toEqual(['v1', 'v2'])
  expect([await isHeld('v1'), await isHeld('v2'), await archive?.isHeld(key, signal)]).toEqual(['case 7', 'case 7', true])
  expect(await archive?.delete(key, signal)).toBe('held')
  expect(await through(compliance.erase(about, { ...order, keepSources: false }))).toEqual([])
  expect(await through(compliance.release(about, order, signal))).toEqual(['v1', 'v2'])
  expect([await isHeld('v1'), await archive?.isHeld(key, signal)]).toEqual([null, false])
})

test('what is held before it is archived finds its marker in the archive, and a release takes that away, too', async () => {
  const { archive, compliance } = await office()
  const about = await compliance.about({ kind: 'item', id: 'v2' })
  await through(compliance.hold(about, order, signal))
  expect(await archive?.isHeld('hq/2026/11/22/v2.mp3', signal)).toBe(true)
  await through(compliance.release(about, order, signal))
  expect(await archive?.isHeld('hq/2026/11/22/v2.mp3', signal)).toBe(false)
})

test('an archive that is away keeps no hold from the store, and the same command again puts its marker', async () => {
  const { bucket, archive, compliance, isHeld } = await office()
  const about = await compliance.about({ kind: 'item', id: 'v1' })
  bucket.fault = () => ({ status: 403, code: 'AccessDenied' })
  await expect(through(compliance.hold(about, order, signal))).rejects.toThrow(ArchiveError)
  expect(await isHeld('v1')).toBe('case 7')
  bucket.fault = () => null
  expect(await through(compliance.hold(about, order, signal))).toEqual([])
  expect(await archive?.isHeld(key, signal)).toBe(true)
})

test('what the archive cannot be told to release stays held', async () => {
  const { bucket, compliance, isHeld } = await office()
  const about = await compliance.about({ kind: 'item', id: 'v1' })
  await through(compliance.hold(about, order, signal))
  bucket.fault = () => ({ status: 403, code: 'AccessDenied' })
  await expect(through(compliance.release(about, order, signal))).rejects.toThrow(ArchiveError)
  expect(await isHeld('v1')).toBe('case 7')
  const answer = await complianceDesk(compliance).release({ kind: 'item', id: 'v1' }, order)
  expect(answer).toMatchObject({ kind: 'refused', reason: expect.stringContaining('send the request again') })
})

test('a call is meant by its id or by its SIP Call-ID', async () => {
  const { store, compliance } = await office()
  await store.calls.append([aChange('call_a', [1], { keys: ['sip:a@pbx'] })])
  const item = aRecording('r1', 'call_a')
  await store.items.add(item, fileOf(item))
  for (const id of ['call_a', 'a@pbx']) {
    const answer = await complianceDesk(compliance).find({ kind: 'call', id })
    expect(answer).toMatchObject({ kind: 'done', items: [{ id: 'r1' }], changed: [] })
  }
})

test('over the API it answers with all that it is about, as it is then', async () => {
  const { compliance } = await office()
  const desk = complianceDesk(compliance)
  await desk.hold({ kind: 'item', id: 'v1' }, order)
  const answer = await desk.erase({ kind: 'number', number: '+14155550100' }, { ...order, keepSources: false })
  expect(answer).toMatchObject({
    kind: 'done',
    items: [
      { id: 'v1', hold: 'case 7', erasure: null },
      { id: 'v2', hold: null, erasure: 'asked' },
    ],
    changed: ['v2'],
  })
})

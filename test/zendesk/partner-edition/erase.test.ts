import { expect, onTestFinished, test } from 'vitest'
import type { Delivery } from '../../../src/zendesk/delivery.ts'
import { bearer } from '../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../src/zendesk/http/connection.ts'
import { PartnerEditionEraser } from '../../../src/zendesk/partner-edition/erase.ts'
import { PartnerEditionSink } from '../../../src/zendesk/partner-edition/sink.ts'
import { madeEvent, madeRecording, madeVoicemail } from '../made-events.ts'
import { madeMp3 } from '../made-mp3.ts'
import { json, type RunningSandbox, runningSandbox, temporaryFolder } from '../running-sandbox.ts'

const never = new AbortController().signal

function connected({ url: baseUrl, token }: Pick<RunningSandbox, 'url' | 'token'>) {
  const connection = new Connection({ baseUrl, authorization: bearer(token), userAgent: 'test', clock: Date.now })
  onTestFinished(() => connection.close())
  const eraser = new PartnerEditionEraser({ connection, clock: Date.now })
  return { eraser, sink: new PartnerEditionSink({ connection, clock: Date.now }) }
}

/** A call with two recordings, a recording without a call and a voicemail, delivered. */
async function account() {
  const sandbox = await runningSandbox()
  const { eraser, sink } = connected(sandbox)
  const audio = await madeMp3(await temporaryFolder(), 'a.mp3')
  const event = madeEvent('call-1')
  const found = { foundAt: Date.now() }
  const first = { ...madeRecording('rec-1', audio, 'call-1'), ...found }
  const second = { ...madeRecording('rec-2', audio, 'call-1'), ...found }
  const stray = { ...madeRecording('rec-3', audio, null), ...found }
  const voicemail = { ...madeVoicemail('vm-1', audio), ...found }
  const deliveries: Delivery[] = [
    { kind: 'event', idempotencyKey: event.id, event },
    ...[first, second, stray].map(item => ({ kind: 'recording' as const, idempotencyKey: item.id, site: 'hq', item, audio })),
    { kind: 'voicemail', idempotencyKey: 'vm-1', site: 'hq', item: voicemail, audio },
  ]
  for (const delivery of deliveries) expect(await sink.deliver(delivery, never)).toMatchObject({ kind: 'delivered' })
  const left = async () => {
    const { phone_recordings: recordings } = await json(await sandbox.call('/phone_recordings'))
    const { phone_voicemails: voicemails } = await json(await sandbox.call('/phone_voicemails'))
    return [...recordings, ...voicemails].map(({ external_id }: { external_id: string }) => external_id).sort()
  }
  return { sandbox, eraser, first, second, stray, voicemail, left }
}

test('a recording whose id is known is deleted; its audio is 410 from then on, and repeating it finds nothing', async () => {
  const { sandbox, eraser, first, left } = await account()
  const errand = { remoteId: '1', wasSent: true }
  expect(await eraser.erase(first, errand, never)).toEqual({ kind: 'erased', told: 'deleted (1)', byHand: null })
  expect(await left()).toEqual(['rec-2', 'rec-3', 'vm-1'])
  expect((await sandbox.call('/phone_recordings/1/download')).status).toBe(410)
  expect(await eraser.erase(first, errand, never)).toEqual({ kind: 'erased', told: 'not there', byHand: null })
})

test('what was delivered without our knowing is found by its own id, of a call, without one, and a voicemail', async () => {
  const { eraser, second, stray, voicemail, left } = await account()
  const errand = { remoteId: null, wasSent: true }
  expect(await eraser.erase(second, errand, never)).toMatchObject({ told: expect.stringContaining('deleted') })
  expect(await left()).toEqual(['rec-1', 'rec-3', 'vm-1'])
  await eraser.erase(stray, errand, never)
  await eraser.erase(voicemail, errand, never)
  expect(await left()).toEqual(['rec-1'])
  expect(await eraser.erase(voicemail, errand, never)).toMatchObject({ kind: 'erased', told: 'not there' })
})

test('what never went there is not asked for', async () => {
  const { first } = await account()
  const { eraser } = connected({ url: 'http://127.0.0.1:9', token: 'x' })
  expect(await eraser.erase(first, { remoteId: null, wasSent: false }, never)).toMatchObject({
    kind: 'erased',
    told: 'never sent',
  })
})

test.each([
  ['a 503', 503, { kind: 'retry' }],
  ['a 429', 429, { kind: 'wait', scope: 'sink' }],
  ['a token that is refused', 401, { kind: 'wait', reason: expect.stringContaining('zendesk.token') }],
  ['a refusal', 422, { kind: 'reject' }],
])('%s means what it means for a delivery', async (_name, status, result) => {
  const { sandbox, eraser, first, left } = await account()
  await sandbox.fault('phone_recordings', { kind: 'status', status }, { times: 1 })
  expect(await eraser.erase(first, { remoteId: '1', wasSent: true }, never)).toMatchObject(result)
  expect(await left()).toContain('rec-1')
})

test('a server that is away is for the next try, and its reason holds no token', async () => {
  const { first } = await account()
  const { eraser } = connected({ url: 'http://127.0.0.1:9', token: 'very-secret' })
  const answer = await eraser.erase(first, { remoteId: '1', wasSent: true }, never)
  expect(answer).toMatchObject({ kind: 'retry' })
  expect(JSON.stringify(answer)).not.toContain('very-secret')
})

import { describe, expect, onTestFinished, test } from 'vitest'
import type { AudioItem, RecordingItem } from '../../../src/events/recording.ts'
import { CallsEraser } from '../../../src/zendesk/calls/erase.ts'
import { bearer } from '../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../src/zendesk/http/connection.ts'
import { madeRecording, madeVoicemail } from '../made-events.ts'
import { madeMp3 } from '../made-mp3.ts'
import { json } from '../running-sandbox.ts'
import { asEvent, asRecording, asVoicemail, type DocumentedBridge, documentedBridge, through } from './documented-bridge.ts'
import { answeredCall, callerNo } from './made-scenarios.ts'

const never = new AbortController().signal
const transcript = { kind: 'text', text: 'call me back', language: 'en', sentiment: null, keywords: [] } as const

function eraserOf({ sandbox, memory }: DocumentedBridge) {
  const connection = new Connection({
    baseUrl: sandbox.url,
    authorization: bearer(sandbox.token),
    userAgent: 'test',
    clock: Date.now,
  })
  onTestFinished(() => connection.close())
  const eraser = new CallsEraser({ connection, memory, clock: Date.now })
  return (item: AudioItem, remoteId: string | null) => eraser.erase(item, { remoteId, wasSent: true }, never)
}

/** A call with a ticket and its recording on it. */
async function recordedCall(more: Partial<RecordingItem> = {}) {
  const bridge = await documentedBridge()
  const sink = bridge.sink()
  for (const event of answeredCall('call_a', callerNo(1))) await through(sink, asEvent(event))
  const audio = await madeMp3(bridge.folder, 'rec-1.mp3')
  const item = { ...madeRecording('rec-1', audio, 'call_a'), ...more }
  const ticketId = await through(sink, asRecording(item, audio))
  return { bridge, item, ticketId, erase: eraserOf(bridge) }
}

interface Attachment {
  readonly file_name: string
  readonly content_url: string
}

async function filesOn({ get }: DocumentedBridge, ticketId: string | null): Promise<readonly Attachment[]> {
  const { comments = [] } = await get(`/tickets/${ticketId}/comments`)
  return (comments as { attachments: Attachment[] }[]).flatMap(({ attachments }) => attachments)
}

const recordOf = async ({ get }: DocumentedBridge, ticketId: string | null) => {
  const { comments = [] } = await get(`/tickets/${ticketId}/comments`)
  const [first] = comments as { data?: { call_id?: number } }[]
  return (await get(`/calls/${first?.data?.call_id}`)).call
}

test('a recording is redacted in its ticket, its audio is gone, and the call record leads nowhere; repeated, it finds nothing', async () => {
  const { bridge, item, ticketId, erase } = await recordedCall()
  const [file] = await filesOn(bridge, ticketId)
  expect((await recordOf(bridge, ticketId))?.recording_url).toContain('rec-1.mp3')
  expect(await erase(item, ticketId)).toEqual({ kind: 'erased', told: `redacted in ticket ${ticketId}`, byHand: null })
  expect((await filesOn(bridge, ticketId)).map(({ file_name }) => file_name)).toEqual(['redacted.txt'])
  expect(await (await fetch(file?.content_url ?? '')).text()).toBe('redacted')
  expect((await recordOf(bridge, ticketId))?.recording_url).toBe('')
  expect(await erase(item, ticketId)).toEqual({ kind: 'erased', told: 'not there', byHand: null })
})

test('without what was noted of it, it is found by the ticket that its delivery was answered with', async () => {
  const { bridge, item, ticketId, erase } = await recordedCall()
  for (const key of ['item:rec-1', 'call:call_a']) await bridge.memory.put(key, '{}')
  expect(await erase(item, ticketId)).toMatchObject({ kind: 'erased', told: `redacted in ticket ${ticketId}` })
  expect((await recordOf(bridge, ticketId))?.recording_url).toBe('')
})

test('a delivery that was never answered is found by its notes', async () => {
  const { bridge, item, ticketId, erase } = await recordedCall()
  expect(await erase(item, null)).toMatchObject({ kind: 'erased', told: `redacted in ticket ${ticketId}` })
  expect((await filesOn(bridge, ticketId)).map(({ file_name }) => file_name)).toEqual(['redacted.txt'])
})

test('another recording of the same call stays', async () => {
  const { bridge, item, ticketId, erase } = await recordedCall()
  const audio = await madeMp3(bridge.folder, 'rec-2.mp3', 60)
  await through(bridge.sink(), asRecording(madeRecording('rec-2', audio, 'call_a'), audio))
  await erase(item, ticketId)
  expect((await filesOn(bridge, ticketId)).map(({ file_name }) => file_name)).toEqual(['redacted.txt', 'rec-2.mp3'])
  expect((await recordOf(bridge, ticketId))?.recording_url).toContain('rec-2.mp3')
})

describe('what is left for a person', () => {
  test('is said with the ticket’s number: what was said, in its voice comment', async () => {
    const { bridge, item, ticketId, erase } = await recordedCall({ transcript })
    expect((await recordOf(bridge, ticketId))?.transcript).toBe('call me back')
    const answer = await erase(item, ticketId)
    expect(answer).toMatchObject({ kind: 'erased', byHand: `redact what was said in the voice comment of ticket ${ticketId}` })
    expect((await recordOf(bridge, ticketId))?.transcript).toBe('')
  })

  test('is said with the ticket’s number: all of it, on a closed ticket', async () => {
    const { bridge, item, ticketId, erase } = await recordedCall()
    const headers = { authorization: `Bearer ${bridge.sandbox.token}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ ticket: { status: 'closed' } })
    await fetch(`${bridge.sandbox.url}/api/v2/tickets/${ticketId}`, { method: 'PUT', headers, body })
    expect(await erase(item, ticketId)).toMatchObject({
      kind: 'erased',
      byHand: expect.stringContaining(`ticket ${ticketId} is closed and Zendesk redacts nothing there`),
    })
    expect((await filesOn(bridge, ticketId)).map(({ file_name }) => file_name)).toEqual(['rec-1.mp3'])
  })
})

test('a voicemail is redacted in the ticket that was made of it', async () => {
  const bridge = await documentedBridge()
  const audio = await madeMp3(bridge.folder, 'vm-1.mp3')
  const item = madeVoicemail('vm-1', audio)
  const ticketId = await through(bridge.sink(), asVoicemail(item, audio))
  expect(await eraserOf(bridge)(item, ticketId)).toMatchObject({ kind: 'erased', told: `redacted in ticket ${ticketId}` })
  expect((await filesOn(bridge, ticketId)).map(({ file_name }) => file_name)).toEqual(['redacted.txt'])
})

test('an upload that no comment has attached is thrown away', async () => {
  const { bridge, item, erase } = await recordedCall()
  await bridge.memory.put('item:rec-1', JSON.stringify({ token: 'tok', url: 'https://x.example/rec-1.mp3' }))
  const { sandbox } = bridge
  const upload = await fetch(`${sandbox.url}/api/v2/uploads?filename=a.mp3`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sandbox.token}`, 'content-type': 'audio/mpeg' },
    body: 'x',
  })
  const { token } = (await json(upload)).upload
  await bridge.memory.put('item:rec-1', JSON.stringify({ token }))
  expect(await erase(item, null)).toMatchObject({ told: expect.stringContaining('upload discarded') })
  expect(await sandbox.state()).toMatchObject({ uploads_waiting: 0 })
})

test('a Zendesk that is away, or asks us to slow down, is for the next try; what never went there is not asked for', async () => {
  const { bridge, item, ticketId, erase } = await recordedCall()
  await bridge.sandbox.fault('tickets', { kind: 'status', status: 503 }, { times: 1 })
  expect(await erase(item, ticketId)).toMatchObject({ kind: 'retry' })
  await bridge.sandbox.fault('tickets', { kind: 'status', status: 429 }, { times: 1 })
  expect(await erase(item, ticketId)).toMatchObject({ kind: 'wait' })
  const connection = new Connection({
    baseUrl: 'http://127.0.0.1:9',
    authorization: bearer('x'),
    userAgent: 'test',
    clock: Date.now,
  })
  onTestFinished(() => connection.close())
  const eraser = new CallsEraser({ connection, memory: bridge.memory, clock: Date.now })
  expect(await eraser.erase(item, { remoteId: null, wasSent: false }, never)).toMatchObject({
    kind: 'erased',
    told: 'never sent',
  })
})

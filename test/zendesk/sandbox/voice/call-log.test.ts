import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bearer } from '../../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../../src/zendesk/http/connection.ts'
import { closeDatabase, openDatabase } from '../../../../src/zendesk/sandbox/database.ts'
import { VoiceClient } from '../../../../src/zendesk/voice/voice-client.ts'
import type { SuppliedTranscript } from '../../../../src/zendesk/wire/transcript.ts'
import { madeMp3 } from '../../made-mp3.ts'
import { temporaryFolder } from '../../running-sandbox.ts'
import { askingSandbox, at, eventOf } from './asking.ts'

const signal = new AbortController().signal
const eve = { id: 7, extension: '1007', name: 'Eve' }
const bob = { id: 8, extension: '1008', name: 'Bob' }
const completed: SuppliedTranscript = {
  status: 'completed',
  text: 'I want my money back',
  language: 'en',
  sentiment: 'negative',
  keywords: ['refund'],
}

async function listeningSandbox() {
  const asking = await askingSandbox()
  const { url, token } = asking.sandbox
  const connection = new Connection({ baseUrl: url, authorization: bearer(token), userAgent: 'test', clock: Date.now })
  onTestFinished(() => connection.close())
  const client = new VoiceClient({ connection, clock: Date.now }).partnerEdition
  const made = async (id: string, call: string | null, transcript?: SuppliedTranscript) => {
    const { path, size, sha256, channels, sampleRate } = await madeMp3(await temporaryFolder(), `${id}.mp3`)
    const metadata = {
      external_id: id,
      external_call_id: call,
      format: 'mp3' as const,
      duration: 3,
      channels,
      sample_rate: sampleRate,
      size,
      sha256,
      started_at: at(0),
      consent: null,
      ...(transcript && { transcript }),
    }
    return { path, metadata }
  }
  return {
    ...asking,
    async recording(id: string, call: string | null, transcript?: SuppliedTranscript) {
      const upload = await made(id, call, transcript)
      return client.uploadRecording(upload, signal, id)
    },
    async voicemail(id: string, received_at: string, call: string | null = null, transcript?: SuppliedTranscript) {
      const { path, metadata } = await made(id, call, transcript)
      const message = { ...metadata, from: '+14155550100', to: '1002', received_at, mailbox: '1002' }
      return client.uploadVoicemail({ path, metadata: message }, signal, id)
    },
  }
}

describe('call metrics', () => {
  it('sum up all calls that match, whatever page is shown', async () => {
    const { get, report, voicemail } = await listeningSandbox()
    const connected = { answered_at: at(2), ended_at: at(62), status: 'connected', duration: 60 } as const
    await report(eventOf('c1', 1, 'call.ended', { ...connected, agents: [eve, bob] }))
    await report(eventOf('c2', 1, 'call.ended', { ...connected, duration: 31, agents: [eve] }))
    await report(eventOf('c3', 1, 'call.ended', { ended_at: at(9), status: 'missed', agents: [eve] }))
    await report(eventOf('c4', 1, 'call.ended', { ended_at: at(9), status: 'abandoned', agents: [] }))
    await report(eventOf('c5', 1, 'call.answered', { answered_at: at(9), agents: [bob] }))
    await report(eventOf('c6', 1, 'call.ended', { ...connected, started_at: '2026-11-20T10:00:00.000Z', agents: [bob] }))
    await voicemail('v1', at(30))
    await voicemail('v2', '2026-11-20T10:00:00.000Z', 'c6')
    const { metrics, phone_calls, count } = await get('/phone_calls?start_date=2026-11-22&end_date=2026-11-22&limit=1')
    expect([phone_calls.length, count]).toEqual([1, 5])
    expect(metrics).toEqual({
      total_calls: 5,
      average_duration: 46,
      missed_calls: 1,
      abandoned_calls: 1,
      voicemails: 1,
      agent_performance: [
        { agent_id: 7, name: 'Eve', calls: 3, answered: 2, missed: 1, average_duration: 46, talk_time: 91 },
        { agent_id: 8, name: 'Bob', calls: 2, answered: 2, missed: 0, average_duration: 60, talk_time: 60 },
      ],
    })
    const ofBob = await get('/phone_calls?agent_id=8')
    expect(ofBob.phone_calls.map((call: { external_id: string }) => call.external_id)).toEqual(['c6', 'c5', 'c1'])
    expect(ofBob.metrics).toMatchObject({ total_calls: 3, voicemails: 1, agent_performance: [{ agent_id: 8, talk_time: 120 }] })
    expect((await get('/phone_calls?external_id=nothing')).metrics).toEqual({
      total_calls: 0,
      average_duration: null,
      missed_calls: 0,
      abandoned_calls: 0,
      voicemails: 0,
      agent_performance: [],
    })
  })

  it('show an agent who was taken off a call no more', async () => {
    const { get, report } = await listeningSandbox()
    await report(eventOf('c1', 1, 'call.ringing', { agents: [eve, bob] }))
    await report(eventOf('c1', 2, 'call.answered', { agents: [bob], answered_at: at(2) }))
    expect((await get('/phone_calls?agent_id=7')).count).toBe(0)
    expect((await get('/phone_calls')).metrics.agent_performance).toMatchObject([{ agent_id: 8 }])
  })
})

describe('what was said', () => {
  const nothing = { transcription: null, sentiment: null, keywords: null }
  const shown = { transcription: completed.text, transcription_status: 'completed', sentiment: 'negative', keywords: ['refund'] }

  it('shows with the recording and its call, the newest text first', async () => {
    const { get, report, recording } = await listeningSandbox()
    await report(eventOf('c1', 1, 'call.started'))
    expect((await get('/phone_calls/1')).phone_call).toMatchObject({ ...nothing, transcription_status: 'pending' })
    await recording('r1', 'c1', completed)
    await recording('r2', 'c1', { status: 'failed' })
    await recording('r3', 'c1')
    expect((await get('/phone_recordings/1')).phone_recording).toMatchObject(shown)
    expect((await get('/phone_recordings/2')).phone_recording).toMatchObject({ ...nothing, transcription_status: 'failed' })
    expect((await get('/phone_recordings/3')).phone_recording).toMatchObject({ ...nothing, transcription_status: 'pending' })
    expect((await get('/phone_calls/1')).phone_call).toMatchObject(shown)
    expect((await get('/phone_calls')).phone_calls[0]).toMatchObject(shown)
  })

  it('goes with the recording, from kept answers too', async () => {
    const { get, report, recording, delete: remove } = await listeningSandbox()
    await report(eventOf('c1', 1, 'call.started'))
    const first = await recording('r1', 'c1', completed)
    expect(await recording('r1', 'c1', completed)).toEqual(first)
    await remove(`/phone_recordings/${first.id}`)
    expect((await get('/phone_calls/1')).phone_call).toMatchObject({ ...nothing, recording_url: null })
    expect(await recording('r1', 'c1', completed)).toMatchObject({ id: first.id, transcription: null, keywords: null })
  })

  it('takes up to a million characters', async () => {
    const { get, voicemail } = await listeningSandbox()
    const text = '"é'.repeat(500_000)
    await voicemail('v1', at(0), null, { ...completed, text })
    expect((await get('/phone_voicemails/1')).phone_voicemail.transcription).toHaveLength(1_000_000)
  })
})

describe('a voicemail', () => {
  it('is new until its audio is fetched, and then read', async () => {
    const { get, voicemail, sandbox } = await listeningSandbox()
    await voicemail('v1', at(0))
    await voicemail('v2', at(0))
    await sandbox.call('/phone_voicemails/1/audio', { method: 'HEAD' })
    const listed = async (query: string) =>
      (await get(`/phone_voicemails${query}`)).phone_voicemails.map((one: { external_id: string }) => one.external_id)
    expect(await listed('?filter=new')).toEqual(['v2', 'v1'])
    await (await sandbox.call('/phone_voicemails/1/audio')).arrayBuffer()
    expect(await listed('?filter=new')).toEqual(['v2'])
    expect(await listed('?filter=read')).toEqual(['v1'])
    expect(await listed('?filter=archived')).toEqual([])
    expect(await listed('')).toEqual(['v2', 'v1'])
    expect((await sandbox.call('/phone_voicemails?filter=old')).status).toBe(422)
  })

  it('has the tags of the call that left it', async () => {
    const { get, report, voicemail } = await listeningSandbox()
    await voicemail('v1', at(0), 'c1')
    expect((await get('/phone_voicemails/1')).phone_voicemail).toMatchObject({ call_id: null, tags: [] })
    await report(eventOf('c1', 1, 'call.ended', { tags: ['vip'], ended_at: at(2) }))
    expect((await get('/phone_voicemails/1')).phone_voicemail).toMatchObject({ call_id: 1, tags: ['vip'] })
  })
})

describe('the database', () => {
  it('of the first version opens, and its calls are found by agent', async () => {
    const path = join(await temporaryFolder(), 'sandbox.db')
    const db = openDatabase(path)
    const { call } = eventOf('c1', 1, 'call.started', { agents: [eve] }).phone_call_event
    // Back to what the first version wrote: its tables, and nothing of the second.
    const names: { name: string }[] = db
      .prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('settings', 'answers', 'calls', 'events', 'audio')",
      )
      .all()
    db.exec('PRAGMA foreign_keys = OFF')
    for (const { name } of names) if (!name.startsWith('sqlite_')) db.exec(`DROP TABLE "${name}"`)
    for (const index of ['calls_by_start', 'voicemails_by_receipt']) db.exec(`DROP INDEX ${index}`)
    for (const column of ['ticket_id', 'status', 'answered_at', 'duration']) db.exec(`ALTER TABLE calls DROP COLUMN ${column}`)
    for (const column of ['ticket_id', 'status', 'received_at', 'answer_key']) db.exec(`ALTER TABLE audio DROP COLUMN ${column}`)
    db.prepare('INSERT INTO calls VALUES (1, ?, 1, ?, ?, 0, 0)').run('c1', call.started_at, JSON.stringify(call))
    db.exec('PRAGMA user_version = 1')
    closeDatabase(db)
    const again = openDatabase(path)
    expect(again.prepare('SELECT call_id, agent_id, name FROM call_agents').all()).toEqual([
      { call_id: 1, agent_id: 7, name: 'Eve' },
    ])
    closeDatabase(again)
  })
})

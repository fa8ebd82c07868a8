import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { EventType } from '../../../src/events/event.ts'
import { bearer } from '../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../src/zendesk/http/connection.ts'
import { PartnerEditionSink } from '../../../src/zendesk/partner-edition/sink.ts'
import { Sandbox } from '../../../src/zendesk/sandbox/sandbox.ts'
import { madeEvent, madeRecording, madeVoicemail } from '../made-events.ts'
import { madeMp3, silence } from '../made-mp3.ts'
import { json, type RunningSandbox, runningSandbox, temporaryFolder } from '../running-sandbox.ts'

const never = new AbortController().signal
const silent = { debug() {}, info() {}, warn() {}, error() {} }

function sinkTo({ url, token }: RunningSandbox) {
  const connection = new Connection({ baseUrl: url, authorization: bearer(token), userAgent: 'test', clock: Date.now })
  onTestFinished(() => connection.close())
  const sink = new PartnerEditionSink({ connection, clock: Date.now })
  return {
    async event(call: string, sequence = 1, type: EventType = 'call.started', changes = {}) {
      const event = madeEvent(call, sequence, type, changes)
      expect(await sink.deliver({ kind: 'event', idempotencyKey: event.id, event }, never)).toMatchObject({ kind: 'delivered' })
    },
    async recording(id: string, call: string | null) {
      const audio = await madeMp3(await temporaryFolder(), `${id}.mp3`)
      const delivery = { kind: 'recording', idempotencyKey: id, site: 'hq', item: madeRecording(id, audio, call), audio } as const
      expect(await sink.deliver(delivery, never)).toMatchObject({ kind: 'delivered' })
    },
    async voicemail(id: string) {
      const audio = await madeMp3(await temporaryFolder(), `${id}.mp3`)
      const delivery = { kind: 'voicemail', idempotencyKey: id, site: 'hq', item: madeVoicemail(id, audio), audio } as const
      expect(await sink.deliver(delivery, never)).toMatchObject({ kind: 'delivered' })
    },
  }
}

describe('reading back', () => {
  it('shows a call with its recordings', async () => {
    const sandbox = await runningSandbox()
    const sink = sinkTo(sandbox)
    await sink.event('call-1')
    const outcome = { status: 'connected', reason: 'completed', sipCode: 200, q850: 16 } as const
    await sink.event('call-1', 2, 'call.ended', { outcome, durationMs: 61_000 })
    await sink.recording('rec-1', 'call-1')
    await sink.recording('rec-2', null)
    const { phone_call } = await json(await sandbox.call('/phone_calls/1'))
    expect(phone_call).toMatchObject({
      id: 1,
      external_id: 'call-1',
      from: '+14155550100',
      to: '1001',
      direction: 'inbound',
      status: 'connected',
      duration: 61,
      recording_url: `${sandbox.url}/api/v2/channels/voice/phone_recordings/1/download`,
    })
    const { phone_recordings } = await json(await sandbox.call('/phone_calls/1/recordings'))
    expect(phone_recordings).toMatchObject([{ id: 1, call_id: 1, external_id: 'rec-1', download_url: phone_call.recording_url }])
    expect(await json(await sandbox.call('/phone_recordings'))).toMatchObject({
      count: 2,
      phone_recordings: [{ call_id: null }, {}],
    })
    const missing = await sandbox.call('/phone_calls/99')
    expect([missing.status, (await json(missing)).error]).toEqual([404, 'Call not found'])
    expect((await sandbox.call('/phone_calls/one')).status).toBe(404)
  })

  it('gives lists page by page, newest first, each call once', async () => {
    const sandbox = await runningSandbox()
    const sink = sinkTo(sandbox)
    for (let n = 1; n <= 5; n += 1) await sink.event(`call-${n}`)
    const seen: string[] = []
    let url: string | null = `${sandbox.url}/api/v2/channels/voice/phone_calls?limit=2`
    while (url !== null) {
      const body: { count: number; next_page: string | null; phone_calls: { external_id: string }[] } = await json(
        await fetch(url, { headers: { authorization: `Bearer ${sandbox.token}` } }),
      )
      expect(body.count).toBe(5)
      seen.push(...body.phone_calls.map(call => call.external_id))
      url = body.next_page
    }
    expect(seen).toEqual(['call-5', 'call-4', 'call-3', 'call-2', 'call-1'])
  })

  it.each([
    ['external_id=call-2', ['call-2']],
    ['agent_id=7', ['call-2']],
    ['agent_id=8', []],
    ['start_date=2026-11-22&end_date=2026-11-23', ['call-2', 'call-1']],
    ['end_date=2026-11-21', []],
    ['start_date=2026-11-22T10:00:00%2B01:00', ['call-2', 'call-1']],
  ])('filters calls by %s', async (query, calls) => {
    const sandbox = await runningSandbox()
    const sink = sinkTo(sandbox)
    await sink.event('call-1')
    await sink.event('call-2', 1, 'call.started', { agents: [{ id: 7, extension: '1007', name: 'Bob' }] })
    const { phone_calls } = await json(await sandbox.call(`/phone_calls?${query}`))
    expect(phone_calls.map((call: { external_id: string }) => call.external_id)).toEqual(calls)
  })

  it('refuses a query it does not understand', async () => {
    const sandbox = await runningSandbox()
    for (const query of ['limit=0', 'limit=many', 'before=-1', 'start_date=yesterday']) {
      expect((await sandbox.call(`/phone_calls?${query}`)).status).toBe(422)
    }
  })

  it('lets audio be downloaded whole, in part, and not again', async () => {
    const sandbox = await runningSandbox()
    await sinkTo(sandbox).recording('rec-1', null)
    const whole = silence(40)
    const get = (headers: Record<string, string>) => sandbox.call('/phone_recordings/1/download', { headers })
    const all = await get({})
    expect(all.status).toBe(200)
    expect(Buffer.from(await all.arrayBuffer()).equals(whole)).toBe(true)
    expect(Object.fromEntries(all.headers)).toMatchObject({
      'content-type': 'audio/mpeg',
      'content-length': String(whole.length),
      'accept-ranges': 'bytes',
    })
    const part = await get({ range: 'bytes=100-199' })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 100-199/${whole.length}`])
    expect(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(100, 200))).toBe(true)
    const beyond = await get({ range: 'bytes=999999-' })
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${whole.length}`])
    const etag = all.headers.get('etag') ?? ''
    expect((await get({ 'if-none-match': etag })).status).toBe(304)
    expect((await get({ range: 'bytes=0-1', 'if-range': etag })).status).toBe(206)
    expect((await get({ range: 'bytes=0-1', 'if-range': '"old"' })).status).toBe(200)
    const head = await sandbox.call('/phone_recordings/1/download', { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(whole.length)])
  })

  it('lets voicemails be listed, heard and deleted', async () => {
    const sandbox = await runningSandbox()
    await sinkTo(sandbox).voicemail('vm-1')
    const { phone_voicemails } = await json(await sandbox.call('/phone_voicemails?filter=new'))
    expect(phone_voicemails).toMatchObject([{ id: 1, external_id: 'vm-1', mailbox: '1002@default', status: 'new' }])
    expect((await json(await sandbox.call('/phone_voicemails?filter=read'))).phone_voicemails).toEqual([])
    const audio = await fetch(phone_voicemails[0].audio_url, {
      headers: { authorization: `Bearer ${sandbox.token}`, range: 'bytes=0-9' },
    })
    expect([audio.status, (await audio.arrayBuffer()).byteLength]).toEqual([206, 10])
    expect((await sandbox.call('/phone_voicemails/1', { method: 'DELETE' })).status).toBe(204)
    expect((await sandbox.call('/phone_voicemails/1/audio')).status).toBe(410)
  })

  it('tells a deleted recording from one that never was', async () => {
    const sandbox = await runningSandbox()
    await sinkTo(sandbox).recording('rec-1', null)
    expect((await sandbox.call('/phone_recordings/1', { method: 'DELETE' })).status).toBe(204)
    const gone = await sandbox.call('/phone_recordings/1/download')
    expect([gone.status, await json(gone)]).toEqual([
      410,
      { error: 'Recording not available', description: 'Call recording has been deleted' },
    ])
    expect((await sandbox.call('/phone_recordings/2/download')).status).toBe(404)
    expect((await json(await sandbox.call('/phone_recordings'))).count).toBe(0)
  })
})

describe('the data', () => {
  it('is all there after a restart, with its keys and its token', async () => {
    const dataDir = await temporaryFolder()
    const before = await runningSandbox({ dataDir, token: null })
    await sinkTo(before).event('call-1')
    await sinkTo(before).recording('rec-1', 'call-1')
    await before.sandbox.stop()
    const after = await runningSandbox({ dataDir, token: null })
    expect(after.token).toBe(before.token)
    await sinkTo(after).event('call-1')
    await sinkTo(after).recording('rec-1', 'call-1')
    expect(await after.state()).toMatchObject({ phone_call_events: 1, phone_recordings: 1, repeats: 2 })
    expect((await after.call('/phone_recordings/1/download')).status).toBe(200)
  })

  it('is on disk as soon as it is acknowledged, without a proper end', async () => {
    const running = await runningSandbox()
    const sink = sinkTo(running)
    for (let n = 1; n <= 20; n += 1) await sink.event(`call-${n}`)
    await sink.recording('rec-1', 'call-1')
    // What a machine finds after kill -9: the files as they are now, write-ahead log and all.
    const dataDir = join(await temporaryFolder(), 'found')
    await cp(running.dataDir, dataDir, { recursive: true })
    const found = await runningSandbox({ dataDir })
    expect(await found.state()).toMatchObject({ phone_calls: 20, phone_recordings: 1, out_of_order: 0 })
    expect((await found.call('/phone_recordings/1/download')).status).toBe(200)
  })

  it('belongs to one sandbox at a time', async () => {
    const { dataDir } = await runningSandbox()
    const options = {
      dataDir,
      listen: '127.0.0.1:0',
      token: null,
      requestsPerMinute: 1,
      log: silent,
      clock: Date.now,
      version: '0',
    }
    await expect(new Sandbox(options).start()).rejects.toThrow('is in use by another sandbox')
  })

  it('is started and stopped as often as asked', async () => {
    const { sandbox, url } = await runningSandbox()
    expect((await sandbox.start()).url).toBe(url)
    await Promise.all([sandbox.stop(), sandbox.stop()])
    const again = await sandbox.start()
    expect((await fetch(`${again.url}/_sandbox/state`)).status).toBe(200)
  })

  it.each(['localhost', ':8090', '127.0.0.1:', 'a:b:1'])('is not served at %j', async listen => {
    const dataDir = await temporaryFolder()
    const options = { dataDir, listen, token: null, requestsPerMinute: 1, log: silent, clock: Date.now, version: '0' }
    await expect(new Sandbox(options).start()).rejects.toThrow('write HOST:PORT')
  })
})

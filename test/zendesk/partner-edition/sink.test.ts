import { truncate, unlink } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Delivery } from '../../../src/zendesk/delivery.ts'
import { bearer } from '../../../src/zendesk/http/authorization.ts'
import { Connection, type ConnectionOptions } from '../../../src/zendesk/http/connection.ts'
import { PartnerEditionSink } from '../../../src/zendesk/partner-edition/sink.ts'
import { madeEvent, madeRecording, madeVoicemail } from '../made-events.ts'
import { madeMp3 } from '../made-mp3.ts'
import { json, runningSandbox, temporaryFolder } from '../running-sandbox.ts'
import { scriptedServer } from '../scripted-server.ts'

const token = 'very-secret-token'

function sinkTo(baseUrl: string, timeouts: NonNullable<ConnectionOptions['timeouts']> = {}) {
  const connection = new Connection({
    baseUrl,
    authorization: bearer(token),
    userAgent: 'tpe-bridge/1.2.3',
    clock: Date.now,
    timeouts,
  })
  onTestFinished(() => connection.close())
  const sink = new PartnerEditionSink({ connection, clock: Date.now })
  return {
    deliver: (delivery: Delivery, signal: AbortSignal) => sink.deliver(delivery, signal),
    rateLimit: () => connection.rateLimit(),
    close: () => connection.close(),
  }
}

const never = new AbortController().signal
const event = (call = 'call-1', sequence = 1): Delivery => {
  const made = madeEvent(call, sequence)
  return { kind: 'event', idempotencyKey: made.id, event: made }
}

async function recording(call: string | null = 'call-1', frames = 40): Promise<Extract<Delivery, { kind: 'recording' }>> {
  const audio = await madeMp3(await temporaryFolder(), 'rec-1.mp3', frames)
  return { kind: 'recording', idempotencyKey: 'rec-1', site: 'hq', item: madeRecording('rec-1', audio, call), audio }
}

const accepted = (response: ServerResponse) =>
  response.writeHead(201, { 'content-type': 'application/json' }).end('{"phone_call_event":{"id":"x","phone_call_id":7}}')

describe('the sink and a sandbox', () => {
  it('delivers an event, its recording and a voicemail', async () => {
    const sandbox = await runningSandbox({ token })
    const sink = sinkTo(sandbox.url)
    expect(await sink.deliver(event(), never)).toEqual({ kind: 'delivered', remoteId: '1' })
    expect(await sink.deliver(await recording(), never)).toEqual({ kind: 'delivered', remoteId: '1' })
    const audio = await madeMp3(await temporaryFolder(), 'vm-1.mp3')
    const item = madeVoicemail('vm-1', audio)
    const voicemail: Delivery = { kind: 'voicemail', idempotencyKey: 'vm-1', site: 'hq', item, audio }
    expect(await sink.deliver(voicemail, never)).toEqual({ kind: 'delivered', remoteId: '2' })
    expect(await sandbox.state()).toMatchObject({ phone_call_events: 1, phone_recordings: 1, phone_voicemails: 1, repeats: 0 })
    expect(sink.rateLimit()).toMatchObject({ limit: 1_000_000, remaining: 999_997 })
  })

  it('delivers what was said with the audio, and that a transcriber failed', async () => {
    const sandbox = await runningSandbox({ token })
    const sink = sinkTo(sandbox.url)
    await sink.deliver(event(), never)
    const delivery = await recording()
    const transcript = {
      kind: 'text',
      text: 'I want a refund',
      language: 'en',
      sentiment: 'negative',
      keywords: ['refund'],
    } as const
    await sink.deliver({ ...delivery, item: { ...delivery.item, transcript } }, never)
    const audio = await madeMp3(await temporaryFolder(), 'vm-1.mp3')
    const item = { ...madeVoicemail('vm-1', audio), transcript: { kind: 'failed', reason: 'down' } as const }
    await sink.deliver({ kind: 'voicemail', idempotencyKey: 'vm-1', site: 'hq', item, audio }, never)
    const { phone_call: call } = await json(await sandbox.call('/phone_calls/1'))
    expect(call).toMatchObject({
      transcription: 'I want a refund',
      transcription_status: 'completed',
      sentiment: 'negative',
      keywords: ['refund'],
    })
    const { phone_voicemails: voicemails } = await json(await sandbox.call('/phone_voicemails'))
    expect(voicemails).toMatchObject([{ transcription: null, transcription_status: 'failed' }])
  })

  it('repeats a delivery without repeating its effect', async () => {
    const sandbox = await runningSandbox({ token })
    const sink = sinkTo(sandbox.url)
    await sink.deliver(event(), never)
    const delivery = await recording()
    const results = [await sink.deliver(delivery, never), await sink.deliver(delivery, never), await sink.deliver(event(), never)]
    expect(results).toEqual([
      { kind: 'delivered', remoteId: '1' },
      { kind: 'delivered', remoteId: '1' },
      { kind: 'delivered', remoteId: '1' },
    ])
    expect(await sandbox.state()).toMatchObject({ phone_call_events: 1, phone_recordings: 1, repeats: 2 })
  })

  it.each(['cut', 'accept-then-reset'])('asks again after %s, and the effect is there once', async kind => {
    const sandbox = await runningSandbox({ token })
    const sink = sinkTo(sandbox.url)
    await sandbox.fault('*', { kind })
    expect(await sink.deliver(event(), never)).toMatchObject({ kind: 'retry' })
    expect(await sink.deliver(event(), never)).toEqual({ kind: 'delivered', remoteId: '1' })
    await sandbox.fault('phone_recording_upload', { kind })
    const delivery = await recording()
    expect(await sink.deliver(delivery, never)).toMatchObject({ kind: 'retry' })
    expect(await sink.deliver(delivery, never)).toEqual({ kind: 'delivered', remoteId: '1' })
    expect(await sandbox.state()).toMatchObject({ phone_call_events: 1, phone_recordings: 1, repeats: 2 })
  })

  it('lets a recording wait for its call, and hears an early answer while it is still sending', async () => {
    const sandbox = await runningSandbox({ token })
    const sink = sinkTo(sandbox.url)
    const delivery = await recording('call-1', 30_000)
    expect(await sink.deliver(delivery, never)).toMatchObject({ kind: 'wait', scope: 'job', afterMs: 5_000 })
    await sandbox.fault('phone_recording_upload', { kind: 'status', status: 413, body: { error: 'Too large' } })
    expect(await sink.deliver(delivery, never)).toEqual({ kind: 'reject', reason: 'Zendesk refused it (413): Too large' })
    await sink.deliver(event(), never)
    expect(await sink.deliver(delivery, never)).toEqual({ kind: 'delivered', remoteId: '1' })
  })

  it('waits when the budget is spent, for as long as the sandbox says', async () => {
    const sandbox = await runningSandbox({ token, requestsPerMinute: 1 })
    const sink = sinkTo(sandbox.url)
    await sink.deliver(event(), never)
    const result = await sink.deliver(event('call-2'), never)
    expect(result).toMatchObject({ kind: 'wait', scope: 'sink' })
    expect(result.kind === 'wait' && result.afterMs > 50_000 && result.afterMs <= 60_000).toBe(true)
    expect(sink.rateLimit()).toMatchObject({ limit: 1, remaining: 0 })
  })

  it('waits when the token is wrong, and does not tell it', async () => {
    const sandbox = await runningSandbox({ token: 'another' })
    const result = await sinkTo(sandbox.url).deliver(event(), never)
    expect(result).toMatchObject({ kind: 'wait', scope: 'sink', afterMs: 60_000 })
    expect(JSON.stringify(result)).toContain('set zendesk.token')
    expect(JSON.stringify(result)).not.toContain(token)
  })

  it('rejects a file that is not the one that was encoded, with what the sandbox found', async () => {
    const sandbox = await runningSandbox({ token })
    const sink = sinkTo(sandbox.url)
    await sink.deliver(event(), never)
    const { audio, ...rest } = await recording()
    const result = await sink.deliver({ ...rest, audio: { ...audio, durationMs: 60_000 } }, never)
    expect(result).toMatchObject({ kind: 'reject' })
    expect(JSON.stringify(result)).toContain('duration: the file plays 2.88 s')
  })
})

describe('the sink and a bad peer', () => {
  it('says who it is, with the same key and the same bytes for every attempt', async () => {
    const { url, seen } = await scriptedServer(response => accepted(response))
    const sink = sinkTo(`${url}/proxy/`)
    const delivery = await recording()
    await sink.deliver(event(), never)
    await sink.deliver(delivery, never)
    await sink.deliver(delivery, never)
    expect(seen[0]?.url).toBe('/proxy/api/v2/channels/voice/phone_call_events')
    expect(seen[0]?.headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'idempotency-key': 'call-1.started.1',
      'user-agent': 'tpe-bridge/1.2.3',
    })
    expect(seen[1]?.headers).toMatchObject({
      'idempotency-key': 'rec-1',
      'content-length': String(seen[1]?.body.length),
    })
    expect(seen[1]?.headers['transfer-encoding']).toBeUndefined()
    expect(seen[1]?.body.equals(seen[2]?.body ?? Buffer.alloc(0))).toBe(true)
  })

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['resets', response => response.socket?.resetAndDestroy(), 'ECONNRESET'],
    ['hangs up', response => response.socket?.destroy(), 'UND_ERR_SOCKET'],
    ['never answers', () => {}, 'UND_ERR_HEADERS_TIMEOUT'],
    ['stops half-way', response => response.writeHead(201, { 'content-length': 99 }).write('{"phone'), 'UND_ERR_BODY_TIMEOUT'],
    [
      'breaks off',
      response => response.writeHead(201, { 'content-length': 99 }).write('{"phone', () => response.socket?.destroy()),
      'body broke off',
    ],
    ['answers without end', response => response.writeHead(201).end(Buffer.alloc(8_400_000, 0x20)), 'longer than 8388608 bytes'],
    ['answers a web page', response => response.end('<html>Welcome</html>'), 'a web page \\"Welcome\\"'],
    ['answers no HTTP', response => response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n'), 'does not match the HTTP/1.1 protocol'],
  ])('retries when the peer %s', async (_what, respond, reason) => {
    const { url } = await scriptedServer(respond)
    const sink = sinkTo(url, { headersMs: 400, bodyMs: 400 })
    const result = await sink.deliver(event(), never)
    expect(result.kind).toBe('retry')
    expect(JSON.stringify(result)).toContain(reason)
  })

  it('retries when nobody listens', async () => {
    const { url, server } = await scriptedServer(() => {})
    await new Promise(resolve => server.close(resolve))
    expect(await sinkTo(url).deliver(event(), never)).toEqual({
      kind: 'retry',
      afterMs: null,
      reason: `${url}: the connection was refused (ECONNREFUSED)`,
    })
  })

  it('ends a send to a peer that stops reading', async () => {
    const server = createServer(socket => {
      socket.pause()
      socket.on('error', () => {})
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const sink = sinkTo(`http://127.0.0.1:${port}`, { headersMs: 400 })
    const result = await sink.deliver(await recording('call-1', 40_000), never)
    expect(result).toMatchObject({ kind: 'retry' })
    expect(JSON.stringify(result)).toContain('UND_ERR_HEADERS_TIMEOUT')
  })

  it('never sends the token where a redirect points', async () => {
    const target = await scriptedServer(response => accepted(response))
    const { url } = await scriptedServer(response => response.writeHead(307, { location: target.url }).end())
    expect(await sinkTo(url).deliver(event(), never)).toMatchObject({ kind: 'wait', scope: 'sink' })
    expect(target.seen).toEqual([])
  })

  it('never repeats the token, even when the peer does', async () => {
    const { url } = await scriptedServer((response, request) =>
      response.writeHead(500).end(`bad header: ${request.headers.authorization}`),
    )
    const result = await sinkTo(url).deliver(event(), never)
    expect(result).toEqual({ kind: 'retry', afterMs: null, reason: 'Zendesk answered 500: text "bad header: Bearer [token]"' })
  })

  it('ends at once when told to, and says why', async () => {
    const { url, seen } = await scriptedServer(() => {})
    const stop = new AbortController()
    const delivered = sinkTo(url).deliver(event(), stop.signal)
    await vi.waitFor(() => expect(seen).toHaveLength(1))
    stop.abort(new DOMException('late', 'TimeoutError'))
    expect(await delivered).toEqual({
      kind: 'retry',
      afterMs: null,
      reason: 'given up before Zendesk answered: the time for one delivery was up',
    })
  })

  it('closes with deliveries under way, and twice', async () => {
    const { url, seen } = await scriptedServer(() => {})
    const sink = sinkTo(url)
    const delivered = sink.deliver(await recording(), never)
    await vi.waitFor(() => expect(seen).toHaveLength(1))
    await Promise.all([sink.close(), sink.close()])
    expect(await delivered).toMatchObject({ kind: 'retry' })
    expect(await sink.deliver(event(), never)).toMatchObject({ kind: 'retry' })
  })
})

describe('the encoded file', () => {
  it('that is gone is for an operator', async () => {
    const delivery = await recording()
    await unlink(delivery.audio.path)
    const result = await sinkTo('http://127.0.0.1:9').deliver(delivery, never)
    expect(result).toMatchObject({ kind: 'reject' })
    expect(JSON.stringify(result)).toContain('is gone: restore it and redrive')
  })

  it('that was changed is not sent', async () => {
    const delivery = await recording()
    await truncate(delivery.audio.path, 1000)
    const result = await sinkTo('http://127.0.0.1:9').deliver(delivery, never)
    expect(result).toEqual({
      kind: 'reject',
      unasked: true,
      reason: `${delivery.audio.path} has 1000 bytes, ${delivery.audio.size} were encoded`,
    })
  })
})

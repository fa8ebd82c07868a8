/** What the client does with answers that no proper server gives. What it does with proper ones is in test/zendesk/features. */
import { truncate } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bearer } from '../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../src/zendesk/http/connection.ts'
import { VoiceClient } from '../../../src/zendesk/voice/voice-client.ts'
import { BrokenDownload, UnexpectedAnswer, VoiceApiError, VoiceNetworkFailure } from '../../../src/zendesk/voice/voice-failure.ts'
import { madeMp3 } from '../made-mp3.ts'
import { temporaryFolder } from '../running-sandbox.ts'
import { scriptedServer } from '../scripted-server.ts'

const token = 'very-secret-token'
const { signal } = new AbortController()

function clientOf(baseUrl: string): VoiceClient {
  const connection = new Connection({
    baseUrl,
    authorization: bearer(token),
    userAgent: 'tpe-bridge/1.2.3',
    clock: Date.now,
    timeouts: { headersMs: 400, bodyMs: 400 },
  })
  onTestFinished(() => connection.close())
  return new VoiceClient({ connection, clock: Date.now })
}

const line = { id: 1, name: 'Paris', location: null, enabled: true, phone_number_ids: [], created_at: 'x', updated_at: 'x' }
const sendJson = (response: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

/** What a promise fails with. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable('it did not fail'),
    cause => cause,
  )
}

describe('errors', () => {
  it('tells what the API said, with its complaints by field, and for how long to stay away', async () => {
    const details = { 'phone_line.name': ['is taken'] }
    const { url } = await scriptedServer(response =>
      sendJson(response, { error: 'Conflict', description: 'A line has this name', details }, 429, { 'retry-after': '7' }),
    )
    const cause = await failure(clientOf(url).phoneLines.create({ name: 'Paris' }, signal))
    expect(cause).toBeInstanceOf(VoiceApiError)
    expect(cause).toMatchObject({
      status: 429,
      error: 'Conflict',
      description: 'A line has this name',
      details,
      retryable: true,
      retryAfterMs: 7000,
      method: 'POST',
      requestUrl: `${url}/api/v2/channels/voice/phone_lines`,
    })
  })

  it.each([
    [400, false],
    [401, false],
    [404, false],
    [408, true],
    [409, false],
    [410, false],
    [422, false],
    [425, true],
    [429, true],
    [500, true],
    [503, true],
  ])('says of %i whether asking again may help: %s', async (status, retryable) => {
    const { url, seen } = await scriptedServer(response => sendJson(response, { error: 'No' }, status))
    expect(await failure(clientOf(url).phoneLines.get(1, signal))).toMatchObject({ status, retryable, retryAfterMs: null })
    expect(seen).toHaveLength(1)
  })

  it('never repeats the token, wherever the far side puts it', async () => {
    const { url } = await scriptedServer(response =>
      sendJson(response, { error: `No ${token}`, description: `bad ${token}`, details: { header: [`Bearer ${token}`] } }, 401),
    )
    const cause = await failure(clientOf(url).phoneLines.get(1, signal))
    expect(cause).toMatchObject({ error: 'No [token]', description: 'bad [token]', details: { header: ['Bearer [token]'] } })
    expect(String(cause)).not.toContain(token)
  })

  it.each<[string, (response: ServerResponse) => void, object]>([
    ['a web page', response => response.writeHead(502).end('<html>Bad gateway</html>'), { error: 'HTTP 502', retryable: true }],
    ['nothing', response => response.writeHead(500).end(), { error: 'HTTP 500', description: 'an empty body' }],
    [
      'a redirect',
      response => response.writeHead(302, { location: 'http://elsewhere' }).end(),
      { status: 302, retryable: false },
    ],
    [
      'a documented error',
      response => sendJson(response, { error: { title: 'Forbidden', message: 'x' } }, 403),
      { error: 'Forbidden' },
    ],
  ])('makes an error of %s', async (_what, respond, expected) => {
    const { url } = await scriptedServer(respond)
    const cause = await failure(clientOf(url).phoneLines.get(1, signal))
    expect(cause).toBeInstanceOf(VoiceApiError)
    expect(cause).toMatchObject(expected)
  })

  it('names the field of an answer in another shape', async () => {
    const { url } = await scriptedServer(response => sendJson(response, { phone_line: { ...line, enabled: 'yes' } }))
    const cause = await failure(clientOf(url).phoneLines.get(1, signal))
    expect(cause).toBeInstanceOf(UnexpectedAnswer)
    expect(cause).toMatchObject({ status: 200, field: 'phone_line.enabled', retryable: false })
    expect(String(cause)).toContain('GET http://127.0.0.1')
  })

  it.each<[string, (response: ServerResponse) => void]>([
    ['a web page with 200', response => response.end('<html>Sign in</html>')],
    ['an answer that breaks off', response => response.writeHead(200, { 'content-length': 99 }).write('{"ph')],
  ])('takes %s for no answer, and says that asking again may help', async (_what, respond) => {
    const { url } = await scriptedServer(respond)
    const cause = await failure(clientOf(url).phoneLines.get(1, signal))
    expect(cause).toBeInstanceOf(UnexpectedAnswer)
    expect(cause).toMatchObject({ field: null, retryable: true })
  })

  it('says why there was no answer', async () => {
    const { url } = await scriptedServer(response => response.socket?.resetAndDestroy())
    const cause = await failure(clientOf(url).phoneLines.delete(1, signal))
    expect(cause).toBeInstanceOf(VoiceNetworkFailure)
    expect(cause).toMatchObject({ retryable: true, method: 'DELETE' })
    expect(String(cause)).toContain('ECONNRESET')
  })

  it('ends with the reason of its signal', async () => {
    const { url } = await scriptedServer(() => aborted.abort(new Error('enough')))
    const aborted = new AbortController()
    expect(await failure(clientOf(url).phoneLines.get(1, aborted.signal))).toMatchObject({ message: 'enough' })
  })
})

describe('lists', () => {
  const page = (items: readonly object[], next: string | null) => ({ phone_lines: items, count: 3, next_page: next })

  it('walks from page to page, and asks for the next only when it is needed', async () => {
    const { url, seen } = await scriptedServer((response, { url: asked = '', headers }) => {
      const base = `http://${headers.host}/proxy/api/v2/channels/voice/phone_lines`
      if (asked.includes('before=2')) return sendJson(response, page([{ ...line, id: 1 }], null))
      return sendJson(
        response,
        page(
          [
            { ...line, id: 3 },
            { ...line, id: 2 },
          ],
          `${base}?limit=2&before=2`,
        ),
      )
    })
    const list = clientOf(`${url}/proxy`).phoneLines.list({ limit: 2 }, signal)
    const walk = list[Symbol.asyncIterator]()
    expect(await walk.next()).toMatchObject({ value: { id: 3 } })
    expect(await walk.next()).toMatchObject({ value: { id: 2 } })
    expect(seen.map(request => request.url)).toEqual(['/proxy/api/v2/channels/voice/phone_lines?limit=2'])
    expect(await walk.next()).toMatchObject({ value: { id: 1 } })
    expect(await walk.next()).toMatchObject({ done: true })
    expect(await list.page()).toMatchObject({ count: 3, items: [{ id: 3 }, { id: 2 }] })
  })

  it.each([
    ['another server', 'https://evil.example/api/v2/channels/voice/phone_lines?before=2'],
    ['another port', 'http://127.0.0.1:1/api/v2/channels/voice/phone_lines?before=2'],
    ['another path', '/api/v2/channels/voice/phone_numbers?before=2'],
    ['a path above', '/api/v2/channels/voice/phone_lines/../../users?before=2'],
    ['no address', 'http://[nonsense'],
    ['itself', '/api/v2/channels/voice/phone_lines'],
  ])('follows next_page to no %s', async (_what, next) => {
    const { url, seen } = await scriptedServer(response => sendJson(response, page([line], next)))
    const walk = clientOf(url).phoneLines.list({}, signal)[Symbol.asyncIterator]()
    await walk.next()
    const cause = await failure(walk.next())
    expect(cause).toBeInstanceOf(UnexpectedAnswer)
    expect(cause).toMatchObject({ field: 'next_page', retryable: false })
    expect(seen).toHaveLength(1)
  })

  it('sends any filter so that the server reads the same', async () => {
    const { url, seen } = await scriptedServer(response =>
      sendJson(response, { phone_calls: [], count: 0, next_page: null, metrics: noCalls }),
    )
    const client = clientOf(url)
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme' }), async text => {
        await client.phoneCalls.list({ external_id: text, agent_id: 7 }, signal).page()
        const query = new URL(seen.at(-1)?.url ?? '', url).searchParams
        expect([...query]).toEqual([
          ['external_id', text],
          ['agent_id', '7'],
        ])
      }),
      { numRuns: 50 },
    )
  })

  it('puts any id into one segment of the path', async () => {
    const { url, seen } = await scriptedServer(response => sendJson(response, { phone_line: line }))
    await clientOf(url).phoneLines.get('../users?x', signal)
    expect(seen[0]?.url).toBe('/api/v2/channels/voice/phone_lines/..%2Fusers%3Fx')
  })
})

const noCalls = {
  total_calls: 0,
  average_duration: null,
  missed_calls: 0,
  abandoned_calls: 0,
  voicemails: 0,
  agent_performance: [],
}

describe('audio', () => {
  it('streams a download with its length and type', async () => {
    const { url } = await scriptedServer(response =>
      response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': 4 }).end('mp3!'),
    )
    const { body, length, contentType } = await clientOf(url).recordings.download(1, signal)
    expect({ length, contentType, text: (await buffer(body)).toString() }).toEqual({
      length: 4,
      contentType: 'audio/mpeg',
      text: 'mp3!',
    })
  })

  it('fails a download that is shorter than it said', async () => {
    const { url } = await scriptedServer(response =>
      response.writeHead(200, { 'content-length': 1000 }).write('short', () => response.socket?.destroy()),
    )
    const { body } = await clientOf(url).recordings.download(1, signal)
    const cause = await failure(buffer(body))
    expect(cause).toBeInstanceOf(BrokenDownload)
    expect(cause).toMatchObject({ receivedBytes: 5, expectedBytes: 1000, retryable: true })
  })

  it('says what came in place of audio', async () => {
    const { url } = await scriptedServer(response => sendJson(response, { error: 'Recording not available' }, 410))
    expect(await failure(clientOf(url).recordings.download(1, signal))).toMatchObject({
      status: 410,
      error: 'Recording not available',
    })
    const partial = await scriptedServer(response => response.writeHead(206).end('half'))
    expect(await failure(clientOf(partial.url).voicemails.audio(1, signal))).toBeInstanceOf(UnexpectedAnswer)
  })

  it('uploads the same bytes with the same key each time, and does not send a file that has changed', async () => {
    const { url, seen } = await scriptedServer(response => sendJson(response, { error: 'No' }, 422))
    const audio = await madeMp3(await temporaryFolder(), 'a.mp3')
    const metadata = {
      external_id: 'rec-1',
      external_call_id: null,
      format: 'mp3' as const,
      duration: 3,
      channels: 1,
      sample_rate: 8000,
      size: audio.size,
      sha256: audio.sha256,
      started_at: '2026-11-22T09:30:00.000Z',
      consent: null,
    }
    const upload = () => clientOf(url).partnerEdition.uploadRecording({ metadata, path: audio.path }, signal, 'rec-1')
    await failure(upload())
    await failure(upload())
    expect(seen[0]?.body.equals(seen[1]?.body ?? Buffer.alloc(0))).toBe(true)
    expect(seen[0]?.headers).toMatchObject({ 'idempotency-key': 'rec-1', 'content-length': String(seen[0]?.body.length) })
    await truncate(audio.path, 10)
    expect(await failure(upload())).toMatchObject({ name: 'AudioFileChanged' })
    expect(seen).toHaveLength(2)
  })
})

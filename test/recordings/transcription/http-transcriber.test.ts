import { rm } from 'node:fs/promises'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { HttpTranscriber, type HttpTranscriberOptions } from '../../../src/recordings/transcription/http-transcriber.ts'
import { scriptedServer } from '../../zendesk/scripted-server.ts'
import { encodedAudio } from './mp3-like.ts'

function transcriber(url: string, options: Partial<HttpTranscriberOptions> = {}): HttpTranscriber {
  const made = new HttpTranscriber({ url, model: 'whisper-1', token: 's3cret', language: null, ...options })
  onTestFinished(() => made.close())
  return made
}

const never = () => new AbortController().signal

test('the MP3 goes out as the form that OpenAI documents, with its length and the token', async () => {
  const { url, seen } = await scriptedServer(response => response.end('{"text":"Hello, I need a refund."}'))
  const audio = await encodedAudio()
  const heard = await transcriber(`${url}/v1/audio/transcriptions`, { language: 'de-AT' }).transcribe(audio, never())
  expect(heard).toMatchObject({ kind: 'heard', transcript: { text: 'Hello, I need a refund.' } })
  const [request] = seen
  if (request === undefined) throw new Error('nothing came')
  expect(request).toMatchObject({ url: '/v1/audio/transcriptions' })
  expect(request.headers).toMatchObject({ authorization: 'Bearer s3cret', 'content-length': String(request.body.length) })
  expect(request.headers['transfer-encoding']).toBeUndefined()
  // Read by the platform's own parser of forms.
  const form = await new Response(new Uint8Array(request.body), {
    headers: { 'content-type': request.headers['content-type'] ?? '' },
  }).formData()
  const file = form.get('file')
  if (!(file instanceof File)) throw new Error('no file in the form')
  expect([form.get('model'), form.get('response_format'), form.get('language')]).toEqual(['whisper-1', 'json', 'de'])
  expect([file.name, file.type, file.size]).toEqual(['rec_abc.mp3', 'audio/mpeg', audio.size])
})

describe('an answer that is no transcript', () => {
  test.each<[number, string, Record<string, string>, object]>([
    [
      400,
      '{"error":"unsupported"}',
      {},
      { kind: 'refused', reason: expect.stringContaining('answered 400: {"error":"unsupported"}') },
    ],
    [413, 'too large', {}, { kind: 'refused' }],
    [401, 'bad key s3cret', {}, { kind: 'retry', reason: expect.stringContaining('answered 401: bad key [token]') }],
    [404, 'no such model', {}, { kind: 'retry' }],
    [429, 'slow down', { 'retry-after': '7' }, { kind: 'retry', afterMs: 7_000 }],
    [429, 'slow down', { 'retry-after': '999999' }, { kind: 'retry', afterMs: 3_600_000 }],
    [503, '', { 'retry-after': 'soon' }, { kind: 'retry', afterMs: null }],
    [302, '', { location: 'http://127.0.0.1:1/' }, { kind: 'retry', reason: expect.stringContaining('answered 302') }],
    [200, '<html>', {}, { kind: 'retry', reason: expect.stringContaining('answered 200, but it is not JSON') }],
    [200, 'x'.repeat(5 * 1024 * 1024), {}, { kind: 'retry', reason: expect.stringContaining('longer than 4194304 bytes') }],
  ])('%i %.20s is judged', async (status, body, headers, expected) => {
    const { url } = await scriptedServer(response => response.writeHead(status, headers).end(body))
    expect(await transcriber(url).transcribe(await encodedAudio(), never())).toMatchObject(expected)
  })
})

test('a server that is not there is asked again later', async () => {
  const { url, server } = await scriptedServer(() => {})
  await new Promise(resolve => server.close(resolve))
  const heard = await transcriber(url).transcribe(await encodedAudio(), never())
  expect(heard).toMatchObject({ kind: 'retry', reason: expect.stringContaining('ECONNREFUSED') })
})

test('an attempt ends with its signal, whatever the server does', async () => {
  const { url, seen } = await scriptedServer(() => {})
  const abort = new AbortController()
  const heard = transcriber(url).transcribe(await encodedAudio(), abort.signal)
  await vi.waitFor(() => expect(seen).toHaveLength(1))
  abort.abort()
  expect(await heard).toMatchObject({ kind: 'retry' })
})

test('an MP3 that is gone is a reason, not a crash', async () => {
  const { url } = await scriptedServer(response => response.end('{"text":"x"}'))
  const audio = await encodedAudio()
  await rm(audio.path)
  expect(await transcriber(url).transcribe(audio, never())).toMatchObject({
    kind: 'retry',
    reason: expect.stringContaining('ENOENT'),
  })
})

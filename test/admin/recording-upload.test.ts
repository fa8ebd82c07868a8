import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { request } from 'undici'
import { expect, test, vi } from 'vitest'
import type { IncomingRecording, IntakeAnswer, RecordingIntake } from '../../src/admin/recording-upload.ts'
import type { RecordingId } from '../../src/events/recording.ts'
import { startAdmin } from './started-admin.ts'

const id = 'rec_1' as RecordingId
const accepted: IntakeAnswer = { kind: 'accepted', id, state: 'waiting' }

/** A door that reads what it is given to the end and keeps only a digest of it. */
class Door implements RecordingIntake {
  readonly seen: { fileName: string; hints: object; size: number; sha256: string; chunks: number }[] = []
  readonly failures: unknown[] = []
  largestChunk = 0

  async accept({ fileName, hints, body }: IncomingRecording): Promise<IntakeAnswer> {
    const hash = createHash('sha256')
    let size = 0
    let chunks = 0
    try {
      for await (const chunk of body) {
        hash.update(chunk)
        size += chunk.length
        chunks += 1
        this.largestChunk = Math.max(this.largestChunk, chunk.length)
      }
    } catch (error) {
      this.failures.push(error)
      throw error
    }
    this.seen.push({ fileName, hints, size, sha256: hash.digest('hex'), chunks })
    return accepted
  }
}

const answering = (answer: IntakeAnswer): RecordingIntake => ({ accept: async () => answer })
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

function form(
  fields: readonly (readonly [string, string])[],
  file: Buffer | null,
  after: readonly (readonly [string, string])[] = [],
) {
  const data = new FormData()
  for (const [name, value] of fields) data.append(name, value)
  if (file !== null) data.append('file', new Blob([new Uint8Array(file)], { type: 'audio/wav' }), 'a b.wav')
  for (const [name, value] of after) data.append(name, value)
  return data
}

const post = (url: string, body: FormData) => fetch(`${url}/v1/recordings`, { method: 'POST', body })

test('a form reaches the intake byte for byte in small pieces, with its fields', async () => {
  const door = new Door()
  const { url } = await startAdmin({ recordings: door })
  const audio = randomBytes(5_000_000)
  const fields = [
    ['call_id', 'leg-1@pbx'],
    ['from', '+14155550100'],
    ['started_at', '2026-11-22T10:00:00.5+01:00'],
  ] as const
  const answer = await post(url, form(fields, audio))
  expect(answer.status).toBe(202)
  expect(await answer.json()).toEqual({ recording: { id: 'rec_1', state: 'waiting', known: false } })
  expect(door.seen).toEqual([
    {
      fileName: 'a b.wav',
      hints: {
        sipCallId: 'leg-1@pbx',
        unique: null,
        from: '+14155550100',
        to: null,
        startedAt: Date.UTC(2026, 10, 22, 9, 0, 0, 500),
      },
      size: audio.length,
      sha256: sha256(audio),
      chunks: expect.any(Number),
    },
  ])
  expect(door.largestChunk).toBeLessThan(1_000_000)
})

test.each(['audio/wav', 'audio/x-wav', 'application/octet-stream'])(
  'bare %s reaches the intake, its fields in the query',
  async type => {
    const door = new Door()
    const { url } = await startAdmin({ recordings: door })
    const audio = randomBytes(3_000_000)
    const answer = await fetch(`${url}/v1/recordings?file_name=x.wav&unique=17.4`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: new Uint8Array(audio),
    })
    expect(answer.status).toBe(202)
    expect(door.seen).toMatchObject([
      { fileName: 'x.wav', hints: { unique: '17.4', startedAt: null }, size: 3_000_000, sha256: sha256(audio) },
    ])
  },
)

test('the file is not asked for faster than the intake takes it', async () => {
  let body: Readable | null = null
  let sent = 0
  const endless = Readable.from(
    (function* () {
      for (; sent < 2_000; sent += 1) yield Buffer.alloc(65_536)
    })(),
    { objectMode: false },
  )
  const { url } = await startAdmin({
    recordings: {
      accept: incoming => {
        body = incoming.body
        return new Promise(() => undefined)
      },
    },
    stopGraceMs: 10,
  })
  const upload = request(`${url}/v1/recordings?file_name=x.wav`, {
    method: 'POST',
    headers: { 'content-type': 'audio/wav' },
    body: endless,
  })
  const ended = upload.catch(() => 'cut')
  await vi.waitFor(() => expect(body).not.toBeNull())
  let before = -1
  await vi.waitFor(() => {
    const still = before === sent
    before = sent
    expect(still).toBe(true)
  })
  expect(sent).toBeLessThan(500)
  endless.destroy()
  expect(await ended).toBe('cut')
})

test.each([
  ['known', { kind: 'known', id, state: 'delivered' }, 200],
  ['refused', { kind: 'refused', reason: 'the name has a slash' }, 422],
  ['too-large', { kind: 'too-large', maxBytes: 10 }, 413],
  ['unavailable', { kind: 'unavailable', reason: 'ENOSPC /spool' }, 503],
] as const)('an upload that is %s is answered so, though nobody read it', async (_kind, answer, status) => {
  const { url } = await startAdmin({ recordings: answering(answer) })
  for (const body of [form([], randomBytes(2_000_000)), form([], randomBytes(10))]) {
    const response = await post(url, body)
    expect(response.status).toBe(status)
    expect(await response.text()).not.toContain('ENOSPC')
  }
})

test.each([
  ['no file', form([['call_id', 'x']], null), 'The form has no file.'],
  ['an unknown field', form([['callid', 'x']], Buffer.from('RIFF')), 'callid'],
  ['a time that is none', form([['started_at', 'noon']], Buffer.from('RIFF')), 'started_at'],
  [
    'a field twice',
    form(
      [
        ['to', '1'],
        ['to', '2'],
      ],
      Buffer.from('RIFF'),
    ),
    'once',
  ],
  ['a field too long', form([['to', 'x'.repeat(3_000)]], Buffer.from('RIFF')), 'once, with at most 1 kB'],
  ['a field named like a prototype', form([['__proto__', 'x']], Buffer.from('RIFF')), ''],
  ['a field after the file', form([], randomBytes(200_000), [['call_id', 'x']]), 'last part'],
])('a form with %s is refused and nothing is taken in', async (_name, body, said) => {
  const door = new Door()
  const { url } = await startAdmin({ recordings: door })
  const answer = await post(url, body)
  expect(answer.status).toBe(400)
  expect(await answer.text()).toContain(said)
  expect(door.seen).toEqual([])
})

test.each([
  ['text/plain', 415],
  ['application/json', 415],
  ['audio/mpeg', 415],
  ['multipart/form-data', 400],
  ['multipart/mixed; boundary=x', 415],
])('a body of type %s is refused', async (type, status) => {
  const { url } = await startAdmin({ recordings: new Door() })
  const answer = await fetch(`${url}/v1/recordings?file_name=x.wav`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: '{}',
  })
  expect(answer.status).toBe(status)
  expect(await answer.json()).toMatchObject({ error: expect.any(String), description: expect.any(String) })
})

test('bare audio without a name, and uploads that are switched off, are refused with what to do', async () => {
  const on = await startAdmin({ recordings: new Door() })
  const off = await startAdmin({ recordings: null })
  const init = { method: 'POST', headers: { 'content-type': 'audio/wav' }, body: 'RIFF' }
  const nameless = await fetch(`${on.url}/v1/recordings`, init)
  expect([nameless.status, await nameless.text()]).toEqual([400, expect.stringContaining('file_name')])
  const disabled = await fetch(`${off.url}/v1/recordings?file_name=x.wav`, init)
  expect([disabled.status, await disabled.text()]).toEqual([403, expect.stringContaining('recordings.http: true')])
})

const head = 'POST /v1/recordings?file_name=x.wav HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n'
test.each([
  ['bare audio', `${head}content-type: audio/wav\r\n\r\nRIFF`],
  [
    'a form',
    `${head}content-type: multipart/form-data; boundary=b\r\n\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="x.wav"\r\n\r\nRIFF`,
  ],
])('%s whose sender goes away is an error to the intake, never a short file', async (_name, bytes) => {
  const door = new Door()
  const { url, lines } = await startAdmin({ recordings: door })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(bytes)
  await new Promise(resolve => setImmediate(resolve))
  socket.resetAndDestroy()
  await vi.waitFor(() => expect(door.failures).toHaveLength(1))
  expect(door.seen).toEqual([])
  await vi.waitFor(() => expect(lines.map(line => line.message)).toContain('admin client went away in the middle of a request'))
  expect(lines.filter(line => line.level === 'error')).toEqual([])
})

test('a form that ends before its last boundary is never taken as whole', async () => {
  const door = new Door()
  const { url } = await startAdmin({ recordings: door })
  const answer = await fetch(`${url}/v1/recordings`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: '--b\r\ncontent-disposition: form-data; name="file"; filename="x.wav"\r\n\r\nRIFF',
  })
  expect(answer.status).toBe(400)
  expect(door.seen).toEqual([])
})

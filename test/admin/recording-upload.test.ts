import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { request } from 'undici'
import { expect, test, vi } from 'vitest'
import type { RecordingFields } from '../../src/admin/recording-body.ts'
import type { IntakeAnswer, RecordingIntake } from '../../src/admin/recording-upload.ts'
import { startAdmin } from './started-admin.ts'

const id = 'rec_1'

/** A door that reads what it is given to the end and keeps only a digest of it, or answers without reading. */
class Door implements RecordingIntake {
  readonly seen: { fields: RecordingFields; size: number; sha256: string }[] = []
  readonly failures: unknown[] = []
  largestChunk = 0

  async accept(bytes: AsyncIterable<Uint8Array>, fields: RecordingFields, signal: AbortSignal): Promise<IntakeAnswer> {
    const hash = createHash('sha256')
    let size = 0
    try {
      for await (const chunk of bytes) {
        hash.update(chunk)
        size += chunk.length
        this.largestChunk = Math.max(this.largestChunk, chunk.length)
      }
    } catch (error) {
      this.failures.push(error)
      return signal.aborted ? { kind: 'aborted' } : { kind: 'failed', reason: 'a fault of ours' }
    }
    this.seen.push({ fields, size, sha256: hash.digest('hex') })
    return { kind: 'accepted', id }
  }
}

const answering = (answer: IntakeAnswer): RecordingIntake => ({ accept: async () => answer })
const noFields = { callId: null, unique: null, from: null, to: null, startedAt: null, consent: null }
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
    ['consent', 'yes'],
  ] as const
  const answer = await post(url, form(fields, audio))
  expect(answer.status).toBe(202)
  expect(await answer.json()).toEqual({ recording: { id: 'rec_1', known: false } })
  expect(door.seen).toEqual([
    {
      fields: {
        ...noFields,
        fileName: 'a b.wav',
        callId: 'leg-1@pbx',
        from: '+14155550100',
        startedAt: '2026-11-22T10:00:00.5+01:00',
        consent: 'yes',
      },
      size: audio.length,
      sha256: sha256(audio),
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
    expect(door.seen).toEqual([
      { fields: { ...noFields, fileName: 'x.wav', unique: '17.4' }, size: 3_000_000, sha256: sha256(audio) },
    ])
  },
)

test('the file is not asked for faster than the intake takes it', async () => {
  let arrived = false
  let sent = 0
  const endless = Readable.from(
    (function* () {
      for (; sent < 2_000; sent += 1) yield Buffer.alloc(65_536)
    })(),
    { objectMode: false },
  )
  const { url } = await startAdmin({
    recordings: {
      accept: async bytes => {
        await bytes[Symbol.asyncIterator]().next()
        arrived = true
        return await new Promise(() => undefined)
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
  await vi.waitFor(() => expect(arrived).toBe(true))
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

const answers = [
  ['known', { kind: 'known', id }, 200, 'rec_1'],
  ['quarantined', { kind: 'quarantined', id, reason: 'empty: header only' }, 422, 'empty: header only. It is kept as rec_1'],
  ['refused', { kind: 'refused', field: 'file_name', reason: 'contains `..`' }, 400, '"file_name":["contains `..`"]'],
  ['too-large', { kind: 'too-large', limit: 10 }, 413, '10 bytes'],
  ['busy', { kind: 'busy', reason: '16 uploads' }, 503, 'again later'],
  ['no-room', { kind: 'no-room', reason: 'ENOSPC spool.max' }, 503, 'Keep it and send it again later'],
  ['failed', { kind: 'failed', reason: 'ENOSPC /spool' }, 503, 'again later'],
  ['aborted', { kind: 'aborted' }, 400, 'Send it again'],
] as const

test.each(answers)('an upload that is %s is answered so', async (_kind, answer, status, said) => {
  const { url } = await startAdmin({ recordings: answering(answer) })
  const response = await post(url, form([], randomBytes(10)))
  const body = await response.text()
  expect(response.status).toBe(status)
  expect(body).toContain(said)
  expect(body).not.toContain('ENOSPC')
  expect(response.headers.has('retry-after')).toBe(status === 503)
})

const length = 8_000_000
const partHead = '--b\r\ncontent-disposition: form-data; name="file"; filename="../x.wav"\r\n\r\n'
test.each([
  ['bare audio', 'audio/wav', ''],
  ['a form', 'multipart/form-data; boundary=b', partHead],
])(
  'whoever sends all of %s before listening gets its answer and may go on, though the intake did not read on',
  async (_name, type, start) => {
    const { url } = await startAdmin({
      recordings: {
        accept: async bytes => {
          for await (const _chunk of bytes) break
          return { kind: 'too-large', limit: 10 }
        },
      },
    })
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    let heard = ''
    const post = `POST /v1/recordings?file_name=x.wav HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${length}\r\ncontent-type: ${type}\r\n\r\n`
    await new Promise(resolve => socket.write(post + start, resolve))
    await new Promise(resolve => socket.write(Buffer.alloc(length - start.length), resolve))
    await new Promise(resolve => socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', resolve))
    socket.on('data', chunk => {
      heard += chunk.toString()
    })
    await once(socket, 'close')
    expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 200'])
  },
)

test('a path in the name of a file is handed on as it is, for the intake to refuse', async () => {
  const door = new Door()
  const { url } = await startAdmin({ recordings: door })
  const body = `${partHead}RIFF\r\n--b--\r\n`
  await fetch(`${url}/v1/recordings`, { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=b' }, body })
  expect(door.seen).toMatchObject([{ fields: { fileName: '../x.wav' }, size: 4 }])
})

test.each([
  ['no file', form([['call_id', 'x']], null), 'The form has no file.'],
  ['an unknown field', form([['callid', 'x']], Buffer.from('RIFF')), 'callid'],
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

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { phoneCallEventBody } from '../../../src/zendesk/partner-edition/bodies.ts'
import { madeEvent } from '../made-events.ts'
import { silence } from '../made-mp3.ts'
import { json, type RunningSandbox, runningSandbox } from '../running-sandbox.ts'

const eventBody = (call = 'call-1', sequence = 1) => phoneCallEventBody(madeEvent(call, sequence))

const postEvent = (sandbox: RunningSandbox, body: unknown, key?: string) =>
  sandbox.call('/phone_call_events', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

const audio = silence(40)

const metadata = (changes: object = {}) => ({
  external_id: 'rec-1',
  external_call_id: 'call-1',
  format: 'mp3',
  duration: 3,
  channels: 1,
  sample_rate: 8000,
  size: audio.length,
  sha256: createHash('sha256').update(audio).digest('hex'),
  started_at: '2026-11-22T09:30:00.000Z',
  consent: null,
  ...changes,
})

interface FormPart {
  readonly name: string
  readonly type: string
  readonly filename?: string
  readonly body: string | Buffer
}

function form(formParts: readonly FormPart[]): Buffer {
  const pieces = formParts.flatMap(({ name, type, filename, body }) => [
    `--b\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\nContent-Type: ${type}\r\n\r\n`,
    body,
    '\r\n',
  ])
  return Buffer.concat([...pieces, '--b--\r\n'].map(piece => Buffer.from(piece as string)))
}

const metadataPart = (value: object | string): FormPart => ({
  name: 'metadata',
  type: 'application/json',
  body: typeof value === 'string' ? value : JSON.stringify(value),
})
const filePart = (body = audio): FormPart => ({ name: 'file', type: 'audio/mpeg', filename: 'rec-1.mp3', body })

const upload = (sandbox: RunningSandbox, formParts: readonly FormPart[], key = 'rec-1', path = '/phone_recording_upload') =>
  sandbox.call(path, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b', 'idempotency-key': key },
    body: new Uint8Array(form(formParts)),
  })

const mediaOf = ({ dataDir }: RunningSandbox) => readdir(join(dataDir, 'sandbox-media'))

describe('phone_call_events', () => {
  it('answers 201 once and 200 with the same body ever after', async () => {
    const sandbox = await runningSandbox()
    const first = await postEvent(sandbox, eventBody(), 'k1')
    const again = await postEvent(sandbox, eventBody(), 'k1')
    expect([first.status, again.status]).toEqual([201, 200])
    const body = await first.text()
    expect(JSON.parse(body)).toEqual({ phone_call_event: { id: 'call-1.started.1', phone_call_id: 1 } })
    expect(await again.text()).toBe(body)
  })

  it('has one effect for a key, however many ask at once', async () => {
    const sandbox = await runningSandbox()
    const answers = await Promise.all(Array.from({ length: 20 }, () => postEvent(sandbox, eventBody(), 'k1')))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array.from({ length: 19 }, () => 200), 201])
    expect(await sandbox.state()).toMatchObject({ phone_call_events: 1, repeats: 19 })
  })

  it('refuses a key that was used for something else', async () => {
    const sandbox = await runningSandbox()
    await postEvent(sandbox, eventBody(), 'k1')
    for (const answer of [
      await postEvent(sandbox, eventBody('call-2'), 'k1'),
      await upload(sandbox, [metadataPart(metadata()), filePart()], 'k1'),
    ]) {
      expect(answer.status).toBe(422)
      expect(await json(answer)).toMatchObject({ error: 'Idempotency-Key reused' })
    }
    expect(await mediaOf(sandbox)).toEqual([])
  })

  it('refuses an event, or a sequence, that came under another key', async () => {
    const sandbox = await runningSandbox()
    await postEvent(sandbox, eventBody(), 'k1')
    const sameSequence = phoneCallEventBody(madeEvent('call-1', 1, 'call.ringing'))
    for (const body of [eventBody(), sameSequence]) {
      const answer = await postEvent(sandbox, body, 'k2')
      expect([answer.status, Object.keys((await json(answer)).details)]).toEqual([422, ['phone_call_event.id']])
    }
    expect(await sandbox.state()).toMatchObject({ phone_calls: 1, phone_call_events: 1 })
  })

  it('shows the newest event of a call, whatever came last, and keeps count of disorder', async () => {
    const sandbox = await runningSandbox()
    for (const sequence of [1, 4, 2]) {
      const tags = [`after ${sequence}`]
      await postEvent(sandbox, phoneCallEventBody(madeEvent('call-1', sequence, 'call.held', { tags })), `k${sequence}`)
    }
    const { phone_call } = await json(await sandbox.call('/phone_calls/1'))
    expect(phone_call.tags).toEqual(['after 4'])
    expect(await sandbox.state()).toMatchObject({ out_of_order: 1, gaps: 1, sequences: { 'call-1': [1, 4, 2] } })
    const { phone_call_events } = await json(await fetch(`${sandbox.url}/_sandbox/phone_calls/1/events`))
    expect(phone_call_events.map((event: { out_of_order: boolean }) => event.out_of_order)).toEqual([false, false, true])
  })

  const without = (field: string) => {
    const { phone_call_event } = eventBody()
    return { phone_call_event: { ...phone_call_event, [field]: undefined } }
  }
  const withCall = (changes: object) => {
    const { phone_call_event } = eventBody()
    return { phone_call_event: { ...phone_call_event, call: { ...phone_call_event.call, ...changes } } }
  }

  it.each<[string, unknown, string]>([
    ['no id', without('id'), 'phone_call_event.id'],
    ['no sequence', without('sequence'), 'phone_call_event.sequence'],
    ['an unknown status', withCall({ status: 'lost' }), 'phone_call_event.call.status'],
    ['a time without milliseconds', withCall({ started_at: '2026-11-22T09:30:00Z' }), 'phone_call_event.call.started_at'],
    ['a local time', withCall({ started_at: '2026-11-22T09:30:00.000+01:00' }), 'phone_call_event.call.started_at'],
    ['half a second', withCall({ duration: 0.5 }), 'phone_call_event.call.duration'],
    ['a field too many', withCall({ mood: 'good' }), 'phone_call_event.call'],
    ['no object', '[]', 'body'],
  ])('refuses %s, naming the field', async (_what, body, field) => {
    const answer = await postEvent(await runningSandbox(), body, 'k1')
    expect(answer.status).toBe(422)
    const { error, details } = await json(answer)
    expect([error, Object.keys(details)]).toEqual(['Invalid request', [field]])
  })

  it('refuses what claims to be a number and is none, as the Voice API does', async () => {
    const sandbox = await runningSandbox()
    for (const from of ['+0123456789', '+1 415 555 0100', '4155550100123', '', '+141555501001234567', 'two words']) {
      const answer = await postEvent(sandbox, withCall({ from }), 'k1')
      expect([from, answer.status, await json(answer)]).toEqual([
        from,
        422,
        {
          error: 'Invalid phone number',
          description: 'Phone number must be valid E.164 format',
          details: { 'phone_call_event.call.from': ['Phone number must be valid E.164 format'] },
        },
      ])
    }
  })

  it('takes numbers, extensions, names and service codes', async () => {
    const sandbox = await runningSandbox()
    for (const from of ['+14155550100', '1001', '1', 'anonymous', 'unknown', 'alice', '*97']) {
      const { phone_call_event } = withCall({ from, external_id: from })
      const answer = await postEvent(sandbox, { phone_call_event: { ...phone_call_event, id: from } }, from)
      expect([from, answer.status]).toEqual([from, 201])
    }
  })

  it('wants a key, a token, JSON, and not too much of it', async () => {
    const sandbox = await runningSandbox()
    const tried = async (answer: Response) => [answer.status, (await json(answer)).error]
    expect(await tried(await postEvent(sandbox, eventBody()))).toEqual([422, 'Invalid request'])
    expect(await tried(await postEvent(sandbox, '{"phone', 'k1'))).toEqual([400, 'Invalid JSON'])
    expect(await tried(await postEvent(sandbox, `"${'x'.repeat(1_100_000)}"`, 'k1'))).toEqual([413, 'Too large'])
    expect(
      await tried(await sandbox.call('/phone_call_events', { method: 'POST', body: 'x', headers: { 'idempotency-key': 'k1' } })),
    ).toEqual([415, 'Unsupported media type'])
    const anonymous = await sandbox.call('/phone_call_events', { method: 'POST', headers: { authorization: 'Bearer wrong' } })
    expect(anonymous.headers.get('www-authenticate')).toBe('Bearer')
    expect(await tried(anonymous)).toEqual([401, 'Unauthorized'])
    expect(await tried(await sandbox.call('/phone_cells'))).toEqual([404, 'InvalidEndpoint'])
    expect(await tried(await fetch(`${sandbox.url}/api/v3/calls`))).toEqual([404, 'InvalidEndpoint'])
  })
})

describe('uploads', () => {
  it('store the very bytes', async () => {
    const sandbox = await runningSandbox()
    await postEvent(sandbox, eventBody(), 'k1')
    const answer = await upload(sandbox, [metadataPart(metadata()), filePart()])
    expect(answer.status).toBe(201)
    expect((await json(answer)).phone_recording).toMatchObject({ id: 1, call_id: 1, duration: 3, format: 'mp3' })
    const [name = ''] = await mediaOf(sandbox)
    expect((await readFile(join(sandbox.dataDir, 'sandbox-media', name))).equals(audio)).toBe(true)
    const again = await upload(sandbox, [metadataPart(metadata()), filePart()])
    expect(again.status).toBe(200)
    expect(await mediaOf(sandbox)).toEqual([name])
  })

  it('of an unknown call are refused until it is known; without a call they are taken', async () => {
    const sandbox = await runningSandbox()
    const refused = await upload(sandbox, [metadataPart(metadata()), filePart()])
    expect([refused.status, (await json(refused)).error]).toEqual([404, 'Call not found'])
    await postEvent(sandbox, eventBody(), 'k1')
    expect((await upload(sandbox, [metadataPart(metadata()), filePart()])).status).toBe(201)
    const unmatched = metadata({ external_id: 'rec-2', external_call_id: null })
    expect((await upload(sandbox, [metadataPart(unmatched), filePart()], 'rec-2')).status).toBe(201)
  })

  it.each<[string, readonly FormPart[], string]>([
    ['another size', [metadataPart(metadata({ size: 5 })), filePart()], 'size'],
    ['another hash', [metadataPart(metadata({ sha256: '0'.repeat(64) })), filePart()], 'sha256'],
    ['another length', [metadataPart(metadata({ duration: 9 })), filePart()], 'duration'],
    ['other channels', [metadataPart(metadata({ channels: 2 })), filePart()], 'channels'],
    ['another rate', [metadataPart(metadata({ sample_rate: 16_000 })), filePart()], 'sample_rate'],
    ['a file that is no MP3', [metadataPart(metadata(sized(Buffer.alloc(500)))), filePart(Buffer.alloc(500))], 'file'],
    ['no metadata', [filePart()], 'metadata'],
    ['the parts in the wrong order', [filePart(), metadataPart(metadata())], 'metadata'],
    ['metadata as text', [{ ...metadataPart(metadata()), type: 'text/plain' }, filePart()], 'metadata'],
    ['no file', [metadataPart(metadata())], 'file'],
    ['a WAV', [metadataPart(metadata()), { ...filePart(), type: 'audio/wav' }], 'file'],
    ['two files', [metadataPart(metadata()), filePart(), filePart()], 'body'],
    ['a bad field', [metadataPart(metadata({ format: 'wav' })), filePart()], 'format'],
  ])('with %s are refused, naming it, and leave nothing behind', async (_what, formParts, field) => {
    const sandbox = await runningSandbox()
    await postEvent(sandbox, eventBody(), 'k1')
    const answer = await upload(sandbox, formParts)
    expect(answer.status).toBe(422)
    expect(Object.keys((await json(answer)).details)).toEqual([field])
    await vi.waitFor(async () => expect(await mediaOf(sandbox)).toEqual([]))
    expect((await upload(sandbox, [metadataPart(metadata()), filePart()])).status).toBe(201)
  })

  it('that break the rules of multipart are refused in the same shape', async () => {
    const sandbox = await runningSandbox()
    const broken = await upload(sandbox, [metadataPart('{"external_id":'), filePart()])
    expect(broken.status).toBeGreaterThanOrEqual(400)
    expect(broken.status).toBeLessThan(500)
    expect(await json(broken)).toMatchObject({ error: expect.any(String), description: expect.any(String) })
    const notMultipart = await postToUpload(sandbox, 'application/json', '{}')
    expect([notMultipart.status, Object.keys((await json(notMultipart)).details)]).toEqual([422, ['content-type']])
  })

  it('that are too long are refused', async () => {
    const sandbox = await runningSandbox({ fileLimitBytes: 5000 })
    const answer = await upload(sandbox, [metadataPart(metadata({ external_call_id: null })), filePart()])
    expect([answer.status, (await json(answer)).error]).toEqual([413, 'Too large'])
    await vi.waitFor(async () => expect(await mediaOf(sandbox)).toEqual([]))
  })

  it('of the same recording under another key are refused', async () => {
    const sandbox = await runningSandbox()
    const formParts = [metadataPart(metadata({ external_call_id: null })), filePart()]
    await upload(sandbox, formParts, 'k1')
    const answer = await upload(sandbox, formParts, 'k2')
    expect([answer.status, Object.keys((await json(answer)).details)]).toEqual([422, ['external_id']])
    expect(await mediaOf(sandbox)).toHaveLength(1)
  })

  it('with a key that is being worked on are told to come back, and a lost sender leaves no trace', async () => {
    const sandbox = await runningSandbox()
    const formParts = [metadataPart(metadata({ external_call_id: null })), filePart()]
    const body = form(formParts)
    const slow = httpRequest(`${sandbox.url}/api/v2/channels/voice/phone_recording_upload`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${sandbox.token}`,
        'content-type': 'multipart/form-data; boundary=b',
        'content-length': body.length,
        'idempotency-key': 'rec-1',
      },
    })
    slow.on('error', () => {})
    slow.write(body.subarray(0, 2000))
    await vi.waitFor(async () => expect(await mediaOf(sandbox)).toHaveLength(1))
    const second = await upload(sandbox, formParts)
    expect([second.status, (await json(second)).error]).toEqual([409, 'Request in progress'])
    slow.destroy()
    await vi.waitFor(async () => expect(await mediaOf(sandbox)).toEqual([]))
    await vi.waitFor(async () => expect((await upload(sandbox, formParts)).status).toBe(201))
    expect(await mediaOf(sandbox)).toHaveLength(1)
  })

  it('that are refused early leave the connection usable', async () => {
    const sandbox = await runningSandbox()
    const body = form([metadataPart(metadata()), filePart(silence(20_000))])
    const socket = connect(Number(new URL(sandbox.url).port), '127.0.0.1')
    await once(socket, 'connect')
    let heard = ''
    socket.on('data', chunk => {
      heard += chunk
    })
    const head = (method: string, path: string, rest: string) =>
      `${method} /api/v2/channels/voice${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${sandbox.token}\r\n${rest}\r\n`
    const rest = `idempotency-key: k\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: ${body.length}\r\n`
    socket.write(head('POST', '/phone_recording_upload', rest))
    socket.write(body)
    socket.write(head('GET', '/phone_calls', ''))
    await vi.waitFor(() => expect(heard).toContain('"phone_calls":[]'))
    expect(heard).toContain('HTTP/1.1 404')
    socket.destroy()
  })

  it('of voicemails need no call, and find theirs when it comes', async () => {
    const sandbox = await runningSandbox()
    const voicemail = metadata({
      external_id: 'vm-1',
      from: '+14155550100',
      to: '1002',
      received_at: '2026-11-22T09:31:00.000Z',
      mailbox: '1002@default',
    })
    const answer = await upload(sandbox, [metadataPart(voicemail), filePart()], 'vm-1', '/voicemail_upload')
    expect(answer.status).toBe(201)
    expect((await json(answer)).phone_voicemail).toMatchObject({
      id: 1,
      from: '+14155550100',
      to: '1002',
      status: 'new',
      call_id: null,
    })
    await postEvent(sandbox, eventBody(), 'k1')
    const { phone_voicemail } = await json(await sandbox.call('/phone_voicemails/1'))
    expect(phone_voicemail).toMatchObject({ call_id: 1, mailbox: '1002@default' })
  })
})

const sized = (bytes: Buffer) => ({ size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })

const postToUpload = (sandbox: RunningSandbox, type: string, body: string) =>
  sandbox.call('/phone_recording_upload', { method: 'POST', headers: { 'content-type': type, 'idempotency-key': 'k' }, body })

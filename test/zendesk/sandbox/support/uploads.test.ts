import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import { uploadAnswerSchema, uploadLimitBytes } from '../../../../src/zendesk/wire/documented/upload.ts'
import { silence } from '../../made-mp3.ts'
import { temporaryFolder } from '../../running-sandbox.ts'
import { type AccountAt, aCall, accountAt, aTicket } from './account-at.ts'

const audio = silence(10)
const mediaOf = ({ dataDir }: AccountAt) => readdir(join(dataDir, 'sandbox-media'))
const attach = ({ ask }: AccountAt, ...uploads: string[]) =>
  ask('POST', '/tickets', { ticket: { subject: 'x', comment: { body: 'x', public: false, uploads } } })

describe('uploads', () => {
  it('are played by anybody once they are attached, whole or in part, and before only with credentials', async () => {
    const account = await accountAt()
    const made = await account.upload('Rec 1.mp3', audio)
    expect(made.status).toBe(201)
    const { upload } = uploadAnswerSchema.parse(made.body)
    const url = upload.attachments[0]?.content_url ?? ''
    expect(url.endsWith('.mp3')).toBe(true)
    expect((await fetch(url)).status).toBe(401)
    expect((await account.ask('GET', url)).status).toBe(200)
    expect((await attach(account, upload.token)).status).toBe(201)
    const whole = await fetch(url)
    expect([whole.status, whole.headers.get('content-type'), whole.headers.get('x-content-type-options')]).toEqual([
      200,
      'audio/mpeg',
      'nosniff',
    ])
    expect(audio.equals(Buffer.from(await whole.arrayBuffer()))).toBe(true)
    const part = await fetch(url, { headers: { range: 'bytes=10-19' } })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 10-19/${audio.length}`])
    expect((await fetch(url, { headers: { range: 'bytes=999999-' } })).status).toBe(416)
    expect((await fetch(url.replace('/token/', '/token/x'))).status).toBe(404)
    expect(await account.state()).toMatchObject({ attachments: 1, uploads_waiting: 0 })
  })

  it('attach once; several may share a token', async () => {
    const account = await accountAt()
    const { token } = (await account.upload('a.mp3', audio)).body.upload
    const second = await account.ask('POST', `/uploads?filename=b.txt&token=${token}`, { any: 'bytes' })
    expect(second.body.upload.attachments.map(({ file_name }: { file_name: string }) => file_name)).toEqual(['a.mp3', 'b.txt'])
    expect((await attach(account, token)).status).toBe(201)
    expect((await attach(account, token)).status).toBe(422)
    expect((await account.ask('POST', `/uploads?filename=c.txt&token=${token}`, {})).status).toBe(422)
    expect(await account.state()).toMatchObject({ tickets: 1, attachments: 2 })
  })

  it('are gone, file and all, when no comment uses them in time', async () => {
    const account = await accountAt()
    const { upload } = (await account.upload('a.mp3', audio)).body
    expect(Date.parse(upload.expires_at) - Date.now()).toBeGreaterThan(59 * 60_000)
    account.later(60 * 60_000 + 1_000)
    expect((await account.ask('GET', upload.attachment.content_url)).status).toBe(404)
    expect((await attach(account, upload.token)).status).toBe(422)
    expect(await mediaOf(account)).toHaveLength(1)
    await account.upload('b.mp3', audio)
    expect(await mediaOf(account)).toHaveLength(1)
  })

  it('can be taken back', async () => {
    const account = await accountAt()
    const { token } = (await account.upload('a.mp3', audio)).body.upload
    expect((await account.ask('DELETE', `/uploads/${token}`)).status).toBe(204)
    expect((await account.ask('DELETE', `/uploads/${token}`)).status).toBe(404)
    expect(await mediaOf(account)).toEqual([])
  })

  it('are refused when too large, unnamed, or of a type that no browser plays, and leave nothing', async () => {
    const account = await accountAt({ fileLimitBytes: 2_000 })
    const { ask, upload, url, token } = account
    const announced = await upload('a.mp3', Buffer.alloc(2_001))
    expect([announced.status, announced.body.error]).toEqual([422, 'AttachmentTooLarge'])
    // Nobody says beforehand how long it is.
    const streamed = await request(`${url}/api/v2/uploads?filename=a.mp3`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'audio/mpeg' },
      body: Readable.from(Array.from({ length: 5 }, () => Buffer.alloc(1_000))),
    })
    expect([streamed.statusCode, await streamed.body.text()]).toEqual([422, expect.stringContaining('AttachmentTooLarge')])
    expect((await upload('a.mp3', audio.subarray(0, 100), 'application/binary')).status).toBe(422)
    expect((await upload('../a.mp3', audio.subarray(0, 100))).status).toBe(422)
    expect((await ask('POST', '/uploads', {})).status).toBe(422)
    expect(uploadLimitBytes).toBe(52_428_800)
    expect([await mediaOf(account), await account.state()]).toMatchObject([[], { attachments: 0, uploads_waiting: 0 }])
  })

  it('attached twice under one name are seen', async () => {
    const account = await accountAt()
    const tokens = [
      (await account.upload('a.mp3', audio)).body.upload.token,
      (await account.upload('a.mp3', audio)).body.upload.token,
    ]
    await attach(account, ...tokens)
    expect(await account.state()).toMatchObject({
      duplicates: { attachments_with_one_name: [{ ticket_id: 1, file_name: 'a.mp3', n: 2 }] },
    })
  })
})

describe('the account', () => {
  it('is all on disk as soon as it is acknowledged, without a proper end', async () => {
    const account = await accountAt()
    const { ask, upload } = account
    const { token, attachment } = (await upload('a.mp3', audio)).body.upload
    const waiting = (await upload('b.mp3', audio)).body.upload
    const key = { 'idempotency-key': 'k' }
    await ask('POST', '/tickets', { ticket: { ...aTicket, comment: { body: 'x', uploads: [token] } } }, key)
    await ask('POST', '/calls', { call: aCall, comment: { title: 'Call', display_to_agent: 7 } })
    await ask('POST', '/users', { user: { name: 'Carla', phone: '+14155550100' } })
    await ask('PUT', '/agent_availabilities/agent_statuses/agents/7', { id: 4 })
    await ask('POST', '/_sandbox/settings', { updates_per_ticket: 1 })
    // What a machine finds after kill -9: the files as they are now, write-ahead log and all.
    const dataDir = join(await temporaryFolder(), 'found')
    await cp(account.dataDir, dataDir, { recursive: true })
    const found = await accountAt({ dataDir })
    const { duplicates: _none, ...before } = await account.state()
    expect(await found.state()).toMatchObject(before)
    expect(before).toMatchObject({
      tickets: 2,
      ticket_comments: 2,
      documented_calls: 1,
      users: 1,
      attachments: 1,
      uploads_waiting: 1,
    })
    expect((await fetch(attachment.content_url.replace(account.url, found.url))).status).toBe(200)
    expect((await attach(found, waiting.token)).status).toBe(201)
    const again = await found.ask('POST', '/tickets', { ticket: { ...aTicket, comment: { body: 'x', uploads: [token] } } }, key)
    expect(again.headers.get('x-idempotency-lookup')).toBe('hit')
    expect((await found.ask('GET', '/agent_availabilities/7')).body.data.attributes.agent_status.id).toBe(4)
    expect((await found.ask('GET', '/_sandbox/settings')).body.settings.updates_per_ticket).toBe(1)
    expect((await found.ask('GET', '/_sandbox/displays')).body.displays).toHaveLength(1)
  })
})

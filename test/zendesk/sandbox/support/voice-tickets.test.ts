import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ticketAnswerSchema, ticketsAnswerSchema } from '../../../../src/zendesk/wire/ticket.ts'
import { silence } from '../../made-mp3.ts'
import { type AccountAt, accountAt, aTicket, deliveriesTo } from './account-at.ts'

const ended = { outcome: { status: 'connected', reason: 'completed', sipCode: 200, q850: 16 }, durationMs: 61_000 } as const
const ticket = {
  subject: 'Call from Carla',
  description: 'About order 123',
  tags: ['phone', 'inbound'],
  custom_fields: [{ id: 12345, value: 'Called in' }],
}
const voice = '/channels/voice'
const shown = async ({ ask }: AccountAt, id = 1) =>
  ticketAnswerSchema.parse((await ask('GET', `${voice}/tickets/${id}`)).body).ticket

describe("the Voice API's tickets", () => {
  it('are made of a call once, with what is known of it, also what comes later', async () => {
    const account = await accountAt()
    const { ask, url, state } = account
    const deliveries = deliveriesTo(account)
    await deliveries.event('call-1')
    const made = await ask('POST', `${voice}/phone_calls/1/create_ticket`, { ticket, display_to_agent: 35436 })
    expect(made.status).toBe(201)
    expect(ticketAnswerSchema.parse(made.body).ticket).toMatchObject({
      ...ticket,
      status: 'new',
      comments: [],
      call: {
        phone_call_id: 1,
        caller: '+14155550100',
        duration: 0,
        recording_url: null,
        transcription: null,
        agents: [{ id: 35436, name: 'Alice' }],
      },
    })
    expect((await ask('GET', `${voice}/phone_calls/1`)).body.phone_call.ticket_id).toBe(1)
    await deliveries.event('call-1', 2, 'call.ended', ended)
    await deliveries.recording('rec-1', 'call-1')
    expect((await shown(account)).call).toMatchObject({
      duration: 61,
      recording_url: `${url}/api/v2${voice}/phone_recordings/1/download`,
    })
    const again = await ask('POST', `${voice}/phone_calls/1/create_ticket`, { ticket })
    expect([again.status, again.body.details]).toEqual([409, { ticket_id: 1 }])
    expect((await ask('GET', '/_sandbox/displays')).body.displays).toMatchObject([{ agent_id: 35436, ticket_id: 1 }])
    const { ticket: seen } = (await ask('GET', '/tickets/1')).body
    expect((await ask('GET', `/users/${seen.requester_id}`)).body.user).toMatchObject({
      name: 'Caller: 14155550100',
      phone: '+14155550100',
    })
    expect(await state()).toMatchObject({ tickets: 1, users: 1 })
  })

  it('are of the caller one knows already', async () => {
    const account = await accountAt()
    const { id } = (await account.ask('POST', '/users', { user: { name: 'Carla', phone: '+1 (415) 555-0100' } })).body.user
    await deliveriesTo(account).event('call-1')
    await account.ask('POST', `${voice}/phone_calls/1/create_ticket`, { ticket })
    expect(await shown(account)).toMatchObject({ requester_id: id })
  })

  it('are made once for an Idempotency-Key, also when the answer was lost', async () => {
    const account = await accountAt()
    const { ask, fault, state } = account
    await deliveriesTo(account).event('call-1')
    await deliveriesTo(account).voicemail('vm-1')
    const key = (name: string) => ({ 'idempotency-key': name })
    for (const [path, body] of [
      [`${voice}/phone_calls/1/create_ticket`, { ticket }],
      [`${voice}/phone_voicemails/1/create_ticket`, { ticket }],
      [`${voice}/tickets`, { ticket }],
      [`${voice}/tickets/1/comments`, { comment: { body: 'x' } }],
    ] as const) {
      await fault('*', { kind: 'accept-then-reset' })
      await expect(ask('POST', path, body, key(path))).rejects.toThrow()
      expect((await ask('POST', path, body, key(path))).status).toBe(200)
    }
    expect(
      (await ask('POST', `${voice}/tickets`, { ticket: { ...ticket, subject: 'Other' } }, key(`${voice}/tickets`))).status,
    ).toBe(422)
    expect(await state()).toMatchObject({ tickets: 3, ticket_comments: 4, attachments: 1 })
    expect(await readdir(join(account.dataDir, 'sandbox-media'))).toHaveLength(2)
  })

  it('of a voicemail archive it and keep its audio when it is deleted', async () => {
    const account = await accountAt()
    const { ask } = account
    await deliveriesTo(account).voicemail('vm-1')
    const made = await ask('POST', `${voice}/phone_voicemails/1/create_ticket`, { ticket: { ...ticket, priority: 'high' } })
    expect([made.status, made.body.ticket.call]).toMatchObject([201, { phone_voicemail_id: 1, caller: '+14155550100' }])
    expect((await ask('GET', `${voice}/phone_voicemails/1`)).body.phone_voicemail).toMatchObject({
      status: 'archived',
      ticket_id: 1,
    })
    expect((await ask('POST', `${voice}/phone_voicemails/1/create_ticket`, { ticket })).status).toBe(409)
    expect((await ask('DELETE', `${voice}/phone_voicemails/1`)).status).toBe(204)
    const { call, attachments } = await shown(account)
    expect(call).toMatchObject({ caller: '+14155550100', recording_url: null })
    const audio = await fetch(attachments[0]?.url ?? '')
    expect(silence(40).equals(Buffer.from(await audio.arrayBuffer()))).toBe(true)
    expect((await ask('POST', `${voice}/phone_voicemails/1/create_ticket`, { ticket })).status).toBe(410)
  })

  it('by themselves take audio by its address: ours with the file, any other as a link', async () => {
    const account = await accountAt()
    const { ask, url } = account
    await deliveriesTo(account).voicemail('vm-1')
    const own = `${url}/api/v2${voice}/phone_voicemails/1/audio`
    const attachments = [{ url: own }, { url: 'https://voicemail-recording.mp3' }]
    const made = await ask('POST', `${voice}/tickets`, {
      ticket: { subject: 'Voicemail followup required', description: 'x', attachments },
    })
    expect(made.status).toBe(201)
    await ask('DELETE', `${voice}/phone_voicemails/1`)
    const seen = await shown(account)
    expect([seen.call, seen.requester_id, seen.attachments.length]).toEqual([null, null, 2])
    expect((await fetch(seen.attachments[1]?.url ?? '')).headers.get('content-type')).toBe('audio/mpeg')
    expect(seen.attachments[0]).toEqual({ url: 'https://voicemail-recording.mp3' })
    const gone = await ask('POST', `${voice}/tickets`, { ticket: { subject: 's', description: 'd', attachments } })
    expect([gone.status, Object.keys(gone.body.details)]).toEqual([422, ['ticket.attachments']])
    expect(await readdir(join(account.dataDir, 'sandbox-media'))).toHaveLength(1)
  })

  it('take what is logged to them, and are the same in the other half', async () => {
    const account = await accountAt()
    const { ask } = account
    await ask('POST', '/tickets', { ticket: aTicket })
    const comment = { body: 'Phone call - 15 minutes - discussed billing issue', public: false }
    const logged = await ask('POST', `${voice}/tickets/1/comments`, { comment })
    expect([logged.status, logged.body.comment]).toMatchObject([201, comment])
    expect(await shown(account)).toMatchObject({ subject: 'Printer', description: 'It is on fire', comments: [comment] })
    expect((await ask('GET', '/tickets/1/comments')).body.comments[1]).toMatchObject({ ...comment, type: 'Comment' })
    await ask('PUT', '/tickets/1', { ticket: { status: 'closed' } })
    expect((await ask('POST', `${voice}/tickets/1/comments`, { comment })).status).toBe(422)
  })

  it('are refused for what they lack or name wrongly, with nothing made', async () => {
    const account = await accountAt()
    const { ask, state } = account
    await deliveriesTo(account).event('call-1')
    await ask('POST', '/_sandbox/settings', { agents: [7] })
    const wrong: readonly (readonly [number, string, object])[] = [
      [404, '/phone_calls/2/create_ticket', { ticket }],
      [404, '/phone_voicemails/1/create_ticket', { ticket }],
      [404, '/tickets/1/comments', { comment: { body: 'x' } }],
      [422, '/phone_calls/1/create_ticket', { ticket: { description: 'x' } }],
      [422, '/phone_calls/1/create_ticket', { ticket, display_to_agent: 8 }],
      [422, '/phone_calls/1/create_ticket', { ticket: { ...ticket, assignee_id: 8 } }],
      [422, '/tickets', { ticket: { ...ticket, priority: 'extreme' } }],
      [422, '/tickets', { ticket: { ...ticket, colour: 'red' } }],
    ]
    const answers = await Promise.all(wrong.map(([, path, body]) => ask('POST', `${voice}${path}`, body)))
    expect(answers.map(({ status }) => status)).toEqual(wrong.map(([status]) => status))
    expect(await state()).toMatchObject({ tickets: 0, users: 0 })
    expect((await ask('GET', `${voice}/tickets/1`)).body.error).toBe('Ticket not found')
  })

  it('are listed newest first, page by page, and by external id', async () => {
    const account = await accountAt()
    const { ask } = account
    for (const external_id of ['a', 'b', 'c']) await ask('POST', `${voice}/tickets`, { ticket: { ...ticket, external_id } })
    const first = ticketsAnswerSchema.parse((await ask('GET', `${voice}/tickets?limit=2`)).body)
    expect([first.count, first.tickets.map(({ id }) => id)]).toEqual([3, [3, 2]])
    const rest = ticketsAnswerSchema.parse((await ask('GET', first.next_page ?? '')).body)
    expect([rest.next_page, rest.tickets.map(({ id }) => id)]).toEqual([null, [1]])
    expect((await ask('GET', `${voice}/tickets?external_id=b`)).body).toMatchObject({ count: 1, tickets: [{ id: 2 }] })
  })
})

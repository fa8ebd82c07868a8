import { describe, expect, it } from 'vitest'
import { supportCommentsAnswerSchema, supportTicketsAnswerSchema } from '../../../../src/zendesk/wire/documented/page.ts'
import { supportTicketAnswerSchema } from '../../../../src/zendesk/wire/documented/ticket.ts'
import { silence } from '../../made-mp3.ts'
import { accountAt, aTicket, basic } from './account-at.ts'

const ids = (list: readonly { readonly id: number }[]) => list.map(({ id }) => id)

describe('the documented tickets', () => {
  it('are made with their first comment, found by external id at once, and shown', async () => {
    const { ask } = await accountAt()
    const made = await ask('POST', '/tickets.json', {
      ticket: {
        ...aTicket,
        external_id: 'tpe:1',
        priority: 'high',
        tags: ['voice', 'voice'],
        custom_fields: [{ id: 7, value: 'x' }],
        requester: { name: 'Carla', phone: '+14155550100' },
      },
    })
    expect(made.status).toBe(201)
    const { ticket } = supportTicketAnswerSchema.parse(made.body)
    expect(ticket).toMatchObject({
      subject: 'Printer',
      description: 'It is on fire',
      priority: 'high',
      status: 'new',
      tags: ['voice'],
    })
    const found = supportTicketsAnswerSchema.parse((await ask('GET', '/tickets?external_id=tpe:1')).body)
    expect([found.count, ids(found.tickets)]).toEqual([1, [ticket.id]])
    expect((await ask('GET', '/tickets?external_id=tpe:2')).body).toMatchObject({ tickets: [], count: 0 })
    expect((await ask('GET', `/users/${ticket.requester_id}`)).body.user).toMatchObject({ name: 'Carla', role: 'end-user' })
    expect((await ask('GET', '/tickets/99')).body).toEqual({ error: 'RecordNotFound', description: 'Not found' })
  })

  it('are made once for an Idempotency-Key, for two hours', async () => {
    const { ask, later, state } = await accountAt()
    const key = { 'idempotency-key': 'k1' }
    const first = await ask('POST', '/tickets', { ticket: aTicket }, key)
    const again = await ask('POST', '/tickets', { ticket: aTicket }, key)
    expect([first, again].map(({ status, headers }) => [status, headers.get('x-idempotency-lookup')])).toEqual([
      [201, 'miss'],
      [201, 'hit'],
    ])
    expect(again.body).toEqual(first.body)
    const other = await ask('POST', '/tickets', { ticket: { ...aTicket, subject: 'Other' } }, key)
    expect([other.status, other.body.error]).toEqual([400, 'IdempotentRequestError'])
    expect((await ask('POST', '/tickets', { ticket: aTicket }, { 'idempotency-key': 'k'.repeat(256) })).status).toBe(400)
    expect(await state()).toMatchObject({ tickets: 1 })
    later(2 * 3_600_000 + 1)
    expect((await ask('POST', '/tickets', { ticket: aTicket }, key)).headers.get('x-idempotency-lookup')).toBe('miss')
  })

  it('are refused for what they lack or name wrongly, by field, with nothing made', async () => {
    const { ask, state } = await accountAt()
    await ask('POST', '/_sandbox/settings', { agents: [7] })
    const wrong: readonly (readonly [string, object])[] = [
      ['base', { subject: 'No words' }],
      ['assignee', { ...aTicket, assignee_id: 8 }],
      ['requester', { ...aTicket, requester_id: 9 }],
      ['priority', { ...aTicket, priority: 'extreme' }],
      ['tags.0', { ...aTicket, tags: ['two words'] }],
      ['uploads', { ...aTicket, comment: { body: 'x', uploads: ['nothing'] } }],
      ['voice_comment.started_at', { voice_comment: { from: 'a', to: 'b', started_at: 'now', call_duration: 1 } }],
    ]
    const answers = await Promise.all(wrong.map(([, ticket]) => ask('POST', '/tickets', { ticket })))
    expect(answers.map(({ status, body }) => [status, body.error, Object.keys(body.details)])).toEqual(
      wrong.map(([field]) => [422, 'RecordInvalid', [field]]),
    )
    expect(await state()).toMatchObject({ tickets: 0, ticket_comments: 0 })
  })

  it('are changed in one request: comment with its file, fields, tags, status', async () => {
    const { ask, upload } = await accountAt()
    await ask('POST', '/tickets', {
      ticket: {
        ...aTicket,
        tags: ['a', 'b'],
        custom_fields: [
          { id: 1, value: 'x' },
          { id: 2, value: 'y' },
        ],
      },
    })
    const { token } = (await upload('rec-1.mp3', silence(2))).body.upload
    const change = {
      comment: { body: 'Recording', public: false, uploads: [token] },
      additional_tags: ['c'],
      remove_tags: ['a'],
      custom_fields: [{ id: 2, value: 'z' }],
      assignee_id: 35436,
    }
    const { status, body } = await ask('PUT', '/tickets/1', { ticket: change })
    expect(status).toBe(200)
    expect(supportTicketAnswerSchema.parse(body).ticket).toMatchObject({
      subject: 'Printer',
      tags: ['b', 'c'],
      custom_fields: [
        { id: 1, value: 'x' },
        { id: 2, value: 'z' },
      ],
      assignee_id: 35436,
      status: 'open',
    })
    expect(body.audit.events[0]).toMatchObject({ type: 'Comment', public: false, attachments: [{ file_name: 'rec-1.mp3' }] })
    const { audits } = (await ask('GET', '/tickets/1/audits')).body
    expect(audits).toHaveLength(2)
    expect((await ask('PUT', '/tickets/1', { ticket: { comment: { public: false } } })).status).toBe(422)
    expect((await ask('PUT', '/tickets/2', { ticket: {} })).status).toBe(404)
  })

  it('take a call as a voice comment, without any licence', async () => {
    const { ask } = await accountAt()
    await ask('POST', '/_sandbox/settings', { partner_edition: false })
    const voice_comment = {
      from: '+14155550100',
      to: '+14155550199',
      started_at: '2026-11-22T10:30:00+01',
      call_duration: 61,
      recording_url: 'https://x.example/a.mp3',
      answered_by_id: 7,
    }
    const { status } = await ask('POST', '/tickets', { ticket: { subject: 'Call', voice_comment } })
    expect(status).toBe(201)
    await ask('PUT', '/tickets/1', { ticket: { voice_comment, comment: { body: 'Again', public: true } } })
    const { comments } = supportCommentsAnswerSchema.parse((await ask('GET', '/tickets/1/comments')).body)
    expect(comments).toMatchObject([
      {
        type: 'VoiceComment',
        public: false,
        data: { call_duration: 61, started_at: '2026-11-22T09:30:00Z', recording_url: 'https://x.example/a.mp3' },
      },
      { type: 'VoiceComment', public: true },
    ])
  })

  it('never change again once closed, and not by a safe update that is late', async () => {
    const { ask, later } = await accountAt()
    const { ticket } = (await ask('POST', '/tickets', { ticket: aTicket })).body
    const safe = { safe_update: true, updated_stamp: ticket.updated_at, priority: 'low' }
    later(2_000)
    expect((await ask('PUT', '/tickets/1', { ticket: safe })).status).toBe(200)
    expect((await ask('PUT', '/tickets/1', { ticket: safe })).status).toBe(409)
    await ask('PUT', '/tickets/1', { ticket: { status: 'closed' } })
    const late = await ask('PUT', '/tickets/1', { ticket: { comment: { body: 'Hello?' } } })
    expect([late.status, late.body.details]).toMatchObject([
      422,
      { status: [{ description: 'Status: closed prevents ticket update' }] },
    ])
    expect((await ask('PUT', '/tickets/1/tags', { tags: ['x'] })).status).toBe(422)
  })

  it('take so many updates of one user in ten minutes, and then answer plain text without a time to come back', async () => {
    const { ask, later, token } = await accountAt()
    for (const _ of [1, 2]) await ask('POST', '/tickets', { ticket: aTicket })
    const put = (id: number, headers = {}) => ask('PUT', `/tickets/${id}`, { ticket: { priority: 'low' } }, headers)
    expect(new Set(await Promise.all(Array.from({ length: 30 }, async () => (await put(1)).status)))).toEqual(new Set([200]))
    const refused = await put(1)
    expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('content-type')]).toEqual([
      429,
      null,
      'text/plain; charset=utf-8',
    ])
    expect((await put(2)).status).toBe(200)
    expect((await put(1, basic('bob@example.com', token))).status).toBe(200)
    later(600_001)
    expect((await put(1)).status).toBe(200)
  })

  it('have their tags added, replaced and removed', async () => {
    const { ask } = await accountAt()
    await ask('POST', '/tickets', { ticket: { ...aTicket, tags: ['a'] } })
    expect((await ask('PUT', '/tickets/1/tags.json', { tags: ['b', 'a'] })).body).toEqual({ tags: ['a', 'b'] })
    expect((await ask('DELETE', '/tickets/1/tags', { tags: ['a'] })).body).toEqual({ tags: ['b'] })
    expect((await ask('POST', '/tickets/1/tags', { tags: ['c'] })).body).toEqual({ tags: ['c'] })
    expect((await ask('GET', '/tickets/1/tags')).body).toEqual({ tags: ['c'] })
  })

  it.each([
    ['by number', '?per_page=2', 'next_page'],
    ['by cursor', '?page[size]=2', 'links'],
  ])('give their comments page by page, %s', async (_how, query, next) => {
    const { ask } = await accountAt()
    await ask('POST', '/tickets', { ticket: aTicket })
    for (const body of ['1', '2', '3', '4']) await ask('PUT', '/tickets/1', { ticket: { comment: { body } } })
    const seen: string[] = []
    let path: string | null = `/tickets/1/comments${query}`
    let pages = 0
    while (path !== null) {
      const { body }: Awaited<ReturnType<typeof ask>> = await ask('GET', path)
      seen.push(...body.comments.map((comment: { body: string }) => comment.body))
      path = next === 'links' ? body.links.next : body.next_page
      pages += 1
    }
    expect([pages, seen]).toEqual([3, ['It is on fire', '1', '2', '3', '4']])
    const newest = await ask('GET', '/tickets/1/comments?sort_order=desc&per_page=1')
    expect(newest.body.comments[0].body).toBe('4')
    expect((await ask('GET', '/tickets/1/comments?page=101&per_page=100')).status).toBe(400)
    expect((await ask('GET', '/tickets/1/comments?page[size]=2&page[after]=%20')).status).toBe(422)
  })

  it('are listed by who asked for them, in the order one wants', async () => {
    const { ask, later } = await accountAt()
    const { id } = (await ask('POST', '/users', { user: { name: 'Carla' } })).body.user
    for (const subject of ['1', '2', '3']) await ask('POST', '/tickets', { ticket: { ...aTicket, subject, requester_id: id } })
    await ask('POST', '/tickets', { ticket: aTicket })
    later(5_000)
    await ask('PUT', '/tickets/2', { ticket: { priority: 'low' } })
    const asked = async (query: string) => ids((await ask('GET', `/users/${id}/tickets/requested${query}`)).body.tickets)
    expect(await asked('')).toEqual([1, 2, 3])
    expect(await asked('.json?sort_by=created_at&sort_order=desc')).toEqual([3, 2, 1])
    expect(await asked('?sort=-updated_at&page[size]=1')).toEqual([2])
    expect((await ask('GET', '/users/99/tickets/requested')).status).toBe(200)
  })

  it('make a voicemail ticket below the voice path when a via_id or Basic says whose words these are', async () => {
    const { ask, state, token } = await accountAt()
    await ask('POST', '/_sandbox/settings', { agents: [7] })
    const voice_comment = {
      from: '+14155550100',
      to: '+14155550199',
      started_at: '2026-11-22T09:30:00Z',
      call_duration: 9,
      transcription_text: 'Call me',
    }
    const ticket = { via_id: 44, voice_comment, priority: 'urgent' }
    const refused = await ask('POST', '/channels/voice/tickets.json', { display_to_agent: 8, ticket })
    expect([refused.status, Object.keys(refused.body.details)]).toEqual([422, ['display_to_agent']])
    expect(await state()).toMatchObject({ tickets: 0 })
    const made = await ask('POST', '/channels/voice/tickets.json', { display_to_agent: 7, ticket })
    expect([made.status, made.body.ticket]).toMatchObject([
      201,
      { subject: 'Voicemail from: +14155550100', via: { source: { rel: 'voicemail' } } },
    ])
    expect((await ask('GET', '/_sandbox/displays')).body.displays).toMatchObject([{ agent_id: 7, ticket_id: 1 }])
    const asAgent = basic('alice@example.com', token)
    const without = await ask('POST', '/channels/voice/tickets', { ticket: aTicket }, asAgent)
    expect([without.status, Object.keys(without.body.details)]).toEqual([422, ['via_id']])
    expect((await ask('POST', '/channels/voice/tickets', { ticket: { ...aTicket, via_id: 46 } }, asAgent)).status).toBe(201)
  })
})

import { describe, expect, it } from 'vitest'
import { callAnswerSchema } from '../../../../src/zendesk/wire/documented/call.ts'
import { supportCommentsAnswerSchema } from '../../../../src/zendesk/wire/documented/page.ts'
import { tpeVoiceCommentSchema } from '../../../../src/zendesk/wire/documented/voice-comment.ts'
import { type AccountAt, aCall, accountAt } from './account-at.ts'

const carla = async ({ ask }: AccountAt) => {
  const { body } = await ask('POST', '/users', { user: { name: 'Carla', phone: '+14155550100' } })
  return body.user.id
}

describe('the documented calls', () => {
  it('keep a call without a ticket, and show nothing anywhere', async () => {
    const account = await accountAt()
    const made = await account.ask('POST', '/calls.json', {
      call: { ...aCall, external_id: 'pbx-1', call_started_at: '2022-01-27T15:31:40+01' },
    })
    expect(made.status).toBe(201)
    const { call } = callAnswerSchema.parse(made.body)
    expect(call).toMatchObject({ external_id: 'pbx-1', ticket_id: null, call_started_at: '2022-01-27T14:31:40Z', duration: null })
    expect((await account.ask('GET', `/calls/${call.id}`)).body).toEqual(made.body)
    expect(await account.state()).toMatchObject({ documented_calls: 1, tickets: 0, ticket_comments: 0 })
  })

  it('refuse a call that lacks what it must say, or says what cannot be, by field', async () => {
    const { ask, state } = await accountAt()
    await ask('POST', '/_sandbox/settings', { agents: [] })
    const wrong: readonly (readonly [string, object])[] = [
      ['app_id', { app_id: undefined }],
      ['from_line', { from_line: undefined }],
      ['to_line', { to_line: undefined }],
      ['call_started_at', { call_started_at: undefined }],
      ['call_started_at', { call_started_at: 'yesterday' }],
      ['direction', { direction: 'internal' }],
      ['completion_status', { completion_status: 'completed' }],
      ['completion_status', { completion_status: 'splendid', call_ended_at: '2026-11-22T09:31:00Z' }],
      ['ticket_id', { ticket_id: 99 }],
      ['end_user_id', { end_user_id: 360_000_009_999 }],
      ['duration', { duration: -1 }],
    ]
    const answers = await Promise.all(
      wrong.map(([, changes]) => ask('POST', '/calls', { call: { ...aCall, ...changes }, comment: { title: 'Call' } })),
    )
    expect(answers.map(({ status, body }) => [status, body.error, Object.keys(body.details)])).toEqual(
      wrong.map(([field]) => [422, 'RecordInvalid', [field]]),
    )
    expect(await state()).toMatchObject({ documented_calls: 0, tickets: 0 })
  })

  it('make call, ticket and comment in one request, and pop the ticket up', async () => {
    const account = await accountAt()
    const { ask } = account
    const caller = await carla(account)
    const comment = {
      title: 'Inbound call',
      subject: 'Carla called',
      call_fields: ['from_line', 'duration'],
      end_user_id: caller,
      display_to_agent: 35436,
    }
    const { status, body } = await ask('POST', '/calls', { call: { ...aCall, external_id: 'pbx-1', duration: 61 }, comment })
    expect([status, body.call.ticket_id, body.call.end_user_id]).toEqual([201, 1, caller])
    const { ticket } = (await ask('GET', '/tickets/1')).body
    expect(ticket).toMatchObject({
      subject: 'Carla called',
      requester_id: caller,
      status: 'new',
      via: { channel: 'voice', source: { rel: 'inbound' } },
    })
    const { comments } = supportCommentsAnswerSchema.parse((await ask('GET', '/tickets/1/comments.json')).body)
    expect(comments).toHaveLength(1)
    expect(tpeVoiceCommentSchema.parse(comments[0])).toMatchObject({
      public: false,
      title: 'Inbound call',
      data: {
        call_id: body.call.id,
        from_line: '+14155550100',
        duration: 61,
        external_id: 'pbx-1',
        via_id: 45,
        recording_url: '',
      },
    })
    expect((await ask('GET', '/_sandbox/displays')).body.displays).toMatchObject([{ agent_id: 35436, ticket_id: 1 }])
  })

  it('put a comment on the ticket that the call names, and make one for a call that names none', async () => {
    const { ask, state } = await accountAt()
    await ask('POST', '/tickets', { ticket: { subject: 'Old', comment: { body: 'x' } } })
    const known = await ask('POST', '/calls', { call: { ...aCall, ticket_id: 1 }, comment: { title: 'First' } })
    expect(known.body.call.ticket_id).toBe(1)
    const loose = await ask('POST', '/calls', { call: { ...aCall, direction: 'outbound' } })
    const said = await ask('POST', `/calls/${loose.body.call.id}/comments`, { title: 'Later', call_fields: ['direction'] })
    expect(said.status).toBe(201)
    expect(tpeVoiceCommentSchema.parse(said.body).data.via_id).toBe(46)
    expect((await ask('GET', `/calls/${loose.body.call.id}`)).body.call.ticket_id).toBe(2)
    await ask('POST', `/calls/${loose.body.call.id}/comments`, { title: 'Later still' })
    expect(await state()).toMatchObject({ tickets: 2, ticket_comments: 4 })
  })

  it('change by PATCH; a comment tells what was true when it was made', async () => {
    const { ask } = await accountAt()
    const { id } = (await ask('POST', '/calls', { call: aCall, comment: { call_fields: ['completion_status'] } })).body.call
    const ended = {
      call_ended_at: '2026-11-22T09:31:01Z',
      duration: 61,
      completion_status: 'completed',
      recording_url: 'https://x.example/a.mp3',
    }
    const patched = await ask('PATCH', `/calls/${id}`, { call: { ...ended, app_id: 2 } })
    expect([patched.status, patched.body.call]).toMatchObject([200, { ...ended, app_id: 1, from_line: '+14155550100' }])
    expect(patched.headers.get('x-zendesk-api-warn')).toBe(
      'Removed restricted keys ["app_id"] from parameters according to whitelist',
    )
    await ask('POST', `/calls/${id}/comments`, { call_fields: ['completion_status'] })
    const { comments } = (await ask('GET', '/tickets/1/comments')).body
    expect(comments.map((comment: { data: object }) => comment.data)).toMatchObject([
      { completion_status: null, recording_url: '' },
      { completion_status: 'completed', recording_url: 'https://x.example/a.mp3' },
    ])
    expect((await ask('PATCH', `/calls/${id}`, { call: { call_ended_at: null } })).status).toBe(422)
  })

  it('drop unknown keys with a warning, a wrapped comment being one', async () => {
    const { ask } = await accountAt()
    const { id } = (await ask('POST', '/calls', { call: aCall })).body.call
    const wrapped = await ask('POST', `/calls/${id}/comments`, { comment: { title: 'Lost' } })
    expect(wrapped.status).toBe(201)
    expect(wrapped.headers.get('x-zendesk-api-warn')).toBe(
      'Removed restricted keys ["comment"] from parameters according to whitelist',
    )
    const odd = await ask('POST', '/calls', { call: { ...aCall, 'bö\r\nse': 1 } })
    expect([odd.status, odd.headers.get('x-zendesk-api-warn')]).toEqual([
      201,
      'Removed restricted keys ["b???se"] from parameters according to whitelist',
    ])
  })

  it('make nothing when the comment is refused', async () => {
    const { ask, state } = await accountAt()
    await ask('POST', '/_sandbox/settings', { agents: [7] })
    for (const comment of [{ display_to_agent: 8 }, { call_fields: ['colour'] }, { author_id: 9 }, { end_user_id: 9 }]) {
      expect((await ask('POST', '/calls', { call: aCall, comment })).status).toBe(422)
    }
    expect(await state()).toMatchObject({ documented_calls: 0, tickets: 0 })
  })

  it('are closed to accounts without the licence, as is display; tickets are not', async () => {
    const { ask } = await accountAt()
    const { id } = (await ask('POST', '/calls', { call: aCall })).body.call
    await ask('POST', '/_sandbox/settings', { partner_edition: false })
    const refused = [
      await ask('POST', '/calls', { call: aCall }),
      await ask('GET', `/calls/${id}`),
      await ask('PATCH', `/calls/${id}`, { call: {} }),
      await ask('POST', `/calls/${id}/comments`, {}),
      await ask('POST', '/channels/voice/agents/1/tickets/1/display'),
      await ask('POST', '/channels/voice/tickets', { ticket: { via_id: 45, comment: { body: 'x' } } }),
    ]
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403])
    expect((await ask('POST', '/tickets', { ticket: { comment: { body: 'x' } } })).status).toBe(201)
  })

  it('show twice what was reported twice', async () => {
    const { ask, state } = await accountAt()
    for (const external_id of ['a', 'b', 'a']) await ask('POST', '/calls', { call: { ...aCall, external_id } })
    expect(await state()).toMatchObject({ duplicates: { calls_with_one_external_id: [[1, 3]] } })
  })
})

describe('display', () => {
  it('remembers what popped up before whom; 404 for whom or what is not there', async () => {
    const account = await accountAt()
    const { ask } = account
    const caller = await carla(account)
    await ask('POST', '/tickets', { ticket: { comment: { body: 'x' } } })
    await ask('POST', '/_sandbox/settings', { agents: [35436] })
    const path = '/channels/voice/agents'
    const json = { 'content-type': 'application/json' }
    expect((await ask('POST', `${path}/35436/tickets/1/display.json`, undefined, json)).status).toBe(200)
    expect((await ask('POST', `${path}/35436/users/${caller}/display`)).status).toBe(200)
    for (const wrong of ['/35437/tickets/1', '/35436/tickets/2', '/35436/users/5', `/${caller}/tickets/1`, '/x/tickets/1']) {
      expect((await ask('POST', `${path}${wrong}/display`)).status).toBe(404)
    }
    expect((await ask('GET', '/_sandbox/displays')).body.displays).toMatchObject([
      { agent_id: 35436, ticket_id: 1 },
      { agent_id: 35436, user_id: caller },
    ])
  })
})

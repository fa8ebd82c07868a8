import { describe, expect, it } from 'vitest'
import {
  agentAvailabilityAnswerSchema,
  agentStatusesAnswerSchema,
} from '../../../../src/zendesk/wire/documented/agent-availability.ts'
import { tokensAnswerSchema } from '../../../../src/zendesk/wire/documented/oauth.ts'
import { aCall, accountAt, aTicket, basic } from './account-at.ts'

describe('credentials', () => {
  it('are the token with an e-mail address, the token alone, or an access token; anything else is a 401', async () => {
    const { ask, token } = await accountAt()
    const asked = async (headers: Record<string, string>) => (await ask('GET', '/users/me', undefined, headers)).status
    expect(await asked({})).toBe(200)
    expect(await asked(basic('alice@example.com', token))).toBe(200)
    const wrong = [
      basic('alice@example.com', 'other'),
      basic('alice', token),
      { authorization: `Basic ${Buffer.from(`alice@example.com:${token}`).toString('base64')}` },
      { authorization: 'Basic !!!' },
      { authorization: 'Bearer other' },
      { authorization: '' },
      { authorization: token },
    ]
    expect(await Promise.all(wrong.map(asked))).toEqual(wrong.map(() => 401))
    expect((await ask('GET', '/tickets', undefined, { authorization: 'x' })).body).toEqual({ error: "Couldn't authenticate you" })
    expect((await ask('GET', '/channels/voice/phone_calls', undefined, basic('alice@example.com', token))).status).toBe(200)
  })

  it('of an end user open neither calls nor display', async () => {
    const { ask, token } = await accountAt()
    await ask('POST', '/users', { user: { name: 'Carla', email: 'carla@example.com' } })
    expect((await ask('POST', '/calls', { call: aCall }, basic('carla@example.com', token))).status).toBe(403)
  })

  it('of OAuth are renewed with a refresh token that works once, and expire', async () => {
    const { ask, later, token } = await accountAt()
    const refresh = (refresh_token: string) =>
      ask(
        'POST',
        '/oauth/tokens',
        { grant_type: 'refresh_token', refresh_token, client_id: 'tpe', client_secret: 's', expires_in: 300 },
        { authorization: '' },
      )
    const first = tokensAnswerSchema.parse((await refresh(token)).body)
    expect(first).toMatchObject({ expires_in: 300, token_type: 'bearer' })
    const used = await refresh(token)
    expect([used.status, used.body.error]).toEqual([400, 'invalid_grant'])
    const access = { authorization: `Bearer ${first.access_token}` }
    expect((await ask('GET', '/tickets', undefined, access)).status).toBe(200)
    expect((await ask('GET', '/tickets', undefined, { authorization: `Bearer ${first.refresh_token}` })).status).toBe(401)
    later(300_001)
    expect((await ask('GET', '/tickets', undefined, access)).status).toBe(401)
    expect((await refresh(first.refresh_token ?? '')).status).toBe(200)
    const { refresh_token } = (await ask('POST', '/_sandbox/refresh_tokens')).body
    expect((await refresh(refresh_token)).status).toBe(200)
    expect((await ask('POST', '/oauth/tokens', { grant_type: 'password' })).body.error).toBe('invalid_request')
  })
})

describe('agents', () => {
  it('are set over the API or by their own hand, and it is told which', async () => {
    const { ask } = await accountAt()
    const shown = async () =>
      agentAvailabilityAnswerSchema.parse((await ask('GET', '/agent_availabilities/35436')).body).data.attributes
    expect(await shown()).toMatchObject({ agent_id: 35436, agent_status: { id: 2, reason: 'UNKNOWN' }, version: 0 })
    const set = await ask('PUT', '/agent_availabilities/agent_statuses/agents/35436', { id: 5 })
    expect([set.status, agentAvailabilityAnswerSchema.parse(set.body).data]).toMatchObject([
      200,
      { id: 'agent_availabilities|35436' },
    ])
    expect(await shown()).toMatchObject({ agent_status: { id: 5, name: 'transfers only', reason: 'PUBLIC_API' }, version: 1 })
    await ask('PUT', '/_sandbox/agents/35436/status', { status_id: 3 })
    expect(await shown()).toMatchObject({ agent_status: { id: 3, reason: 'AGENT_STATUS_SWITCHER' }, version: 2 })
    expect((await ask('PUT', '/agent_availabilities/agent_statuses/agents/35436', { id: 77 })).status).toBe(422)
    const { data } = agentStatusesAnswerSchema.parse((await ask('GET', '/agent_availabilities/agent_statuses')).body)
    expect(data.map(({ id }) => id)).toEqual(['2', '3', '4', '5'])
  })

  it('are whoever is no end user, until the settings name them', async () => {
    const { ask } = await accountAt()
    const { id } = (await ask('POST', '/users', { user: { name: 'Carla' } })).body.user
    const agent = (await ask('POST', '/users', { user: { name: 'Bob', role: 'agent' } })).body.user.id
    const known = async (agentId: number) => (await ask('GET', `/agent_availabilities/${agentId}`)).status
    expect([await known(7), await known(id), await known(agent)]).toEqual([200, 404, 200])
    await ask('POST', '/_sandbox/settings', { agents: [8] })
    expect([await known(7), await known(8), await known(agent)]).toEqual([404, 200, 200])
    expect((await ask('POST', '/_sandbox/settings', { agents: 'some' })).status).toBe(422)
  })
})

describe('faults and limits', () => {
  it('strike the documented half by the first segment of a path', async () => {
    const { ask, fault, state } = await accountAt()
    await fault('tickets', { kind: 'accept-then-reset' })
    expect((await ask('GET', '/users/me')).status).toBe(200)
    await expect(ask('POST', '/tickets.json', { ticket: aTicket })).rejects.toThrow()
    expect(await state()).toMatchObject({ tickets: 1 })
    await fault('calls', { kind: 'plain-429' })
    const plain = await ask('POST', '/calls', { call: aCall })
    expect([plain.status, plain.headers.get('retry-after'), typeof plain.body]).toEqual([429, null, 'string'])
    await fault('agents', { kind: 'status', status: 503 })
    expect((await ask('POST', '/channels/voice/agents/7/tickets/1/display')).status).toBe(503)
    await fault('oauth', { kind: 'status', status: 500 })
    expect((await ask('POST', '/oauth/tokens', {})).status).toBe(500)
    await fault('uploads', { kind: 'reset' })
    await expect(ask('POST', '/uploads?filename=a.txt', {})).rejects.toThrow()
    expect(await state()).toMatchObject({ documented_calls: 0, uploads_waiting: 0 })
  })

  it('spend one budget with the Voice API', async () => {
    const { ask } = await accountAt({ requestsPerMinute: 3 })
    expect((await ask('GET', '/tickets')).headers.get('x-rate-limit-remaining')).toBe('2')
    await ask('GET', '/channels/voice/phone_calls')
    await ask('GET', '/calls/1')
    const refused = await ask('GET', '/search?query=x')
    expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true])
  })

  it('tell an unknown endpoint, a query that makes no sense and a body that is no JSON apart', async () => {
    const { ask, url, token } = await accountAt()
    expect([(await ask('GET', '/nothing')).status, (await ask('DELETE', '/tickets/1')).status]).toEqual([404, 404])
    for (const path of [
      '/tickets?external_id=a&external_id=b',
      '/users/search?query=a&query=b',
      '/tickets?page=x',
      '/search?query=a&query=b',
    ]) {
      expect((await ask('GET', path)).status).toBe(422)
    }
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    expect((await fetch(`${url}/api/v2/tickets`, { method: 'POST', headers, body: '{' })).status).toBe(400)
  })
})

import { describe, expect, it } from 'vitest'
import { userSearchAnswerSchema, usersAnswerSchema } from '../../../../src/zendesk/wire/documented/page.ts'
import { userAnswerSchema } from '../../../../src/zendesk/wire/documented/user.ts'
import { accountAt, aTicket, basic } from './account-at.ts'

describe('the documented users', () => {
  it('are made or updated by external id or e-mail, never by telephone number', async () => {
    const { ask, state } = await accountAt()
    const put = (user: object) =>
      ask('POST', '/users/create_or_update.json', { user: { name: 'Carla', phone: '+14155550100', ...user } })
    const first = await put({ external_id: 'pbx:+14155550100' })
    const { user } = userAnswerSchema.parse(first.body)
    expect([first.status, first.headers.get('location')]).toEqual([
      201,
      `${(await ask('GET', `/users/${user.id}`)).body.user.url}`,
    ])
    const again = await put({ external_id: 'pbx:+14155550100', name: 'Carla C.' })
    expect([again.status, again.body.user]).toMatchObject([200, { id: user.id, name: 'Carla C.', phone: '+14155550100' }])
    expect((await put({ email: 'carla@example.com' })).status).toBe(201)
    expect((await put({ email: 'CARLA@example.com', notes: 'x' })).status).toBe(200)
    expect(await state()).toMatchObject({ users: 2, duplicates: { users_with_one_phone: [[user.id, user.id + 1]] } })
    await ask('PUT', `/users/${user.id}`, { user: { shared_phone_number: true } })
    expect(await state()).toMatchObject({ duplicates: { users_with_one_phone: [] } })
  })

  it('meeting at once, are still one', async () => {
    const { ask, state } = await accountAt()
    const user = { name: 'Carla', external_id: 'pbx:1' }
    const all = await Promise.all(Array.from({ length: 8 }, () => ask('POST', '/users/create_or_update', { user })))
    expect(all.map(({ status }) => status).toSorted()).toEqual([200, 200, 200, 200, 200, 200, 200, 201])
    expect(await state()).toMatchObject({ users: 1 })
  })

  it('are refused for a number that is none in their own way, and for what is taken', async () => {
    const { ask } = await accountAt()
    const bad = await ask('POST', '/users', { user: { name: 'Carla', phone: 'call me' } })
    expect([bad.status, bad.body]).toEqual([
      422,
      {
        error: 'RecordInvalid',
        description: 'Record validation errors',
        details: { phone: { description: 'Phone is not properly formatted', error: 'InvalidFormat' } },
      },
    ])
    expect((await ask('POST', '/users', { user: { phone: '+14155550100' } })).body.details).toHaveProperty('name')
    await ask('POST', '/users', { user: { name: 'A', email: 'a@example.com', external_id: 'a' } })
    expect((await ask('POST', '/users', { user: { name: 'B', email: 'A@example.com' } })).body.details).toHaveProperty('email')
    expect((await ask('POST', '/users', { user: { name: 'B', external_id: 'a' } })).body.details).toHaveProperty('external_id')
  })

  it('may have further numbers, each one only once', async () => {
    const { ask } = await accountAt()
    const { id } = (await ask('POST', '/users', { user: { name: 'Carla' } })).body.user
    const identity = { type: 'phone_number', value: '+14155550177' }
    expect((await ask('POST', `/users/${id}/identities`, { identity })).status).toBe(201)
    expect((await ask('POST', `/users/${id}/identities`, { identity })).status).toBe(422)
    expect((await ask('GET', `/users/${id}/identities`)).body.identities).toMatchObject([identity])
    await ask('POST', '/_sandbox/settings', { search_lag_ms: 0 })
    expect((await ask('GET', '/search?query=phone:*5550177')).body.results).toMatchObject([{ id }])
  })

  it('say who asks', async () => {
    const { ask, token } = await accountAt()
    expect((await ask('GET', '/users/me.json')).body.user).toMatchObject({ role: 'admin', name: 'tpe-bridge' })
    const alice = await ask('GET', '/users/me.json', undefined, basic('alice@example.com', token))
    expect(alice.body.user).toMatchObject({ email: 'alice@example.com', role: 'admin' })
    const again = await ask('GET', '/users/me.json', undefined, basic('alice@example.com', token))
    expect(again.body.user.id).toBe(alice.body.user.id)
  })
})

describe('search', () => {
  it('finds what is new only after the lag; by external id at once', async () => {
    const { ask, later } = await accountAt()
    await ask('POST', '/_sandbox/settings', { search_lag_ms: 60_000 })
    await ask('POST', '/users', { user: { name: 'Carla', phone: '+14155550100', external_id: 'pbx:1' } })
    await ask('POST', '/tickets', { ticket: { ...aTicket, external_id: 'tpe:1' } })
    const seen = async () => [
      (await ask('GET', '/search.json?query=role:end-user phone:*4155550100')).body.count,
      (await ask('GET', '/users/search?query=phone:14155550100')).body.count,
      (await ask('GET', '/search?query=type:ticket external_id:tpe:1')).body.count,
      (await ask('GET', '/users/search?external_id=pbx:1')).body.count,
    ]
    expect(await seen()).toEqual([0, 0, 0, 1])
    later(60_001)
    expect(await seen()).toEqual([1, 1, 1, 1])
  })

  it('matches numbers however they were written, and nothing by half', async () => {
    const { ask } = await accountAt()
    await ask('POST', '/_sandbox/settings', { search_lag_ms: 0 })
    for (const [name, phone] of [
      ['plus', '+1 513.555.7611'],
      ['brackets', '(513) 555-7611'],
      ['dashes', '513-555-7611'],
      ['extension', '+15135557611x12'],
      ['other', '+15135557612'],
    ]) {
      expect((await ask('POST', '/users', { user: { name, phone } })).status).toBe(201)
    }
    await ask('POST', '/users', { user: { name: 'agent', phone: '+15135557611', role: 'agent' } })
    const names = async (query: string) => {
      const { body } = await ask('GET', `/search.json?query=${encodeURIComponent(query)}`)
      return userSearchAnswerSchema.parse(body).results.map(({ name }) => name)
    }
    expect(await names('role:end-user phone:*5135557611')).toEqual(['plus', 'brackets', 'dashes', 'extension'])
    expect(await names('role:end-user phone:5135557611')).toEqual(['brackets', 'dashes'])
    expect(await names('phone:15135557611')).toEqual(['plus', 'extension', 'agent'])
    expect(await names('phone:*13555')).toEqual([])
    expect(await names('role:end-user phone:*13555*')).toHaveLength(5)
    expect(await names('phone:%')).toEqual([])
    expect(await names('role:end-user name:"othe"')).toEqual(['other'])
    expect((await ask('GET', '/search?query=colour:red')).status).toBe(422)
    expect((await ask('GET', '/search')).status).toBe(422)
  })

  it('finds tickets by requester, status and tag', async () => {
    const { ask } = await accountAt()
    await ask('POST', '/_sandbox/settings', { search_lag_ms: 0 })
    for (const [status, tags] of [
      ['open', ['voice']],
      ['solved', ['voice']],
      ['new', []],
    ])
      await ask('POST', '/tickets', { ticket: { ...aTicket, status, tags } })
    const found = async (query: string) =>
      (await ask('GET', `/search?query=${encodeURIComponent(query)}`)).body.results.map(({ id }: { id: number }) => id)
    const { id } = (await ask('GET', '/users/me')).body.user
    expect(await found(`requester:${id} status<solved`)).toEqual([1, 3])
    expect(await found('tags:voice status:solved')).toEqual([2])
    expect(await found('type:ticket fire')).toEqual([1, 2, 3])
  })

  it('goes page by page through users and tickets together, and not too deep', async () => {
    const { ask } = await accountAt()
    await ask('POST', '/_sandbox/settings', { search_lag_ms: 0 })
    for (const name of ['fire 1', 'fire 2', 'fire 3']) await ask('POST', '/users', { user: { name } })
    for (const _ of [1, 2]) await ask('POST', '/tickets', { ticket: aTicket })
    const kinds: string[] = []
    let path: string | null = '/search?query=fire&per_page=2'
    while (path !== null) {
      const { body }: Awaited<ReturnType<typeof ask>> = await ask('GET', path)
      kinds.push(...body.results.map((result: { result_type: string }) => result.result_type))
      path = body.next_page
    }
    expect(kinds).toEqual(['user', 'user', 'user', 'ticket', 'ticket'])
    expect((await ask('GET', '/search?query=fire&page=11&per_page=100')).status).toBe(422)
    expect(usersAnswerSchema.parse((await ask('GET', '/users/search?query=fire')).body).users).toHaveLength(3)
  })
})

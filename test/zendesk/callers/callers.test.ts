import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CallParty } from '../../../src/events/event.ts'
import { Callers, type CallersOptions, externalIdOf } from '../../../src/zendesk/callers/callers.ts'
import { ownerOf, searchDigits } from '../../../src/zendesk/callers/matching.ts'
import { Requests } from '../../../src/zendesk/calls/requests.ts'
import { TicketBudget } from '../../../src/zendesk/calls/ticket-budget.ts'
import { bearer } from '../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../src/zendesk/http/connection.ts'
import type { User } from '../../../src/zendesk/wire/documented/user.ts'
import { type DocumentedBridge, documentedBridge } from '../calls/documented-bridge.ts'
import { callerNo } from '../calls/made-scenarios.ts'

const silent = { info() {}, warn() {} }

function user(id: number, phone: string | null, changes: Partial<User> = {}): User {
  return { id, name: `User ${id}`, phone, role: 'end-user', updated_at: '2026-01-01T00:00:00Z', ...changes }
}

describe('of the users that a search found', () => {
  test.for(['+14155550100', '14155550100', '(415) 555-0100', '415.555.0100', '0014155550100', '+1 415 555 0100 x12'])(
    '%s is the owner’s way to write +14155550100',
    phone => {
      expect(ownerOf('+14155550100', [user(1, phone)], 'none').user?.id).toBe(1)
    },
  )

  test.for([
    ['another country’s number with the same ending', user(1, '+444155550100')],
    ['a shared number', user(1, '+14155550100', { shared_phone_number: true })],
    ['an agent', user(1, '+14155550100', { role: 'agent' })],
    ['a deleted user', user(1, '+14155550100', { active: false })],
    ['a user without a number', user(1, null)],
  ] as const)('%s is not the caller', ([, found]) => {
    expect(ownerOf('+14155550100', [found], 'most-recent').user).toBeNull()
  })

  test('several owners are the one that was changed last, or nobody', () => {
    const owners = [user(1, '+14155550100'), user(2, '+14155550100', { updated_at: '2026-02-01T00:00:00Z' })]
    expect(ownerOf('+14155550100', owners, 'most-recent').user?.id).toBe(2)
    expect(ownerOf('+14155550100', owners, 'none')).toEqual({ user: null, several: 2 })
  })

  test('any number is searched by digits alone', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\+[1-9]\d{6,14}$/), number => {
        expect(searchDigits(number)).toMatch(/^\d+$/)
      }),
    )
  })
})

function callersOf({ memory }: DocumentedBridge, changes: Partial<CallersOptions> = {}): Callers {
  return new Callers({
    memory,
    create: true,
    ambiguous: 'most-recent',
    name: 'display',
    clock: Date.now,
    log: silent,
    ...changes,
  })
}

function requestsTo({ proxy, sandbox }: DocumentedBridge): Requests {
  const connection = new Connection({
    baseUrl: proxy.url,
    authorization: bearer(sandbox.token),
    userAgent: 'test',
    clock: Date.now,
  })
  return new Requests({ connection, budget: new TicketBudget(), clock: Date.now, signal: AbortSignal.timeout(10_000) })
}

async function addUser({ sandbox }: DocumentedBridge, body: object): Promise<number> {
  const answer = await fetch(`${sandbox.url}/api/v2/users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sandbox.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ user: body }),
  })
  const { user } = JSON.parse(await answer.text())
  return user.id
}

describe('a caller', () => {
  test('who is new becomes one user, however many calls come at once and whichever bridge takes them', async () => {
    const bridge = await documentedBridge()
    const [one, other] = [callersOf(bridge), callersOf(bridge)]
    const found = await Promise.all([one, one, one, other, other].map(callers => callers.userOf(callerNo(1), requestsTo(bridge))))
    expect(new Set(found.map(({ userId }) => userId)).size).toBe(1)
    expect((await bridge.sandbox.state()).users).toBe(1)
    const { users } = await bridge.get(`/users/search?external_id=${encodeURIComponent(externalIdOf(callerNo(1).value))}`)
    expect(users).toMatchObject([{ name: 'Customer 1', phone: '+14152000001', role: 'end-user' }])
  })

  test('whom the search index does not show yet is found by external id', async () => {
    const bridge = await documentedBridge()
    await bridge.account({ search_lag_ms: 600_000 })
    const first = await callersOf(bridge).userOf(callerNo(1), requestsTo(bridge))
    await bridge.memory.put('caller:+14152000001', 'forgotten')
    expect((await callersOf(bridge).userOf(callerNo(1), requestsTo(bridge))).userId).toBe(first.userId)
    expect((await bridge.sandbox.state()).users).toBe(1)
  })

  test('whom Zendesk knows under another way to write the number stays that user, and is remembered', async () => {
    const bridge = await documentedBridge()
    await bridge.account({ search_lag_ms: 0 })
    const id = await addUser(bridge, { name: 'Carla', phone: '(415) 200-0001' })
    const callers = callersOf(bridge)
    expect(await callers.userOf(callerNo(1), requestsTo(bridge))).toMatchObject({ userId: id, made: false })
    void bridge.proxy.arm(null)
    expect(await callers.userOf(callerNo(1), requestsTo(bridge))).toMatchObject({ userId: id })
    expect(bridge.proxy.seen).toEqual([])
  })

  test('whose number Zendesk does not take becomes a user all the same, named by it', async () => {
    const bridge = await documentedBridge()
    const refusal = {
      kind: 'status',
      status: 422,
      body: { error: 'RecordInvalid', details: { phone: { error: 'InvalidFormat' } } },
    }
    // The look-up by external id is the first request of this route, the user is the second.
    await bridge.sandbox.fault('users', refusal, { times: 1, every: 2 })
    const { userId } = await callersOf(bridge).userOf(callerNo(1), requestsTo(bridge))
    const { user } = await bridge.get(`/users/${userId}`)
    expect(user).toMatchObject({ name: 'Caller: +14152000001', external_id: 'pbx:+14152000001', phone: null })
  })

  test('who was deleted in Zendesk is looked up again after a day', async () => {
    const bridge = await documentedBridge()
    await bridge.account({ search_lag_ms: 0 })
    await bridge.memory.put('caller:+14152000001', JSON.stringify({ userId: 999_999, made: false, seenAt: 0 }))
    const found = await callersOf(bridge).userOf(callerNo(1), requestsTo(bridge))
    expect(found.userId).not.toBe(999_999)
    expect(JSON.parse((await bridge.memory.get('caller:+14152000001')) ?? '')).toMatchObject({ userId: found.userId })
  })

  test('is nobody when none may be made, and is not asked for at every call', async () => {
    const bridge = await documentedBridge()
    const callers = callersOf(bridge, { create: false })
    expect((await callers.userOf(callerNo(1), requestsTo(bridge))).userId).toBeNull()
    void bridge.proxy.arm(null)
    expect((await callers.userOf(callerNo(1), requestsTo(bridge))).userId).toBeNull()
    expect(bridge.proxy.seen).toEqual([])
  })

  test.for<CallParty>([
    { kind: 'extension', value: '1001', display: 'Alice' },
    { kind: 'anonymous', value: 'anonymous', display: null },
    { kind: 'other', value: 'sip-user', display: null },
  ])('who has no number ($kind) is nobody, and Zendesk is not asked', async party => {
    const bridge = await documentedBridge()
    expect((await callersOf(bridge).userOf(party, requestsTo(bridge))).userId).toBeNull()
    expect(bridge.proxy.seen).toEqual([])
  })

  test('is new at the first call only, also when it is asked again about that one', async () => {
    const bridge = await documentedBridge()
    const callers = callersOf(bridge)
    const caller = await callers.userOf(callerNo(1), requestsTo(bridge))
    expect(await callers.isFirstCall(callerNo(1), caller, 'call_a')).toBe(true)
    expect(await callers.isFirstCall(callerNo(1), caller, 'call_a')).toBe(true)
    expect(await callers.isFirstCall(callerNo(1), caller, 'call_b')).toBe(false)
    expect(await callers.isFirstCall(callerNo(2), { userId: 5, made: false }, 'call_c')).toBe(false)
  })
})

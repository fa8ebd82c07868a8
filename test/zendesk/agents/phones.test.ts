import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AgentOnCall, CallEvent, CallSnapshot, EventType } from '../../../src/events/event.ts'
import { AgentPhones } from '../../../src/zendesk/agents/phones.ts'
import { UnmappedExtensions } from '../../../src/zendesk/agents/unmapped.ts'
import { madeEvent } from '../made-events.ts'

const alice: AgentOnCall = { id: 1, extension: '1001', name: 'Alice' }
const aliceAtHome: AgentOnCall = { id: 1, extension: '1991', name: 'Alice' }
const bob: AgentOnCall = { id: 2, extension: '1002', name: 'Bob' }

/** An event of a call that started at 1000; times of the call follow from its type unless given. */
function event(callId: string, sequence: number, type: EventType, at: number, changes: Partial<CallSnapshot> = {}): CallEvent {
  return { ...madeEvent(callId, sequence, type, { startedAt: 1000, agents: [alice], ...changes }), occurredAt: at }
}

const acw = 30_000
const phones = () => new AgentPhones([1, 2], acw)

describe('an inbound call', () => {
  test('rings, is on a call, leaves after-call work behind, and then nothing', () => {
    const office = phones()
    expect(office.stateOf(1, 0)).toEqual({ kind: 'idle', since: null })
    expect(office.apply(event('a', 1, 'call.started', 1000))).toEqual([1])
    expect(office.stateOf(1, 1500)).toEqual({ kind: 'ringing', since: 1000 })
    office.apply(event('a', 2, 'call.answered', 3000, { answeredAt: 3000 }))
    expect(office.stateOf(1, 3500)).toEqual({ kind: 'on_call', since: 3000, busySince: 3000 })
    office.apply(event('a', 3, 'call.held', 4000, { answeredAt: 3000 }))
    expect(office.stateOf(1, 4500)).toMatchObject({ kind: 'on_call' })
    office.apply(event('a', 4, 'call.ended', 9000, { answeredAt: 3000, endedAt: 9000 }))
    expect(office.stateOf(1, 9001)).toEqual({ kind: 'after_call_work', since: 9000, busySince: 3000, until: 39_000 })
    expect(office.stateOf(1, 39_000)).toEqual({ kind: 'idle', since: 39_000 })
  })

  test('that nobody answers leaves no after-call work', () => {
    const office = phones()
    office.apply(event('a', 1, 'call.started', 1000))
    office.apply(event('a', 2, 'call.ended', 9000, { endedAt: 9000 }))
    expect(office.stateOf(1, 9001)).toEqual({ kind: 'idle', since: null })
  })

  test('belongs to who answered it, and rings no more elsewhere', () => {
    const office = phones()
    office.apply(event('a', 1, 'call.ringing', 1000, { agents: [alice, bob] }))
    expect(office.stateOf(2, 1500)).toMatchObject({ kind: 'ringing' })
    expect(office.apply(event('a', 2, 'call.answered', 3000, { agents: [bob], answeredAt: 3000 }))).toEqual([1, 2])
    expect(office.stateOf(1, 3500)).toEqual({ kind: 'idle', since: null })
    expect(office.stateOf(2, 3500)).toMatchObject({ kind: 'on_call' })
  })

  test('that is handed over leaves after-call work to who handed it over', () => {
    const office = phones()
    office.apply(event('a', 1, 'call.answered', 3000, { answeredAt: 3000 }))
    office.apply(event('a', 2, 'call.transferred', 7000, { agents: [bob], answeredAt: 3000 }))
    expect(office.stateOf(1, 7001)).toMatchObject({ kind: 'after_call_work', since: 7000 })
    expect(office.stateOf(2, 7001)).toMatchObject({ kind: 'on_call' })
  })
})

test('dialling is being on a call, and after-call work follows only when somebody answered', () => {
  const outbound = { direction: 'outbound', from: { kind: 'extension', value: '1001', display: null } } as const
  const office = phones()
  office.apply(event('a', 1, 'call.started', 1000, outbound))
  expect(office.stateOf(1, 1001)).toMatchObject({ kind: 'on_call', since: 1000 })
  office.apply(event('a', 2, 'call.ended', 5000, { ...outbound, endedAt: 5000 }))
  expect(office.stateOf(1, 5001)).toMatchObject({ kind: 'idle' })
  office.apply(event('b', 1, 'call.answered', 7000, { ...outbound, answeredAt: 7000 }))
  office.apply(event('b', 2, 'call.ended', 8000, { ...outbound, answeredAt: 7000, endedAt: 8000 }))
  expect(office.stateOf(1, 8001)).toMatchObject({ kind: 'after_call_work' })
})

test('with several phones an agent is on a call as long as any of them is', () => {
  const office = phones()
  office.apply(event('a', 1, 'call.answered', 3000, { answeredAt: 3000 }))
  office.apply(event('b', 1, 'call.answered', 4000, { answeredAt: 4000, agents: [aliceAtHome] }))
  office.apply(event('a', 2, 'call.ended', 5000, { answeredAt: 3000, endedAt: 5000 }))
  expect(office.stateOf(1, 5001)).toEqual({ kind: 'on_call', since: 3000, busySince: 3000 })
  office.apply(event('b', 2, 'call.ended', 6000, { answeredAt: 4000, endedAt: 6000, agents: [aliceAtHome] }))
  expect(office.stateOf(1, 6001)).toMatchObject({ kind: 'after_call_work', since: 6000 })
})

test('a new call ends after-call work at once', () => {
  const office = phones()
  office.apply(event('a', 1, 'call.answered', 3000, { answeredAt: 3000 }))
  office.apply(event('a', 2, 'call.ended', 5000, { answeredAt: 3000, endedAt: 5000 }))
  office.apply(event('b', 1, 'call.answered', 6000, { answeredAt: 6000 }))
  expect(office.stateOf(1, 6001)).toEqual({ kind: 'on_call', since: 6000, busySince: 6000 })
})

test('a restart knows the calls that go on and those that ended lately', () => {
  const office = phones()
  office.restore([
    event('a', 1, 'call.answered', 3000, { answeredAt: 3000 }).call,
    event('b', 1, 'call.ended', 5000, { agents: [bob], answeredAt: 2000, endedAt: 5000 }).call,
  ])
  expect(office.stateOf(1, 6000)).toMatchObject({ kind: 'on_call', busySince: 3000 })
  expect(office.stateOf(2, 6000)).toMatchObject({ kind: 'after_call_work', until: 35_000 })
  office.apply(event('a', 5, 'call.ended', 7000, { answeredAt: 3000, endedAt: 7000 }))
  expect(office.stateOf(1, 7001)).toMatchObject({ kind: 'after_call_work', since: 7000 })
})

test('whatever calls come and go, in the end nobody is left on a call', () => {
  const one = fc.record({
    answered: fc.boolean(),
    agents: fc.subarray([alice, aliceAtHome, bob], { minLength: 1 }),
    direction: fc.constantFrom<CallSnapshot['direction']>('inbound', 'outbound', 'internal'),
  })
  fc.assert(
    fc.property(fc.array(one, { maxLength: 12 }), fc.infiniteStream(fc.nat(3)), (calls, choices) => {
      const office = phones()
      const queues = calls.map(({ answered, agents, direction }, i) => {
        const base = { agents, direction, from: { kind: 'extension', value: '1001', display: null } } as const
        const answeredAt = answered ? 1500 + i : null
        return [
          event(`c${i}`, 1, 'call.started', 1000, base),
          ...(answered ? [event(`c${i}`, 2, 'call.answered', 1500 + i, { ...base, answeredAt })] : []),
          event(`c${i}`, 3, 'call.ended', 2000 + i, { ...base, answeredAt, endedAt: 2000 + i }),
        ]
      })
      while (queues.some(({ length }) => length > 0)) {
        const open = queues.filter(({ length }) => length > 0)
        const next = open[choices.next().value % open.length]?.shift()
        if (next !== undefined) office.apply(next)
      }
      for (const id of [1, 2]) expect(office.stateOf(id, 100_000).kind).toBe('idle')
      const talked = calls.some(({ answered, agents }) => answered && agents.some(({ id }) => id === 1))
      expect(office.stateOf(1, 2020).kind).toBe(talked ? 'after_call_work' : 'idle')
    }),
  )
})

test('extensions that are nobody’s are counted once a call and told of once, up to a bound', () => {
  const unmapped = new UnmappedExtensions(['1001'])
  const from = { kind: 'extension', value: '1234', display: null } as const
  expect(unmapped.count(event('a', 1, 'call.started', 1000, { from }))).toEqual([])
  expect(unmapped.count(event('a', 2, 'call.ended', 2000, { from, to: from }))).toEqual(['1234'])
  expect(unmapped.count(event('b', 2, 'call.ended', 3000, { from }))).toEqual([])
  expect(unmapped.list()).toEqual([{ extension: '1234', calls: 2, lastSeenAt: 3000 }])
  for (let i = 0; i < 1_100; i += 1) unmapped.count(event(`c${i}`, 1, 'call.ended', 4000, { from: { ...from, value: `9${i}` } }))
  expect(unmapped.size).toBe(1_000)
})

describe('a call that is passed on', () => {
  const party = (value: string) => ({ kind: 'extension', value, display: null }) as const
  const leg = (to: string, endedAt: number | null) =>
    ({
      sipCallId: to,
      from: party('4155550100'),
      to: party(to),
      direction: 'inbound',
      startedAt: 1000,
      answeredAt: 3000,
      endedAt,
      sipCode: 200,
      q850: null,
    }) as const

  test('leaves who passed it on, and is with who took it', () => {
    const office = phones()
    const talking = { answeredAt: 3000, agents: [alice, bob] }
    office.apply(event('a', 1, 'call.answered', 3000, { ...talking, legs: [leg('1001', null), leg('1002', null)] }))
    office.apply(event('a', 2, 'call.transferred', 5000, { ...talking, legs: [leg('1001', 5000), leg('1002', null)] }))
    expect(office.stateOf(1, 5001)).toMatchObject({ kind: 'after_call_work', since: 5000 })
    expect(office.stateOf(2, 5001)).toMatchObject({ kind: 'on_call' })
  })

  test('into another holds nobody any more who is not in that one', () => {
    const office = phones()
    const talking = { answeredAt: 3000, agents: [bob] }
    office.apply(event('b', 1, 'call.answered', 3000, talking))
    const { callId: mergedInto } = event('a', 1, 'call.started', 1000)
    office.apply(event('b', 2, 'call.merged', 6000, { ...talking, mergedInto, endedAt: 6000 }))
    expect(office.stateOf(2, 6001)).toMatchObject({ kind: 'after_call_work' })
    office.apply(event('a', 2, 'call.merged', 6000, talking))
    expect(office.stateOf(2, 6001)).toMatchObject({ kind: 'on_call' })
  })
})

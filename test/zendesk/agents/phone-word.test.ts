import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AgentOnCall, CallEvent, CallSnapshot, EventType } from '../../../src/events/event.ts'
import { type ExtensionPresence, trustedMs } from '../../../src/zendesk/agents/phone-word.ts'
import { AgentPhones } from '../../../src/zendesk/agents/phones.ts'
import { madeEvent } from '../made-events.ts'

const alice: AgentOnCall = { id: 1, extension: '1001', name: 'Alice' }
const acw = 30_000
const phones = () => new AgentPhones([1], acw)

function word(presence: ExtensionPresence['presence'], at: number, uri = 'sip:1001@pbx'): ExtensionPresence {
  return { extension: '1001', uri, presence, at }
}

function event(callId: string, type: EventType, at: number, changes: Partial<CallSnapshot> = {}): CallEvent {
  return { ...madeEvent(callId, at, type, { startedAt: at, agents: [alice], ...changes }), occurredAt: at }
}

describe('where no call is seen', () => {
  test('the PBX’s word makes an agent ring, be on a call and leave after-call work behind', () => {
    const office = phones()
    office.told(1, word('available', 1000))
    expect(office.stateOf(1, 1000)).toEqual({ kind: 'idle', since: null })
    office.told(1, word('ringing', 2000))
    office.told(1, word('ringing', 2200))
    expect(office.stateOf(1, 2500)).toEqual({ kind: 'ringing', since: 2000 })
    office.told(1, word('on_call', 3000))
    office.told(1, word('on_call', 4000))
    expect(office.stateOf(1, 4500)).toEqual({ kind: 'on_call', since: 3000, busySince: 3000 })
    office.told(1, word('available', 9000))
    expect(office.stateOf(1, 9001)).toEqual({ kind: 'after_call_work', since: 9000, busySince: 3000, until: 39_000 })
    expect(office.stateOf(1, 39_000)).toEqual({ kind: 'idle', since: 39_000 })
  })

  test('an extension at two PBXs is on a call while either is', () => {
    const office = phones()
    office.told(1, word('on_call', 1000, 'sip:1001@one'))
    office.told(1, word('on_call', 2000, 'sip:1001@two'))
    office.told(1, word('available', 3000, 'sip:1001@one'))
    expect(office.stateOf(1, 3500)).toEqual({ kind: 'on_call', since: 1000, busySince: 1000 })
    office.told(1, word('available', 4000, 'sip:1001@two'))
    expect(office.stateOf(1, 4500)).toMatchObject({ kind: 'after_call_work', since: 4000 })
  })
})

describe('a PBX that falls silent', () => {
  test('is believed for a minute, and no longer', () => {
    const office = phones()
    office.told(1, word('on_call', 1000))
    office.told(1, word('unknown', 5000))
    office.told(1, word('unknown', 6000))
    const until = 5000 + trustedMs
    expect(office.stateOf(1, until - 1)).toEqual({ kind: 'on_call', since: 1000, busySince: 1000, until })
    expect(office.stateOf(1, until)).toEqual({ kind: 'idle', since: null })
  })

  test('and says the same again goes on with the same call', () => {
    const office = phones()
    office.told(1, word('on_call', 1000))
    office.told(1, word('unknown', 5000))
    office.told(1, word('on_call', 6000))
    expect(office.stateOf(1, 10 * trustedMs)).toEqual({ kind: 'on_call', since: 1000, busySince: 1000 })
  })

  test('and comes back too late has another call, of which nobody knows whether it was a talk before', () => {
    const office = phones()
    office.told(1, word('on_call', 1000))
    office.told(1, word('unknown', 5000))
    office.told(1, word('on_call', 200_000))
    expect(office.stateOf(1, 200_001)).toMatchObject({ kind: 'on_call', busySince: 200_000 })
    office.told(1, word('unknown', 300_000))
    office.told(1, word('available', 400_000))
    expect(office.stateOf(1, 400_001)).toMatchObject({ kind: 'idle' })
  })
})

describe('with both witnesses', () => {
  test('it is one stretch, which ends with the later of the two', () => {
    const office = phones()
    office.told(1, word('on_call', 1000))
    office.apply(event('a', 'call.answered', 1200, { answeredAt: 1200 }))
    office.apply(event('a', 'call.ended', 5000, { answeredAt: 1200, endedAt: 5000 }))
    expect(office.stateOf(1, 5001)).toEqual({ kind: 'on_call', since: 1000, busySince: 1000 })
    office.told(1, word('available', 5100))
    expect(office.stateOf(1, 5101)).toEqual({ kind: 'after_call_work', since: 5000, busySince: 1000, until: 35_000 })
  })

  test.each([
    ['before', 900],
    ['after', 1100],
  ])(
    'who dialled and reached nobody has no after-call work, though the PBX knows no difference, seen %s the call',
    (_when, at) => {
      const dialled = { direction: 'outbound', from: { kind: 'extension', value: '1001', display: null } } as const
      const office = phones()
      if (at < 1000) office.told(1, word('on_call', at))
      office.apply(event('a', 'call.started', 1000, dialled))
      if (at > 1000) office.told(1, word('on_call', at))
      office.apply(event('a', 'call.ended', 5000, { ...dialled, endedAt: 5000 }))
      office.told(1, word('on_call', 5050))
      office.told(1, word('available', 5100))
      expect(office.stateOf(1, 5101)).toMatchObject({ kind: 'idle' })
    },
  )
})

test('whatever comes in whichever order, an agent is on a call while a call or a word that counts says so', () => {
  const said = fc.record({
    uri: fc.constantFrom('sip:1001@one', 'sip:1001@two'),
    presence: fc.constantFrom<ExtensionPresence['presence']>('on_call', 'ringing', 'available', 'unknown'),
  })
  const called = fc.record({ call: fc.constantFrom('a', 'b', 'c'), isOver: fc.boolean() })
  const step = fc.record({ afterMs: fc.integer({ min: 1, max: trustedMs }), news: fc.oneof(said, called) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const office = phones()
      const open = new Set<string>()
      const words = new Map<string, { readonly busy: boolean; readonly until: number }>()
      let at = 1000
      let round = 0
      const expected = (now: number): boolean =>
        open.size > 0 || [...words.values()].some(({ busy, until }) => busy && now < until)
      for (const { afterMs, news } of steps) {
        at += afterMs
        expect(office.stateOf(1, at).kind === 'on_call').toBe(expected(at))
        if ('uri' in news) {
          office.told(1, word(news.presence, at, news.uri))
          const before = words.get(news.uri) ?? { busy: false, until: 0 }
          const silent = { ...before, until: Math.min(before.until, at + trustedMs) }
          const heard = { busy: news.presence === 'on_call', until: Number.POSITIVE_INFINITY }
          words.set(news.uri, news.presence === 'unknown' ? silent : heard)
        } else if (news.isOver) {
          if (!open.delete(news.call)) continue
          office.apply(event(`${news.call}${round}`, 'call.ended', at, { answeredAt: at - 1, endedAt: at }))
          round += open.size === 0 ? 1 : 0
        } else {
          office.apply(event(`${news.call}${round}`, 'call.answered', at, { answeredAt: at }))
          open.add(news.call)
        }
        expect(office.stateOf(1, at).kind === 'on_call').toBe(expected(at))
      }
    }),
  )
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test, vi } from 'vitest'
import { advance, expire } from '../../src/events/advance.ts'
import type { Call } from '../../src/events/call.ts'
import type { CallEvent, EventType } from '../../src/events/event.ts'
import { maxLegs } from '../../src/events/legs.ts'
import type { CallSignal } from '../../src/events/signal.ts'
import { office, play, script, wire } from './office.ts'
import { propertyTimeoutMs, runs } from './property-runs.ts'

const legsOf = (call: Call) => call.sipCalls.flatMap(({ legs }) => legs)
const leg = script()
const tags = fc.constantFrom('phone', 'desk', 'soft')
const party = fc.constantFrom('caller' as const, 'callee' as const)
const identity = fc.constantFrom(null, wire('1001'), wire('1002', 'Bob'), wire('+442079460000'))
const cause = fc.constantFrom(null, 16, 17, 19, 26)

/** Any signal of the call at any time. */
const anySignal: fc.Arbitrary<CallSignal> = fc.nat({ max: 60 }).chain(at =>
  fc.oneof(
    fc.constantFrom('4155550100', '1002').map(from => leg.invited(at, from)),
    fc.tuple(tags, identity).map(([tag, who]) => leg.ringing(at, tag, who)),
    fc.tuple(tags, identity).map(([tag, who]) => leg.answered(at, tag, who)),
    fc.tuple(party, tags).map(([by, tag]) => leg.held(at, by, tag)),
    fc.tuple(party, tags).map(([by, tag]) => leg.resumed(at, by, tag)),
    fc.tuple(cause, fc.boolean()).map(([q850, elsewhere]) => leg.cancelled(at, q850, elsewhere)),
    fc
      .tuple(fc.constantFrom(302, 401, 407, 422, 486, 487, 503, 603), cause, fc.boolean())
      .map(([code, q850, elsewhere]) => leg.failed(at, code, q850, elsewhere)),
    fc.tuple(party, tags, cause).map(([by, tag, q850]) => leg.hungup(at, by, tag, q850)),
    fc.tuple(fc.boolean(), party, tags).map(([said, by, tag]) => leg.chosen(at, said, by, tag)),
    fc.constant(script('a84b4c76e66710@pbx.example', 'stranger').answered(at)),
  ),
)

/** Signals as a bad wire brings them, behind the INVITE that makes the call. */
const anySignals = fc.array(anySignal, { maxLength: 40 }).map(signals => [leg.invited(0), ...signals])

/** A call as phones make it, in order, each signal later than the one before. */
const sensibleCall: fc.Arbitrary<readonly CallSignal[]> = fc
  .record({
    challenged: fc.boolean(),
    rings: fc.uniqueArray(tags, { maxLength: 3 }),
    holds: fc.array(party, { maxLength: 4 }),
    ending: fc.constantFrom('bye', 'busy', 'cancel', 'glare', 'lost'),
  })
  .map(({ challenged, rings, holds, ending }) => {
    let at = 0
    const next = () => {
      at += 10
      return at
    }
    const answering = rings[0] ?? 'phone'
    const signals: CallSignal[] = [leg.invited(next())]
    if (challenged) signals.push(leg.failed(next(), 401), leg.invited(next()))
    for (const tag of rings) signals.push(leg.ringing(next(), tag))
    if (ending === 'busy') return [...signals, leg.failed(next(), 486)]
    if (ending === 'cancel') return [...signals, leg.cancelled(next()), leg.failed(next(), 487)]
    if (ending === 'glare') signals.push(leg.cancelled(next()))
    signals.push(leg.answered(next(), answering))
    for (const by of holds) signals.push(leg.held(next(), by, answering), leg.resumed(next(), by, answering))
    return ending === 'lost' ? signals : [...signals, leg.hungup(next(), 'callee', answering)]
  })

/** Plain assertions: a property runs them a hundred thousand times. */
function expectLegal(call: Call | null, events: readonly CallEvent[]): void {
  const count = (type: EventType) => events.filter(event => event.type === type).length
  assert.deepEqual(
    events.map(event => event.sequence),
    events.map((_, index) => index + 1),
  )
  assert.equal(new Set(events.map(event => event.id)).size, events.length)
  assert.equal(events[0]?.type, 'call.started')
  for (const once of ['call.started', 'call.ringing', 'call.answered', 'call.ended'] as const) assert.ok(count(once) <= 1)
  if (count('call.ended') === 1) assert.equal(events.at(-1)?.type, 'call.ended')
  const edges = events.filter(event => event.type === 'call.held' || event.type === 'call.resumed')
  for (const [index, edge] of edges.entries()) assert.equal(edge.type, index % 2 === 0 ? 'call.held' : 'call.resumed')
  for (const [index, event] of events.entries()) {
    const { startedAt, answeredAt, endedAt, durationMs, waitMs, holdMs, legs, outcome } = event.call
    assert.ok(event.occurredAt >= (events[index - 1]?.occurredAt ?? 0))
    assert.ok((answeredAt ?? startedAt) >= startedAt)
    assert.ok((endedAt ?? Number.POSITIVE_INFINITY) >= (answeredAt ?? startedAt))
    assert.ok(holdMs <= durationMs)
    assert.ok(Math.min(durationMs, waitMs, holdMs) >= 0)
    assert.ok(legs.length > 0 && legs.length <= maxLegs)
    assert.equal(outcome !== null, event.type === 'call.ended')
    assert.ok(endedAt === null || legs.every(each => each.endedAt !== null))
  }
  if (call === null) return
  assert.equal(call.phase.kind === 'ended', count('call.ended') === 1)
  assert.ok(call.phase.kind !== 'talking' || legsOf(call).some(each => each.state.kind === 'answered'))
  assert.ok(legsOf(call).length === 1 || legsOf(call).every(each => each.calleeTag !== null))
}

vi.setConfig({ testTimeout: propertyTimeoutMs })

describe('any signals in any order', () => {
  test('leave a legal call, numbered without gaps, that ends at most once and is silent after', () => {
    fc.assert(
      fc.property(anySignals, signals => {
        const { call, events } = play(signals)
        expectLegal(call, events)
        if (call === null) return
        const late = expire(call, 1000, office)
        expectLegal(late.call, [...events, ...late.events])
        assert.equal(late.call.phase.kind, 'ended')
        assert.deepStrictEqual(play(signals, late.call).events, [])
      }),
      runs,
    )
  })

  test('every signal changes the call or is ignored for a named reason, and an ignored one makes no event', () => {
    fc.assert(
      fc.property(anySignals, signals => {
        let call: Call | null = null
        for (const signal of signals) {
          const step: ReturnType<typeof advance> = advance(call, signal, office)
          if (step.ignored === null) assert.notEqual(step.call, call)
          else assert.deepStrictEqual(step.events, [])
          call = step.call
        }
      }),
      runs,
    )
  })

  test('each signal seen twice makes the same events', () => {
    fc.assert(
      fc.property(anySignals, signals => {
        const once = play(signals)
        const twice = play(signals.flatMap(signal => [signal, signal]))
        assert.deepStrictEqual(twice.events, once.events)
        assert.deepStrictEqual(twice.call, once.call)
      }),
      runs,
    )
  })

  test('a bridge that restarts at any point goes on with the same events', () => {
    fc.assert(
      fc.property(anySignals, fc.nat({ max: 40 }), (signals, at) => {
        const through = play(signals)
        const before = play(signals.slice(0, at + 1))
        const restored: Call = JSON.parse(JSON.stringify(before.call))
        assert.deepStrictEqual(restored, before.call)
        const after = play(signals.slice(at + 1), restored)
        assert.deepStrictEqual([...before.events, ...after.events], through.events)
        assert.deepStrictEqual(after.call, through.call)
      }),
      runs,
    )
  })
})

describe('the signals of a sensible call', () => {
  test('when all that was seen so far is seen again at any moment, nothing more is told', () => {
    fc.assert(
      fc.property(sensibleCall, fc.nat({ max: 20 }), (signals, at) => {
        const again = [...signals.slice(0, at), ...signals.slice(0, at), ...signals.slice(at)]
        assert.deepStrictEqual(play(again).events, play(signals).events)
      }),
      runs,
    )
  })

  test('with some lost, the call still ends, by the wire or by its expiry', () => {
    fc.assert(
      fc.property(sensibleCall, fc.infiniteStream(fc.boolean()), ([invite, ...rest], dice) => {
        if (invite === undefined) return
        const { call, events } = play([invite, ...rest.filter(() => dice.next().value === true)])
        if (call === null) throw new Error('an INVITE makes a call')
        const all = [...events, ...expire(call, 10_000, office).events]
        expectLegal(null, all)
        assert.equal(all.at(-1)?.type, 'call.ended')
      }),
      runs,
    )
  })

  test('shuffled behind the INVITE, they leave a legal call', () => {
    const shuffled = sensibleCall.chain(([invite, ...rest]) =>
      fc.shuffledSubarray(rest, { minLength: rest.length }).map(order => (invite === undefined ? [] : [invite, ...order])),
    )
    fc.assert(
      fc.property(shuffled, signals => {
        const { call, events } = play(signals)
        expectLegal(call, events)
      }),
      runs,
    )
  })
})

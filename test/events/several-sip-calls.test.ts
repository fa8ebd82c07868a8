/** Several SIP calls at once, tied to each other or not, as a bad wire brings them: what holds of every call, whatever comes. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test, vi } from 'vitest'
import type { Call } from '../../src/events/call.ts'
import type { CallEvent, EventType } from '../../src/events/event.ts'
import { callIdOf } from '../../src/events/ids.ts'
import type { CallSignal } from '../../src/events/signal.ts'
import { script, tie, typesOf } from './office.ts'
import { propertyTimeoutMs, runs } from './property-runs.ts'
import { WatchedOffice } from './watched-office.ts'

vi.setConfig({ testTimeout: propertyTimeoutMs })

const ids = ['s0', 's1', 's2', 's3', 's4'] as const
const legs = ids.map(id => script(id))
const parties = fc.constantFrom('4155550100', '4155559000', '14155550100', '1001', '1002', 'anonymous')
const names = fc.constantFrom('unique:1', 'unique:2', 'session:a', ...ids.map(id => `sip:${id}`))
const ties = fc.uniqueArray(names, { maxLength: 3 }).map(keys => keys.map(key => tie(key)))
const someTies = fc.uniqueArray(names, { minLength: 1, maxLength: 2 }).map(keys => keys.map(key => tie(key)))
const party = fc.constantFrom('caller' as const, 'callee' as const)
const phones = fc.constantFrom('phone', 'desk')

/** Any signal of any of the SIP calls at any time, within the time in which the PBX goes on with calls and far beyond. */
const anySignal: fc.Arbitrary<CallSignal> = fc
  .tuple(fc.constantFrom(...legs), fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 20_000 })))
  .chain(([leg, at]) =>
    fc.oneof(
      { weight: 2, arbitrary: fc.tuple(parties, parties, ties).map(([from, to, t]) => leg.invited(at, from, to, 'carrier', t)) },
      {
        weight: 3,
        arbitrary: fc
          .tuple(parties, parties, ties, fc.constantFrom(null, 'pbx' as const))
          .map(([from, to, t, side]) => leg.called(at, from, to, t, side)),
      },
      fc.tuple(parties, parties).map(([from, to]) => leg.overheard(at, from, to)),
      phones.map(phone => leg.ringing(at, phone)),
      { weight: 3, arbitrary: phones.map(phone => leg.answered(at, phone)) },
      fc.tuple(party, phones).map(([by, phone]) => leg.held(at, by, phone)),
      fc.tuple(party, phones).map(([by, phone]) => leg.resumed(at, by, phone)),
      fc.boolean().map(elsewhere => leg.cancelled(at, null, elsewhere)),
      fc.constantFrom(302, 407, 486, 487).map(code => leg.failed(at, code)),
      { weight: 2, arbitrary: fc.tuple(party, phones).map(([by, phone]) => leg.hungup(at, by, phone)) },
      { weight: 2, arbitrary: someTies.map(t => leg.tied(at, ...t)) },
      fc
        .tuple(parties, fc.constantFrom(null, ...ids), party)
        .map(([target, replaces, by]) => leg.referred(at, target, replaces, by)),
      fc.tuple(fc.constantFrom(100, 200, 603), party).map(([code, by]) => leg.referEnded(at, code, by)),
      fc.boolean().map(said => leg.chosen(at, said)),
    ),
  )

/** Half of the time the SIP calls begin before anything else happens, so that more becomes of them. */
const anySignals: fc.Arbitrary<readonly CallSignal[]> = fc
  .tuple(
    fc.array(fc.tuple(fc.nat({ max: 4 }), parties, ties, fc.boolean()), { maxLength: 5 }),
    fc.array(anySignal, { maxLength: 50 }),
  )
  .map(([begun, rest]) => [
    ...begun.map(([n, to, t, isFromPbx], at) => {
      const leg = legs[n] ?? script('s0')
      return isFromPbx ? leg.called(at, '4155550100', to, t) : leg.invited(at, '4155550100', to, 'carrier', t)
    }),
    ...rest,
  ])

function byCall(events: readonly CallEvent[]): ReadonlyMap<string, readonly CallEvent[]> {
  const calls = new Map<string, CallEvent[]>()
  for (const event of events) calls.set(event.callId, [...(calls.get(event.callId) ?? []), event])
  return calls
}

const isLast = (type: EventType, { call }: CallEvent) =>
  type === 'call.ended' || (type === 'call.merged' && call.mergedInto !== undefined)

function expectLegal(events: readonly CallEvent[]): void {
  assert.equal(new Set(events.map(({ id }) => id)).size, events.length)
  const calls = byCall(events)
  for (const told of calls.values()) {
    assert.deepEqual(
      told.map(({ sequence }) => sequence),
      told.map((_, n) => n + 1),
    )
    assert.equal(told[0]?.type, 'call.started')
    const edges = told.filter(({ type }) => type === 'call.held' || type === 'call.resumed')
    for (const [n, { type }] of edges.entries()) assert.equal(type, n % 2 === 0 ? 'call.held' : 'call.resumed')
    for (const [n, event] of told.entries()) {
      const { startedAt, answeredAt, endedAt, durationMs, waitMs, holdMs, outcome, legs, mergedInto } = event.call
      assert.ok(event.occurredAt >= (told[n - 1]?.occurredAt ?? 0))
      assert.ok((answeredAt ?? startedAt) >= startedAt)
      assert.ok((endedAt ?? Number.POSITIVE_INFINITY) >= (answeredAt ?? startedAt))
      assert.ok(holdMs <= durationMs, `held ${holdMs} of ${durationMs}`)
      assert.ok(Math.min(durationMs, waitMs, holdMs) >= 0)
      assert.equal(outcome !== null, event.type === 'call.ended')
      assert.equal(endedAt !== null, isLast(event.type, event))
      assert.ok(outcome === null || legs.every(leg => leg.endedAt !== null))
      for (const leg of legs) assert.ok((leg.endedAt ?? Number.POSITIVE_INFINITY) >= (leg.answeredAt ?? 0))
      if (isLast(event.type, event)) assert.equal(n, told.length - 1)
      if (mergedInto !== undefined) assert.notEqual(mergedInto, event.callId)
      if (mergedInto !== undefined) assert.ok(calls.has(mergedInto))
    }
  }
}

function expectSound({ steps }: WatchedOffice, live: readonly Call[]): void {
  for (const { step, ...followed } of steps) {
    if (step.ignored !== null) assert.deepEqual(step.events, [])
    if (followed.kind === 'absorbed') assert.doesNotMatch(followed.union.reason, /^guess/)
  }
  const sipCallIds = live.flatMap(({ sipCalls }) => sipCalls.map(({ sipCallId }) => sipCallId))
  assert.equal(new Set(sipCallIds).size, sipCallIds.length)
  for (const { id, sipCalls, keys } of live) {
    assert.equal(id, callIdOf(sipCalls[0]?.sipCallId ?? ''))
    assert.deepEqual(
      sipCalls.map(({ startedAt }) => startedAt),
      sipCalls.map(({ startedAt }) => startedAt).toSorted((a, b) => a - b),
    )
    for (const { sipCallId } of sipCalls) assert.ok(keys.includes(`sip:${sipCallId}`))
  }
}

/** Silence, until everything has run out of patience; the clock stands beyond all signals. */
function untilSilent(watched: WatchedOffice): WatchedOffice {
  for (let day = 1; watched.open > 0 && day < 9; day += 1) watched.wait(day * 86_400_000)
  return watched
}

describe('any signals of several SIP calls in any order', () => {
  test('leave legal calls after each of them, of which every SIP call is part of one', () => {
    fc.assert(
      fc.property(anySignals, signals => {
        const watched = new WatchedOffice()
        for (const signal of signals) {
          watched.see(signal)
          expectSound(watched, watched.live)
          watched.steps.length = 0
        }
        expectLegal(watched.events)
      }),
      runs,
    )
  })

  test('end every call exactly once, by the wire or by silence, and nothing is told after', () => {
    fc.assert(
      fc.property(anySignals, signals => {
        const watched = untilSilent(new WatchedOffice().see(...signals))
        assert.equal(watched.open, 0)
        expectLegal(watched.events)
        for (const told of byCall(watched.events).values()) {
          assert.equal(told.filter(event => isLast(event.type, event)).length, 1)
        }
      }),
      runs,
    )
  })

  test('each seen twice make the same events', () => {
    fc.assert(
      fc.property(anySignals, signals => {
        const twice = new WatchedOffice().see(...signals.flatMap(signal => [signal, signal]))
        assert.deepEqual(twice.events, new WatchedOffice().see(...signals).events)
      }),
      runs,
    )
  })

  test('go on with the same events from the text of all calls at any point', () => {
    fc.assert(
      fc.property(anySignals, fc.nat({ max: 50 }), (signals, at) => {
        const before = new WatchedOffice().see(...signals.slice(0, at))
        const after = before.restarted().see(...signals.slice(at))
        assert.deepEqual([...before.events, ...after.events], new WatchedOffice().see(...signals).events)
      }),
      runs,
    )
  })
})

/** A caller and the phones that the PBX calls for it, in order; every fact at a time of its own. */
const callThroughPbx = (n: number): fc.Arbitrary<readonly CallSignal[]> =>
  fc
    .record({
      isQueue: fc.boolean(),
      answers: fc.option(fc.nat({ max: 2 })),
      holds: fc.array(party, { maxLength: 2 }),
      first: fc.boolean(),
    })
    .map(({ isQueue, answers, holds, first }) => {
      let time = n
      const at = () => {
        time += 10
        return time
      }
      const linked = [tie(`unique:${n}`)]
      const caller = script(`caller-${n}`)
      const phones = [0, 1, 2].map(phone => script(`phone-${n}-${phone}`))
      const signals = [caller.invited(at(), '4155550100', '4155559000', 'carrier', linked)]
      if (isQueue) signals.push(caller.answered(at()))
      for (const phone of phones) signals.push(phone.called(at(), '4155550100', '1001', linked), phone.ringing(at()))
      const taken = answers === null ? undefined : phones[answers]
      if (taken !== undefined) signals.push(taken.answered(at()))
      if (taken !== undefined && !isQueue) signals.push(caller.answered(at()))
      for (const phone of phones)
        if (phone !== taken) signals.push(phone.cancelled(at(), null, taken !== undefined), phone.failed(at(), 487))
      if (taken === undefined) return [...signals, isQueue ? caller.hungup(at()) : caller.failed(at(), 480)]
      for (const by of holds) signals.push(taken.held(at(), by), taken.resumed(at(), by))
      const ends = [caller.hungup(at()), taken.hungup(at())]
      return [...signals, ...(first ? ends : ends.toReversed())]
    })

/** Two calls, each in its order, dealt into one row. */
const dealt = fc.tuple(callThroughPbx(1), callThroughPbx(2), fc.infiniteStream(fc.boolean())).map(([one, other, dice]) => {
  const row: CallSignal[] = []
  const [left, right] = [[...one], [...other]]
  while (left.length + right.length > 0) {
    const next = (dice.next().value ? left.shift() : right.shift()) ?? left.shift() ?? right.shift()
    if (next !== undefined) row.push(next)
  }
  return { one, other, row }
})

describe('calls through a PBX', () => {
  test('with names of their own do not disturb each other, and each is one call', () => {
    fc.assert(
      fc.property(dealt, ({ one, other, row }) => {
        const together = new WatchedOffice().see(...row)
        for (const [signals, n] of [
          [one, 1],
          [other, 2],
        ] as const) {
          const alone = new WatchedOffice().see(...signals)
          assert.equal(alone.calls.length, 1)
          assert.match(typesOf(alone.events), /ended$/)
          assert.equal(JSON.stringify(together.eventsOf(`caller-${n}`)), JSON.stringify(alone.events))
        }
        assert.equal(together.calls.length, 2)
      }),
      runs,
    )
  })

  test('tell nothing more when all that was seen so far is seen again', () => {
    fc.assert(
      fc.property(callThroughPbx(1), fc.nat({ max: 30 }), (signals, at) => {
        const again = [...signals.slice(0, at), ...signals.slice(0, at), ...signals.slice(at)]
        assert.deepEqual(new WatchedOffice().see(...again).events, new WatchedOffice().see(...signals).events)
      }),
      runs,
    )
  })

  test('of which signals are lost end exactly once all the same', () => {
    fc.assert(
      fc.property(dealt, fc.infiniteStream(fc.nat({ max: 3 })), ({ row }, dice) => {
        const watched = untilSilent(new WatchedOffice().see(...row.filter(() => dice.next().value !== 0)))
        expectLegal(watched.events)
        assert.equal(watched.open, 0)
        for (const told of byCall(watched.events).values()) assert.ok(told.some(event => isLast(event.type, event)))
      }),
      runs,
    )
  })
})

describe('names', () => {
  /** INVITEs that begin one after another, each with some names. */
  const invites = fc
    .array(ties, { minLength: 5, maxLength: 5 })
    .map(all =>
      all.map((t, n) => ({ signal: (legs[n] ?? script('s0')).invited(n, '4155550100', '1001', 'carrier', t), n, ties: t })),
    )

  /** Which SIP calls are one call: those that share a name, and those that share one with these. */
  function expected(
    all: readonly { readonly n: number; readonly ties: readonly { readonly key: string }[] }[],
  ): readonly number[] {
    const part = all.map(({ n }) => n)
    const keysOf = (n: number) => [`sip:s${n}`, ...(all.find(each => each.n === n)?.ties ?? []).map(({ key }) => key)]
    for (let round = 0; round < all.length; round += 1) {
      for (const { n: a } of all) {
        for (const { n: b } of all) {
          if (!keysOf(a).some(key => keysOf(b).includes(key))) continue
          const least = Math.min(part[a] ?? a, part[b] ?? b)
          part[a] = least
          part[b] = least
        }
      }
    }
    return part
  }

  test('make the same calls in whatever order the INVITEs are heard, each named after its oldest', () => {
    fc.assert(
      fc.property(
        invites.chain(all => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => {
          const watched = new WatchedOffice().see(...shuffled.map(({ signal }) => signal))
          assert.deepEqual(
            ids.map(id => watched.of(id).id),
            expected(all).map(n => callIdOf(`s${n}`)),
          )
          expectLegal(watched.events)
        },
      ),
      runs,
    )
  })

  test('that are told later make the same calls in whatever order they are told', () => {
    const later = fc.array(fc.tuple(fc.nat({ max: 4 }), someTies), { maxLength: 8 })
    fc.assert(
      fc.property(
        later.chain(told => fc.tuple(fc.constant(told), fc.shuffledSubarray(told, { minLength: told.length }))),
        ([told, shuffled]) => {
          const watched = new WatchedOffice().see(...legs.map((leg, n) => leg.invited(n)))
          watched.see(...shuffled.map(([n, t], i) => (legs[n] ?? script('s0')).tied(10 + i, ...t)))
          const all = ids.map((_, n) => ({ n, ties: told.filter(([of]) => of === n).flatMap(([, t]) => t) }))
          assert.deepEqual(
            ids.map(id => watched.of(id).id),
            expected(all).map(n => callIdOf(`s${n}`)),
          )
          expectLegal(watched.events)
        },
      ),
      runs,
    )
  })
})

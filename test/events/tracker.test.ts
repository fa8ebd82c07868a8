import { afterEach, describe, expect, test, vi } from 'vitest'
import type { CallEvent } from '../../src/events/event.ts'
import { callIdOf } from '../../src/events/ids.ts'
import { CallTracker, type CallTrackerOptions } from '../../src/events/tracker.ts'
import { ScriptedJournal } from './journal.ts'
import { office, script, tie, typesOf } from './office.ts'

const trackers: CallTracker[] = []

/** Patient: the machine that runs the tests may be busy with others. */
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 })

afterEach(async () => {
  for (const tracker of trackers.splice(0)) await tracker.stop()
})

/** A tracker over a journal, with a clock that the test sets and a log that it reads. */
async function track(journal: ScriptedJournal, options: Partial<CallTrackerOptions> = {}) {
  const clock = { time: 1_000_000, now: () => clock.time }
  const told: CallEvent[] = []
  const logged: string[] = []
  const write = (_: object, message: string) => void logged.push(message)
  const tracker = new CallTracker({
    journal,
    ...office,
    clock,
    log: { debug: () => {}, info: write, warn: write, error: write },
    onStored: events => void told.push(...events),
    sweepEveryMs: 2,
    flushWithinMs: 100,
    writer: { retryBaseMs: 1, retryCapMs: 5 },
    ...options,
  })
  trackers.push(tracker)
  await tracker.start()
  const settled = () => eventually(() => expect(tracker.health().pending).toBe(0))
  return { tracker, clock, told, logged, settled }
}

const plain = script()
const plainCall = [plain.invited(1), plain.ringing(2), plain.answered(3), plain.hungup(9)]

describe('storing', () => {
  test('what is told was stored before, in order', async () => {
    const journal = new ScriptedJournal()
    const storedWhenTold: number[] = []
    const { tracker, settled } = await track(journal, {
      onStored: events => void storedWhenTold.push(journal.events.length - events.length),
    })
    for (const signal of plainCall) tracker.accept(signal)
    await settled()
    expect(typesOf(journal.events)).toBe('started ringing answered ended')
    expect(storedWhenTold).toEqual([0])
  })

  test('nothing is told while an append is under way, and one append gathers what came meanwhile', async () => {
    const journal = new ScriptedJournal()
    const gate = deferred()
    journal.gate = gate.promise
    const { tracker, told, settled } = await track(journal)
    tracker.accept(plain.invited(1))
    await eventually(() => expect(journal.concurrent).toBe(1))
    for (const signal of plainCall.slice(1)) tracker.accept(signal)
    for (let n = 0; n < 100; n += 1) tracker.accept(script(`call ${n}`).invited(n))
    expect(told).toEqual([])
    journal.gate = null
    gate.resolve()
    await settled()
    expect(journal.batches.map(batch => batch.length)).toEqual([1, 101])
    expect(journal.maxConcurrent).toBe(1)
    expect(told.map(event => event.id)).toEqual(journal.events.map(event => event.id))
  })

  test('a batch is bounded', async () => {
    const journal = new ScriptedJournal()
    const { tracker, settled } = await track(journal, { writer: { maxBatch: 10 } })
    for (let n = 0; n < 95; n += 1) tracker.accept(script(`call ${n}`).invited(n))
    await settled()
    expect(Math.max(...journal.batches.map(batch => batch.length))).toBe(10)
    expect(journal.events.length).toBe(95)
  })

  test('a journal that refuses is asked again until it takes everything, and health says why', async () => {
    const journal = new ScriptedJournal()
    journal.refusals = Number.POSITIVE_INFINITY
    const { tracker, told, settled, logged } = await track(journal)
    for (const signal of plainCall) tracker.accept(signal)
    await eventually(() => expect(tracker.counters.appendFailures).toBeGreaterThan(3))
    expect(tracker.health()).toMatchObject({
      state: 'behind',
      pending: 4,
      reason: expect.stringContaining('database or disk is full'),
    })
    expect(told).toEqual([])
    journal.refusals = 0
    await settled()
    expect(typesOf(told)).toBe('started ringing answered ended')
    expect(tracker.health()).toEqual({ state: 'ok', reason: null, pending: 0 })
    expect(logged).toContain('call journal stores again')
  })

  test('when too much waits, signals are refused and counted; what was accepted is stored without a gap', async () => {
    const journal = new ScriptedJournal()
    journal.refusals = Number.POSITIVE_INFINITY
    const { tracker, told, settled, logged } = await track(journal, { writer: { maxPending: 3, retryBaseMs: 1, retryCapMs: 5 } })
    for (const signal of plainCall) tracker.accept(signal)
    expect(tracker.counters.refused['journal-behind']).toBe(1)
    expect(tracker.health().reason).toContain('no signal is taken until some are stored')
    expect(logged).toContain('signal refused')
    journal.refusals = 0
    await settled()
    tracker.accept(plain.hungup(9))
    await settled()
    expect(told.map(event => event.sequence)).toEqual([1, 2, 3, 4])
  })

  test('a listener that throws stops nothing', async () => {
    const journal = new ScriptedJournal()
    const { tracker, settled } = await track(journal, {
      onStored: () => {
        throw new Error('a bug')
      },
    })
    tracker.accept(plain.invited(1))
    await settled()
    tracker.accept(plain.answered(2))
    await settled()
    expect(journal.events.length).toBe(2)
    expect(tracker.counters.listenerFailures).toBe(2)
  })

  test('what a recording may name the call by is stored with it', async () => {
    const journal = new ScriptedJournal()
    const { tracker, settled } = await track(journal)
    tracker.accept(plain.invited(1, '1001', '1002', null, [{ key: 'unique:1795329426.4', reason: 'header X-Unique-ID' }]))
    await settled()
    expect(journal.batches[0]?.[0]).toMatchObject({
      keys: ['sip:a84b4c76e66710@pbx.example', 'unique:1795329426.4'],
      ended: false,
    })
  })
})

describe('stopping and starting', () => {
  test('stop stores what is known; the next start goes on with the open calls', async () => {
    const journal = new ScriptedJournal()
    const first = await track(journal)
    for (const signal of plainCall.slice(0, 3)) first.tracker.accept(signal)
    await first.tracker.stop()
    await first.tracker.stop()
    expect(typesOf(journal.events)).toBe('started ringing answered')
    const second = await track(journal)
    expect(second.tracker.openCalls).toBe(1)
    for (const signal of plainCall) second.tracker.accept(signal)
    await second.settled()
    expect(typesOf(journal.events)).toBe('started ringing answered ended')
    expect(journal.lookUps).toBe(0)
  })

  test('stop waits for no company: what gathers behind an append follows at once', async () => {
    const journal = new ScriptedJournal()
    const { tracker } = await track(journal, { writer: { gatherMs: 60_000, maxBatch: 2 }, flushWithinMs: 5000 })
    const gate = deferred()
    journal.gate = gate.promise
    for (let n = 0; n < 2; n += 1) tracker.accept(script(`call ${n}`).invited(n))
    await eventually(() => expect(journal.concurrent).toBe(1))
    tracker.accept(plain.invited(1))
    const stopped = tracker.stop()
    gate.resolve()
    await stopped
    expect(journal.batches.map(batch => batch.length)).toEqual([2, 1])
  })

  test('stop gives up on a journal that refuses, and says how much was not stored', async () => {
    const journal = new ScriptedJournal()
    journal.refusals = Number.POSITIVE_INFINITY
    const { tracker, logged } = await track(journal, { flushWithinMs: 20 })
    tracker.accept(plain.invited(1))
    await tracker.stop()
    expect(logged).toContain('stopped before the call journal took all changes')
  })

  test('signals before the start and after the stop are refused and counted', async () => {
    const { tracker } = await track(new ScriptedJournal())
    await tracker.stop()
    tracker.accept(plain.invited(1))
    expect(tracker.counters).toMatchObject({ signals: 1, callsStarted: 0, refused: { 'not-running': 1 } })
  })

  test('an answered call whose BYE was lost while the bridge was away ends by its last signal', async () => {
    const journal = new ScriptedJournal()
    const first = await track(journal, { orphanAfterMs: 60_000 })
    first.tracker.accept(plain.invited(990_000))
    first.tracker.accept(plain.answered(995_000))
    await first.tracker.stop()
    const second = await track(journal, { orphanAfterMs: 60_000 })
    second.clock.time = 1_055_000
    await eventually(() => expect(journal.events.at(-1)?.type).toBe('call.ended'))
    expect(journal.events.at(-1)?.call).toMatchObject({ outcome: { reason: 'lost-signalling' }, endedAt: 1_055_000 })
  })
})

describe('two calls that turn out to be one', () => {
  const [older, younger] = [script('older'), script('younger')]
  const linked = tie('unique:1')

  test.each(['in one batch', 'one after another'])('stored %s, are found as the one that goes on by every name', async how => {
    const journal = new ScriptedJournal()
    const { tracker, settled } = await track(journal)
    const pause = how === 'in one batch' ? async () => {} : settled
    for (const signal of [
      older.invited(1),
      younger.invited(2, '1001', '1002', null, [linked]),
      younger.answered(3),
      older.tied(4, linked),
    ]) {
      tracker.accept(signal)
      await pause()
    }
    await settled()
    for (const sipCallId of ['older', 'younger']) expect((await journal.findCall(sipCallId))?.id).toBe(callIdOf('older'))
    expect((await journal.openCalls()).map(({ id }) => id)).toEqual([callIdOf('older')])
    expect(tracker.counters).toMatchObject({ merged: 1, callsStarted: 2 })
    await tracker.stop()
    const next = await track(journal)
    next.tracker.accept(younger.hungup(9))
    next.tracker.accept(older.failed(9, 486))
    await next.settled()
    const told = (sipCallId: string) => typesOf(journal.events.filter(({ callId }) => callId === callIdOf(sipCallId)))
    expect([told('older'), told('younger')]).toEqual(['started merged ended', 'started answered merged'])
  })
})

describe('expiry', () => {
  test.each([
    ['answered', [plain.invited(1), plain.answered(2)], 3_600_000, 'connected', 'lost-signalling'],
    ['unanswered', [plain.invited(1), plain.ringing(2)], 300_000, 'missed', 'lost-signalling'],
    ['challenged', [plain.invited(1), plain.failed(2, 407)], 32_000, 'missed', 'failed'],
    ['cancelled', [plain.invited(1), plain.cancelled(2)], 32_000, 'abandoned', 'caller-hung-up'],
  ] as const)('a silent call that is %s ends in time, not before', async (_, signals, patienceMs, status, reason) => {
    const journal = new ScriptedJournal()
    const { tracker, clock, settled } = await track(journal, { orphanAfterMs: 3_600_000, sweepEveryMs: 1 })
    for (const signal of signals) tracker.accept(signal)
    clock.time += patienceMs - 1
    await settled()
    expect(tracker.openCalls).toBe(1)
    clock.time += 1
    await eventually(() => expect(tracker.openCalls).toBe(0))
    await settled()
    expect(journal.events.at(-1)?.call.outcome).toMatchObject({ status, reason })
    expect(tracker.counters.callsExpired).toBe(1)
  })

  test('a sign of life renews the patience', async () => {
    const journal = new ScriptedJournal()
    const { tracker, clock, settled } = await track(journal, { orphanAfterMs: 1000 })
    tracker.accept(plain.invited(1))
    tracker.accept(plain.answered(2))
    for (let n = 1; n <= 5; n += 1) {
      clock.time += 900
      tracker.accept(plain.resumed(2 + n * 900))
    }
    await settled()
    expect(tracker.openCalls).toBe(1)
    clock.time += 1000
    await eventually(() => expect(tracker.openCalls).toBe(0))
  })

  test('beyond the limit the most silent call is ended, an unanswered one before one that talks', async () => {
    const journal = new ScriptedJournal()
    const { tracker, settled, logged } = await track(journal, { maxOpenCalls: 3 })
    const [a, b, c, d] = [script('a'), script('b'), script('c'), script('d')]
    tracker.accept(a.invited(1))
    tracker.accept(a.answered(2))
    tracker.accept(b.invited(3))
    tracker.accept(c.invited(4))
    tracker.accept(d.invited(5))
    await settled()
    expect(tracker.openCalls).toBe(3)
    expect(journal.events.filter(event => event.type === 'call.ended').map(event => event.callId)).toEqual([callIdOf('b')])
    expect(logged).toContain('too many open calls, the most silent one is ended')
  })
})

describe('late signals', () => {
  test('stragglers of an ended call are absorbed in memory for a while, then found in the journal, and tell nothing', async () => {
    const journal = new ScriptedJournal()
    const { tracker, clock, settled } = await track(journal)
    for (const signal of plainCall) tracker.accept(signal)
    tracker.accept(plain.hungup(10))
    await settled()
    expect(journal.lookUps).toBe(0)
    clock.time += 64_000
    await eventually(() => {
      tracker.accept(plain.hungup(11))
      expect(journal.lookUps).toBe(1)
    })
    await eventually(() => expect(tracker.counters.ignored['already-ended']).toBe(tracker.counters.signals - 4))
    expect(journal.events.length).toBe(4)
  })

  test('a signal of a call nobody knows is looked up and ignored by name', async () => {
    const journal = new ScriptedJournal()
    const { tracker } = await track(journal)
    tracker.accept(plain.hungup(9))
    await eventually(() => expect(tracker.counters.ignored['unknown-call']).toBe(1))
    expect(journal.batches).toEqual([])
  })

  test('an INVITE that arrives just after its ringing loses nothing', async () => {
    const journal = new ScriptedJournal()
    const { tracker, settled } = await track(journal)
    tracker.accept(plain.ringing(2))
    tracker.accept(plain.invited(1))
    await eventually(() => expect(tracker.counters.lookUps).toBe(1))
    await eventually(() => expect(typesOf(journal.events)).toBe('started ringing'))
    await settled()
  })

  test('a call that another bridge began goes on here', async () => {
    const journal = new ScriptedJournal()
    const other = await track(journal)
    const here = await track(journal)
    for (const signal of plainCall.slice(0, 3)) other.tracker.accept(signal)
    await other.settled()
    here.tracker.accept(plain.hungup(9))
    await eventually(() => expect(typesOf(journal.events)).toBe('started ringing answered ended'))
  })

  test('look-ups are bounded while the journal hangs', async () => {
    const journal = new ScriptedJournal()
    const gate = deferred()
    journal.gate = gate.promise
    const { tracker } = await track(journal)
    for (let n = 0; n < 1500; n += 1) tracker.accept(script(`call ${n}`).hungup(n))
    for (let n = 0; n < 100; n += 1) tracker.accept(script('call 0').hungup(n))
    expect(tracker.counters.refused['look-ups-full']).toBe(500 + 69)
    gate.resolve()
    await eventually(() => expect(tracker.counters.ignored['unknown-call']).toBe(1031))
  })
})

function deferred() {
  let resolve = () => {}
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pauses } from '../../../src/sip/dialog-state/retry.ts'
import { advance } from '../../../src/sip/dialog-state/subscription.ts'
import {
  newSubscription,
  type Reply,
  type SubscriptionInput,
  type SubscriptionState,
  wakeAt,
} from '../../../src/sip/dialog-state/subscription-state.ts'

const reply = (status: number, more: Partial<Reply> = {}): Reply => ({
  kind: 'reply',
  status,
  expiresMs: null,
  minExpiresMs: null,
  retryAfterMs: null,
  answerable: true,
  stale: false,
  ...more,
})
const notified = (state: 'active' | 'terminated', reason = '', retryAfterMs: number | null = null): SubscriptionInput => ({
  kind: 'notified',
  state,
  expiresMs: state === 'active' ? 600_000 : null,
  reason,
  retryAfterMs,
})

/** A subscription for 10 min, its clock at 1,000,000 ms and chance always in the middle. */
function machine() {
  let state: SubscriptionState = newSubscription(600_000)
  let now = 1_000_000
  return {
    get state() {
      return state
    },
    get phase() {
      return state.phase.kind
    },
    /** What each input made it do. */
    give(...inputs: readonly SubscriptionInput[]): readonly string[] {
      return inputs.flatMap(input => {
        const step = advance(state, input, { now, random: () => 0.5 })
        state = step.state
        return step.actions.map(action => ('expiresMs' in action ? `${action.kind} ${action.expiresMs / 1000}` : action.kind))
      })
    },
    /** Lets time pass until it wants to be woken; answers how long that was. */
    sleep(): number {
      const at = wakeAt(state) ?? Number.NaN
      const slept = at - now
      now = at
      return slept
    },
    pass(ms: number): void {
      now += ms
    },
  }
}

function active() {
  const it = machine()
  it.give({ kind: 'start' }, reply(200, { expiresMs: 600_000 }), notified('active'))
  return it
}

it('subscribes, is told, refreshes in time and leaves', () => {
  const subscription = machine()
  expect(subscription.give({ kind: 'start' })).toEqual(['subscribe 600'])
  expect(subscription.give(reply(200, { expiresMs: 300_000 }))).toEqual([])
  expect(subscription.give({ ...reply(200), kind: 'notified', state: 'active', expiresMs: 300_000, reason: '' })).toEqual(['up'])
  const slept = subscription.sleep()
  expect(slept).toBeGreaterThan(150_000)
  expect(slept).toBeLessThan(270_000)
  expect(subscription.give({ kind: 'woken' }, reply(200))).toEqual(['refresh 600'])
  expect(subscription.give({ kind: 'stop' }, reply(200))).toEqual(['down', 'refresh 0'])
  expect(subscription.phase).toBe('stopped')
})

it('is given up when no NOTIFY comes, and tells the PBX so', () => {
  const subscription = machine()
  subscription.give({ kind: 'start' }, reply(200))
  expect(subscription.sleep()).toBe(pauses.firstNotifyMs)
  expect(subscription.give({ kind: 'woken' })).toEqual(['down', 'refresh 0'])
  expect(subscription.give(reply(401))).toEqual(['repeat 0'])
  subscription.give(reply(200))
  expect(subscription.phase).toBe('waiting')
  subscription.sleep()
  expect(subscription.give({ kind: 'woken' })).toEqual(['subscribe 600'])
})

describe('a refresh that is refused', () => {
  it.each([481, 408, 404, 489, 501])('with %i leaves nothing: down, and another subscription', status => {
    const subscription = active()
    subscription.sleep()
    expect(subscription.give({ kind: 'woken' }, reply(status))).toEqual(['refresh 600', 'down'])
    subscription.sleep()
    expect(subscription.give({ kind: 'woken' })).toEqual(['subscribe 600'])
  })

  it.each([500, 503, 400])('with %i is tried again while the subscription stands', status => {
    const subscription = active()
    subscription.sleep()
    expect(subscription.give({ kind: 'woken' }, reply(status, { retryAfterMs: 20_000 }))).toEqual(['refresh 600'])
    expect(subscription.sleep()).toBe(20_000)
    expect(subscription.give({ kind: 'woken' }, reply(200))).toEqual(['refresh 600'])
    expect(subscription.phase).toBe('active')
  })

  it('and is not answered until the subscription ran out, is down', () => {
    const subscription = active()
    subscription.sleep()
    subscription.give({ kind: 'woken' })
    subscription.sleep()
    expect(subscription.give({ kind: 'woken' })).toEqual(['down', 'refresh 0'])
  })
})

describe('the PBX ends it', () => {
  it.each([
    ['deactivated', null, 750],
    ['timeout', null, 750],
    ['', null, 750],
    ['probation', 30_000, 31_500],
    ['giveup', 60_000, 63_000],
    ['rejected', null, pauses.refusedMs * 1.05],
    ['noresource', null, pauses.refusedMs * 1.05],
  ])('with reason "%s" and retry-after %s: another try after %d ms', (reason, retryAfterMs, pauseMs) => {
    const subscription = active()
    expect(subscription.give(notified('terminated', reason, retryAfterMs))).toEqual(['down'])
    expect(subscription.sleep()).toBe(pauseMs)
    expect(subscription.give({ kind: 'woken' })).toEqual(['subscribe 600'])
  })
})

it('a PBX that ends each subscription at once is asked less and less', () => {
  const subscription = active()
  const slept = Array.from({ length: 12 }, () => {
    subscription.give(notified('terminated', 'deactivated'))
    const pause = subscription.sleep()
    subscription.give({ kind: 'woken' }, reply(200), notified('active'))
    return pause
  })
  expect(slept.slice(0, 3)).toEqual([750, 1500, 3000])
  expect(slept.at(-1)).toBe(pauses.longestMs * 0.75)
})

it('one that stood for long begins its pauses anew', () => {
  const subscription = active()
  subscription.give(notified('terminated'))
  subscription.sleep()
  subscription.give({ kind: 'woken' }, reply(200), notified('active'))
  subscription.pass(pauses.steadyMs)
  subscription.give(notified('terminated'))
  expect(subscription.sleep()).toBe(750)
})

describe('challenges', () => {
  it('an answer that is refused is not given again', () => {
    const subscription = machine()
    expect(subscription.give({ kind: 'start' }, reply(401), reply(401))).toEqual(['subscribe 600', 'repeat 600', 'down'])
    expect(subscription.sleep()).toBe(pauses.refusedMs * 1.05)
  })

  it('an answer whose nonce was too old is given again, but not for ever', () => {
    const subscription = machine()
    const stale = Array.from({ length: 9 }, () => reply(407, { stale: true }))
    expect(subscription.give({ kind: 'start' }, ...stale)).toEqual([
      'subscribe 600',
      ...Array(pauses.maxTries).fill('repeat 600'),
      'down',
    ])
  })

  it('without credentials there is no answer', () => {
    expect(machine().give({ kind: 'start' }, reply(401, { answerable: false }))).toEqual(['subscribe 600', 'down'])
  })
})

it('an interval that is too brief is raised for good, up to a day', () => {
  const subscription = machine()
  expect(subscription.give({ kind: 'start' }, reply(423, { minExpiresMs: 900_000 }), reply(200), notified('active'))).toEqual([
    'subscribe 600',
    'repeat 900',
    'up',
  ])
  subscription.sleep()
  expect(subscription.give({ kind: 'woken' })).toEqual(['refresh 900'])
  expect(machine().give({ kind: 'start' }, reply(423, { minExpiresMs: 86_400_001 }))).toEqual(['subscribe 600', 'down'])
})

it('a NOTIFY that says less is left brings the refresh forward, one that says more changes nothing', () => {
  const subscription = active()
  const before = wakeAt(subscription.state) ?? 0
  subscription.give({
    ...notified('active'),
    kind: 'notified',
    state: 'active',
    expiresMs: 599_000,
    reason: '',
    retryAfterMs: null,
  })
  expect(wakeAt(subscription.state)).toBe(before)
  subscription.give({ kind: 'notified', state: 'active', expiresMs: 60_000, reason: '', retryAfterMs: null })
  expect(subscription.sleep()).toBeLessThan(60_000)
})

it('everything is asked for at once, but not all the time', () => {
  const subscription = active()
  expect(subscription.give({ kind: 'incomplete' }, reply(200))).toEqual(['refresh 600'])
  expect(subscription.give({ kind: 'incomplete' })).toEqual([])
  expect(subscription.sleep()).toBe(pauses.betweenFullMs)
  expect(subscription.give({ kind: 'woken' })).toEqual(['refresh 600'])
})

it('without a SIP server it is still, and starts from anew', () => {
  const subscription = active()
  expect(subscription.give({ kind: 'lost' })).toEqual(['down'])
  expect(wakeAt(subscription.state)).toBeNull()
  expect(subscription.give({ kind: 'start' })).toEqual(['subscribe 600'])
})

it('one that is started again while it leaves comes back', () => {
  const subscription = active()
  expect(subscription.give({ kind: 'stop' }, { kind: 'start' }, reply(200), { kind: 'woken' })).toEqual([
    'down',
    'refresh 0',
    'subscribe 600',
  ])
})

const anyInput: fc.Arbitrary<SubscriptionInput> = fc.oneof(
  fc.constantFrom<SubscriptionInput>(
    { kind: 'start' },
    { kind: 'woken' },
    { kind: 'incomplete' },
    { kind: 'lost' },
    { kind: 'stop' },
  ),
  fc.constant<SubscriptionInput>({ kind: 'unsent', reason: 'x' }),
  fc
    .record({
      status: fc.constantFrom(200, 202, 401, 407, 403, 404, 408, 423, 481, 489, 500, 503, 603),
      expiresMs: fc.constantFrom(null, 0, 60_000),
      minExpiresMs: fc.constantFrom(null, 900_000, 99_999_999_000),
      retryAfterMs: fc.constantFrom(null, 0, 5_000, 99_999_999_000),
      answerable: fc.boolean(),
      stale: fc.boolean(),
    })
    .map((given): Reply => ({ kind: 'reply', ...given })),
  fc
    .record({
      state: fc.constantFrom('active' as const, 'terminated' as const),
      expiresMs: fc.constantFrom(null, 0, 30_000, 9_999_000),
      reason: fc.constantFrom('', 'timeout', 'rejected', 'probation'),
      retryAfterMs: fc.constantFrom(null, 0, 60_000),
    })
    .map((given): SubscriptionInput => ({ kind: 'notified', ...given })),
)

it('whatever happens, it is up between "up" and "down", and goes on by itself', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyInput, fc.nat(700_000)), { maxLength: 40 }), inputs => {
      let state = newSubscription(600_000)
      let now = 0
      let isUp = false
      let isWanted = false
      for (const [input, ms] of inputs) {
        now += ms
        if (input.kind === 'start') isWanted = true
        if (input.kind === 'stop' || input.kind === 'lost') isWanted = false
        const step = advance(state, input, { now, random: () => 0.25 })
        state = step.state
        for (const { kind } of step.actions) if (kind === 'up' || kind === 'down') isUp = kind === 'up'
        expect(isUp).toBe(state.phase.kind === 'active')
        if (isWanted && state.phase.kind !== 'leaving') expect(state.phase.kind).not.toBe('stopped')
        const waitsForReply = state.phase.kind === 'subscribing' && state.phase.request !== null
        expect(wakeAt(state) !== null || state.phase.kind === 'stopped' || waitsForReply).toBe(true)
      }
    }),
    { numRuns: 500 },
  )
})

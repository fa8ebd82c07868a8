/**
 * The limit that the worker keeps, against the budget that the sandbox counts by, under one clock that a test moves: minutes pass in
 * milliseconds. What is sent arrives after a delay of its own, so the two never see the same minute.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RateLimit } from '../../../src/uploads/flow/rate-limit.ts'
import { RequestBudget } from '../../../src/zendesk/sandbox/rate-limit.ts'

const T0 = Date.UTC(2026, 10, 22, 9)
const MINUTE_MS = 60_000

interface Drain {
  readonly perMinute: number
  readonly minutes: number
  /** How long a request is on its way, ms: anything up to this. */
  readonly delayMs: number
  /** When the bridge is killed and begins anew, ms after the beginning. */
  readonly restarts?: readonly number[]
  /** 0 … 1. */
  readonly random: () => number
}

/** Sends from an endless backlog; answers when each request was sent and how many of them the server refused. */
function drain({ perMinute, minutes, delayMs, restarts = [], random }: Drain) {
  const until = T0 + minutes * MINUTE_MS
  const sent: number[] = []
  let limit = new RateLimit({ perMinute, now: T0 })
  const restartAt = restarts.map(ms => T0 + ms).toSorted((a, b) => a - b)
  for (let now = T0; now < until; now = Math.max(now + 1, Math.floor(limit.nextAt(now)))) {
    if (restartAt[0] !== undefined && now >= restartAt[0]) {
      restartAt.shift()
      limit = new RateLimit({ perMinute, now })
    }
    // Eight at once, as the worker's slots.
    for (let count = limit.reserve(8, now); count > 0; count--) sent.push(now)
  }
  const budget = new RequestBudget(perMinute)
  const arrivals = sent.map(at => at + Math.floor(random() * delayMs)).toSorted((a, b) => a - b)
  const refused = arrivals.filter(at => !budget.admit('token', at).admitted).length
  return { sent, refused }
}

const seeded = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}

test.each([600, 2_500, 6_000, 12_000])(
  'at a limit of %d requests a minute a backlog drains at 99 % of it and more, and hardly one is answered 429',
  perMinute => {
    const minutes = 10
    const { sent, refused } = drain({ perMinute, minutes, delayMs: 250, random: seeded(perMinute) })
    expect(sent.length).toBeGreaterThanOrEqual(0.99 * perMinute * minutes)
    expect(refused).toBeLessThanOrEqual(0.001 * sent.length)
  },
)

test('a bridge that restarts, however often, sends no burst, and still hardly one request is answered 429', () => {
  const restarts = fc.array(fc.integer({ min: 1, max: 5 * MINUTE_MS }), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(restarts, fc.integer(), (at, seed) => {
      const perMinute = 6_000
      const { sent, refused } = drain({ perMinute, minutes: 5, delayMs: 250, restarts: at, random: seeded(Math.abs(seed)) })
      expect(refused).toBeLessThanOrEqual(0.001 * sent.length)
      for (const restart of at) {
        const since = sent.filter(time => time >= T0 + restart && time < T0 + restart + 1_000).length
        expect(since).toBeLessThanOrEqual(perMinute / 60 + 1)
      }
    }),
    { numRuns: 25 },
  )
})

test('a burst does not come back a minute later, before a server that counts any 60 s, and requests that are late', () => {
  fc.assert(
    fc.property(fc.integer({ min: 200, max: 6_000 }), fc.integer(), (perMinute, seed) => {
      const random = seeded(Math.abs(seed))
      const limit = new RateLimit({ perMinute, now: T0 })
      const arrivals: number[] = []
      const seconds = new Map<number, number>()
      // It has saved up what it may, then a backlog begins.
      const began = T0 + MINUTE_MS
      for (let now = began; now < began + 4 * MINUTE_MS; now = Math.max(now + 1, Math.ceil(limit.nextAt(now)))) {
        for (let count = limit.reserve(32, now); count > 0; count--) {
          arrivals.push(now + random() * 290)
          const second = Math.floor((now - began) / 1_000)
          seconds.set(second, (seconds.get(second) ?? 0) + 1)
        }
      }
      const later = [...seconds].filter(([second]) => second >= 10).map(([, count]) => count)
      expect(Math.max(...later)).toBeLessThanOrEqual(perMinute / 60 + 2)
      arrivals.sort((a, b) => a - b)
      let most = 0
      let first = 0
      arrivals.forEach((at, n) => {
        while ((arrivals[first] ?? at) <= at - MINUTE_MS) first++
        most = Math.max(most, n - first + 1)
      })
      expect(most).toBeLessThanOrEqual(perMinute)
      expect(arrivals.length).toBeGreaterThanOrEqual(0.99 * perMinute * 4)
    }),
    { numRuns: 15 },
  )
})

test('a minute without work saves up no more than a twentieth of a minute', () => {
  const perMinute = 6_000
  const limit = new RateLimit({ perMinute, now: T0 })
  const later = T0 + 10 * MINUTE_MS
  expect(limit.reserve(perMinute, later)).toBe(perMinute / 20)
})

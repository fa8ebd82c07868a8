import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RateLimit } from '../../../src/uploads/flow/rate-limit.ts'

const T0 = 1_000_000

test('in no 60 s more requests go out than a minute may have, however they are asked for', () => {
  const steps = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 80 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), steps, (perMinute, waits) => {
      const limit = new RateLimit({ perMinute, now: T0 })
      const taken: { readonly at: number; readonly count: number }[] = []
      let now = T0
      for (const wait of waits) {
        now += wait
        const count = limit.reserve(limit.available(now), now)
        taken.push({ at: now, count })
      }
      for (const { at } of taken) {
        const inWindow = taken
          .filter(other => other.at >= at && other.at < at + 60_000)
          .reduce((sum, other) => sum + other.count, 0)
        expect(inWindow).toBeLessThanOrEqual(perMinute)
      }
    }),
  )
})

test('at the time that it names, and not before, the next request may go out', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), perMinute => {
      const limit = new RateLimit({ perMinute, now: T0 })
      limit.reserve(limit.available(T0), T0)
      const nextAt = limit.nextAt(T0)
      expect(limit.available(nextAt - 1)).toBe(0)
      expect(limit.available(nextAt)).toBeGreaterThanOrEqual(1)
    }),
  )
})

test('a steady sender gets close to its whole allowance', () => {
  const limit = new RateLimit({ perMinute: 600, now: T0 })
  let sent = 0
  for (let now = T0; now < T0 + 600_000; now = Math.max(now + 1, limit.nextAt(now))) {
    const count = limit.reserve(limit.available(now), now)
    sent += count
  }
  expect(sent).toBeGreaterThan(0.99 * 6_000)
  expect(sent).toBeLessThanOrEqual(6_000)
})

test('after a start nothing goes out at once but the first, and later no more than a twentieth of a minute', () => {
  const limit = new RateLimit({ perMinute: 600, now: T0 })
  expect(limit.available(T0)).toBe(1)
  expect(limit.available(T0 + 60_000)).toBe(30)
  expect(new RateLimit({ perMinute: 5, now: T0 }).available(T0 + 60_000)).toBe(1)
})

test('a server that allows less is believed, one that allows more is not, and what others spent is not ours', () => {
  const limit = new RateLimit({ perMinute: 600, now: T0 })
  limit.observe({ limit: 60, remaining: null })
  expect(limit.perMinute).toBe(60)
  expect(limit.available(T0 + 60_000)).toBe(3)
  limit.observe({ limit: 6_000, remaining: 2 })
  expect(limit.perMinute).toBe(600)
  expect(limit.available(T0 + 60_000)).toBe(2)
})

test('what was reserved and not sent may be sent by another', () => {
  const limit = new RateLimit({ perMinute: 600, now: T0 })
  expect(limit.reserve(50, T0 + 60_000)).toBe(30)
  limit.release(28)
  expect(limit.available(T0 + 60_000)).toBe(28)
})

test('a limit that is changed while it runs counts what has gone out already', () => {
  const limit = new RateLimit({ perMinute: 600, now: T0 })
  let now = T0
  for (let sent = 0; sent < 100; sent++) {
    now = limit.nextAt(now)
    limit.reserve(1, now)
  }
  limit.configure(120)
  let more = 0
  for (; now < T0 + 59_000; now += 10) {
    const count = limit.reserve(limit.available(now), now)
    more += count
  }
  expect(100 + more).toBeLessThanOrEqual(120)
  expect(more).toBeGreaterThan(10)
})

test('a pause holds everything, a shorter one does not end it, and it ends by itself or by hand', () => {
  const limit = new RateLimit({ perMinute: Number.POSITIVE_INFINITY, now: T0 })
  expect(limit.available(T0)).toBe(Number.POSITIVE_INFINITY)
  limit.pauseUntil(T0 + 1_000, '429')
  limit.pauseUntil(T0 + 500, '503')
  expect(limit.available(T0 + 999)).toBe(0)
  expect(limit.nextAt(T0)).toBe(T0 + 1_000)
  expect(limit.pause(T0)).toEqual({ until: T0 + 1_000, reason: '429' })
  expect(limit.available(T0 + 1_000)).toBe(Number.POSITIVE_INFINITY)
  limit.pauseUntil(T0 + 9_000, '401')
  limit.resume()
  expect(limit.nextAt(T0 + 1_000)).toBe(T0 + 1_000)
})

test('a clock that is set back gives nothing away and does not stop the flow', () => {
  const limit = new RateLimit({ perMinute: 600, now: T0 })
  limit.reserve(1, T0)
  expect(limit.available(T0 - 3_600_000)).toBe(0)
  expect(limit.available(T0 - 3_600_000 + 1_000)).toBeGreaterThanOrEqual(9)
})

test('a limit of nothing is a mistake, not a standstill', () => {
  expect(() => new RateLimit({ perMinute: 0, now: T0 })).toThrow('1 or more')
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AdaptiveConcurrency } from '../../../src/uploads/flow/concurrency.ts'
import { Pace } from '../../../src/uploads/flow/pace.ts'
import { RateLimit } from '../../../src/uploads/flow/rate-limit.ts'
import { zendeskSlots } from '../../../src/uploads/slots.ts'

const T0 = 1_000_000

test('a limit that is raised while it runs sends no more in any 60 s than it says', () => {
  const waits = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 0, max: 500 }),
      waits,
      waits,
      (first, more, before, after) => {
        const limit = new RateLimit({ perMinute: first, now: T0 })
        const taken: { readonly at: number; readonly count: number }[] = []
        let now = T0
        const send = (times: readonly number[]): void => {
          for (const wait of times) {
            now += wait
            taken.push({ at: now, count: limit.reserve(limit.available(now), now) })
          }
        }
        send(before)
        limit.configure(first + more)
        send(after)
        for (const { at } of taken) {
          const inWindow = taken.filter(other => other.at >= at && other.at < at + 60_000)
          expect(inWindow.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(first + more)
        }
      },
    ),
  )
})

test('a limit that is lowered holds at once: what the last minute had counts', () => {
  const limit = new RateLimit({ perMinute: 600, now: T0 })
  let now = T0
  for (; now < T0 + 30_000; now += 100) limit.reserve(limit.available(now), now)
  limit.configure(60)
  expect(limit.available(now)).toBe(0)
  expect(limit.nextAt(now)).toBeGreaterThan(now + 20_000)
})

test('what the server allows still counts after a change', () => {
  const limit = new RateLimit({ perMinute: 600, now: T0 })
  limit.observe({ limit: 100, remaining: null })
  limit.configure(400)
  expect(limit.perMinute).toBe(100)
  limit.configure(50)
  expect(limit.perMinute).toBe(50)
})

test('fewer slots hold at once, more are there at once where nothing had been held back', () => {
  const pace = new Pace({ slots: zendeskSlots(8), random: () => 0.5, onTrip: () => {}, onMend: () => {} })
  pace.configure(zendeskSlots(3))
  expect(pace.limit('event')).toBe(3)
  expect(pace.room('event', 8, T0)).toBe(0)
  pace.configure(zendeskSlots(16))
  expect(pace.limit('event')).toBe(16)
})

test('more slots are felt for where answers had failed', () => {
  const concurrency = new AdaptiveConcurrency(8)
  concurrency.ended({ tookMs: 10, failed: true, underWay: 8 })
  expect(concurrency.limit).toBe(4)
  concurrency.configure(16)
  expect(concurrency.limit).toBe(4)
  concurrency.configure(2)
  expect(concurrency.limit).toBe(2)
})

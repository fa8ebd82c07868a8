import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AdaptiveConcurrency } from '../../../src/uploads/flow/concurrency.ts'

const round = (concurrency: AdaptiveConcurrency, tookMs: number, failed = false): void => {
  for (let i = concurrency.limit; i > 0; i--) concurrency.ended({ tookMs, failed, underWay: concurrency.limit })
}

describe('concurrency that adapts', () => {
  test('is what was configured while the sink keeps its pace', () => {
    const concurrency = new AdaptiveConcurrency(8)
    for (let i = 0; i < 20; i++) round(concurrency, 50 + (i % 5))
    expect(concurrency.limit).toBe(8)
  })

  test('halves at a failure, down to one, and comes back one by one', () => {
    const concurrency = new AdaptiveConcurrency(8)
    const limits: number[] = []
    for (let i = 0; i < 4; i++) {
      concurrency.ended({ tookMs: 50, failed: true, underWay: 1 })
      limits.push(concurrency.limit)
    }
    for (let i = 0; i < 7; i++) {
      round(concurrency, 50)
      limits.push(concurrency.limit)
    }
    expect(limits).toEqual([4, 2, 1, 1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('takes back what only makes a queue at the sink longer', () => {
    const concurrency = new AdaptiveConcurrency(64)
    for (let i = 0; i < 20; i++) round(concurrency, 100)
    // From now on the server works on ten at a time and lets the others queue.
    for (let i = 0; i < 12; i++) round(concurrency, 100 * Math.max(1, concurrency.limit / 10))
    expect(concurrency.limit).toBeLessThan(40)
    expect(concurrency.limit).toBeGreaterThan(9)
  })

  test('takes what stays slow for the usual after a while, and does not hold it back for ever', () => {
    const concurrency = new AdaptiveConcurrency(8)
    for (let i = 0; i < 20; i++) round(concurrency, 100)
    for (let i = 0; i < 100; i++) round(concurrency, 1_000)
    expect(concurrency.limit).toBe(8)
  })

  test('is not held back by deliveries that had next to nothing to do', () => {
    const concurrency = new AdaptiveConcurrency(8, 2)
    // One request in one delivery, five in the next, none in the third; and each answer takes its own time.
    for (let i = 0; i < 2_000; i++) {
      const tookMs = [250, 1_250, 1][i % 3] ?? 0
      concurrency.ended({ tookMs: tookMs * (0.4 + ((i * 7) % 13) / 10), failed: false, underWay: concurrency.limit })
      if (i > 200) expect(concurrency.limit).toBeGreaterThanOrEqual(6)
    }
  })

  test('begins with less where that is wanted, and has all there is after some good rounds', () => {
    const concurrency = new AdaptiveConcurrency(8, 2)
    expect(concurrency.limit).toBe(2)
    for (let i = 0; i < 6; i++) round(concurrency, 100)
    expect(concurrency.limit).toBe(8)
  })

  test('does not grow when nobody asks for more', () => {
    const concurrency = new AdaptiveConcurrency(8)
    concurrency.ended({ tookMs: 50, failed: true, underWay: 1 })
    for (let i = 0; i < 40; i++) concurrency.ended({ tookMs: 50, failed: false, underWay: 1 })
    expect(concurrency.limit).toBe(4)
  })

  test('is always at least one and at most what was configured', () => {
    const answer = fc.record({
      tookMs: fc.integer({ min: 0, max: 60_000 }),
      failed: fc.boolean(),
      underWay: fc.integer({ min: 1, max: 64 }),
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.array(answer, { maxLength: 300 }), (most, answers) => {
        const concurrency = new AdaptiveConcurrency(most)
        for (const each of answers) {
          concurrency.ended(each)
          expect(concurrency.limit).toBeGreaterThanOrEqual(1)
          expect(concurrency.limit).toBeLessThanOrEqual(most)
        }
      }),
    )
  })
})

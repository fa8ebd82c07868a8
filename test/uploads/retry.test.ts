import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { backoffMs, ceilingMs, giveUpAt, type RetryPolicy, retryTable } from '../../src/uploads/retry.ts'
import {
  boundedWaitMs,
  FEWEST_ATTEMPTS,
  type Judgement,
  judge,
  judgeFault,
  MAX_FAULTY_ATTEMPTS,
} from '../../src/uploads/verdict.ts'

const policies = fc
  .record({ baseMs: fc.integer({ min: 1, max: 60_000 }), factor: fc.integer({ min: 1, max: 10_000 }) })
  .map(({ baseMs, factor }): RetryPolicy => ({ baseMs, capMs: baseMs * factor, giveUpAfterMs: 7 * 86_400_000 }))
const attempts = fc.integer({ min: 1, max: 10_000 })
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

describe('backoff', () => {
  test('is a whole number of ms, never negative, never above its ceiling, and the ceiling never above the cap', () => {
    fc.assert(
      fc.property(policies, attempts, randoms, (policy, attempt, random) => {
        const wait = backoffMs(policy, attempt, () => random)
        return (
          Number.isInteger(wait) && wait >= 0 && wait <= ceilingMs(policy, attempt) && ceilingMs(policy, attempt) <= policy.capMs
        )
      }),
    )
  })

  test('has a ceiling that never falls from one failure to the next, and starts at the base', () => {
    fc.assert(
      fc.property(policies, attempts, (policy, attempt) => {
        expect(ceilingMs(policy, 1)).toBe(policy.baseMs)
        expect(ceilingMs(policy, attempt + 1)).toBeGreaterThanOrEqual(ceilingMs(policy, attempt))
      }),
    )
  })

  test('uses the whole span: full jitter, so that jobs that failed together come back apart', () => {
    const policy: RetryPolicy = { baseMs: 1_000, capMs: 300_000, giveUpAfterMs: 0 }
    expect(backoffMs(policy, 4, () => 0)).toBe(0)
    expect(backoffMs(policy, 4, () => 0.999_999)).toBe(7_999)
  })

  test('prints as the table of docs/failures.md', () => {
    const table = retryTable({ baseMs: 1_000, capMs: 300_000, giveUpAfterMs: 0 }).split('\n')
    expect(table).toHaveLength(2 + 10)
    expect(table[2]).toBe('| 1 | 1.0 s | 0.5 s | 0.5 s |')
    expect(table.at(-1)).toBe('| 10 | 300.0 s | 150.0 s | 405.5 s |')
  })
})

describe('what becomes of a job', () => {
  const policy: RetryPolicy = { baseMs: 1_000, capMs: 300_000, giveUpAfterMs: 10_000 }
  const on = (more: Partial<Judgement> = {}): Judgement => ({
    attempts: 0,
    dueSince: 0,
    policy,
    now: 5_000,
    random: () => 0.5,
    ...more,
  })

  test.each([
    ['an acknowledgement', judge({ kind: 'delivered', remoteId: 'z' }, on()), { kind: 'delivered', remoteId: 'z' }],
    ['a refusal', judge({ kind: 'reject', reason: '422' }, on()), { kind: 'dead', reason: '422' }],
    [
      'a first failure',
      judge({ kind: 'retry', reason: '503', afterMs: null }, on()),
      { kind: 'retry', runAt: 5_500, reason: '503' },
    ],
    [
      'a third failure',
      judge({ kind: 'retry', reason: '503', afterMs: null }, on({ attempts: 2 })),
      { kind: 'retry', runAt: 7_000, reason: '503' },
    ],
    [
      'a failure with Retry-After',
      judge({ kind: 'retry', reason: '503', afterMs: 9_000 }, on()),
      { kind: 'retry', runAt: 14_000, reason: '503' },
    ],
    [
      'a 429',
      judge({ kind: 'wait', reason: '429', afterMs: 2_000, scope: 'sink' }, on()),
      { kind: 'wait', runAt: 7_000, reason: '429' },
    ],
    [
      'not ready',
      judge({ kind: 'wait', reason: 'x', afterMs: 0, scope: 'job' }, on()),
      { kind: 'wait', runAt: 5_100, reason: 'x' },
    ],
  ])('%s', (_name, verdict, expected) => {
    expect(verdict).toEqual(expected)
  })

  test('the failure after give_up_after is the last; a sink that is shut as a whole costs no job its life', () => {
    const late = on({ now: giveUpAt(policy, 0), attempts: FEWEST_ATTEMPTS - 1 })
    expect(judge({ kind: 'retry', reason: '503', afterMs: null }, late)).toMatchObject({
      kind: 'dead',
      reason: expect.stringContaining('503'),
    })
    expect(judge({ kind: 'wait', reason: 'not ready', afterMs: 1, scope: 'job' }, late)).toMatchObject({ kind: 'dead' })
    expect(judge({ kind: 'wait', reason: '401', afterMs: 1, scope: 'sink' }, late)).toMatchObject({ kind: 'wait' })
  })

  test('time alone makes no failure the last: a job gets its attempts after a clock that jumped ahead, or a holiday', () => {
    const late = on({ now: giveUpAt(policy, 0) + 1_000_000_000, attempts: 3 })
    expect(judge({ kind: 'retry', reason: '503', afterMs: null }, late)).toMatchObject({ kind: 'retry' })
    // From now on a wait spends an attempt, too: it must not go on for ever.
    expect(judge({ kind: 'wait', reason: 'not ready', afterMs: 1, scope: 'job' }, late)).toMatchObject({ kind: 'retry' })
  })

  test('a fault of ours is retried with a bound', () => {
    expect(judgeFault('oops', on({ attempts: MAX_FAULTY_ATTEMPTS - 2 }))).toMatchObject({ kind: 'retry' })
    expect(judgeFault('oops', on({ attempts: MAX_FAULTY_ATTEMPTS - 1 }))).toMatchObject({
      kind: 'dead',
      reason: expect.stringContaining('oops'),
    })
  })

  test('no wait that a sink asks for is shorter than a tenth of a second, longer than a day, or no number', () => {
    fc.assert(
      fc.property(fc.double(), afterMs => {
        const wait = boundedWaitMs(afterMs)
        return wait >= 100 && wait <= 86_400_000
      }),
    )
  })
})

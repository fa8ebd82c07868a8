import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { askedToWaitMs, retryAfterMs } from '../../../src/zendesk/http/retry-after.ts'

const now = Date.UTC(2026, 10, 22, 9, 30, 0)

describe('Retry-After', () => {
  it.each([
    [null, null],
    ['', null],
    ['soon', null],
    ['-5', null],
    ['5 apples', null],
    ['0', 1_000],
    [' 120 ', 120_000],
    ['1.5', 1_500],
    ['99999999999999999999', 3_600_000],
    ['Sun, 22 Nov 2026 09:30:20 GMT', 20_000],
    ['Sunday, 22-Nov-26 09:30:20 GMT', 20_000],
    ['Sun, 22 Nov 2026 09:29:00 GMT', 1_000],
    ['Mon, 22 Nov 2027 09:30:00 GMT', 3_600_000],
    ['Mon, 99 Foo', null],
  ])('%j means %j ms', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms)
  })

  it("a date is one of the server's clock, however wrong ours is", () => {
    const headers = { date: 'Sun, 22 Nov 2026 09:30:00 GMT', 'retry-after': 'Sun, 22 Nov 2026 09:30:20 GMT' }
    for (const ours of [now, now - 86_400_000, now + 86_400_000]) expect(askedToWaitMs({ headers }, ours)).toBe(20_000)
    expect(askedToWaitMs({ headers: { 'retry-after': headers['retry-after'] } }, now + 5_000)).toBe(15_000)
    expect(askedToWaitMs({ headers: { date: 'today', 'retry-after': '7' } }, now)).toBe(7_000)
    expect(askedToWaitMs({ headers: {} }, now)).toBe(null)
  })

  it('stays between a second and an hour for any header', () => {
    fc.assert(
      fc.property(fc.string(), header => {
        const ms = retryAfterMs(header, now)
        return ms === null || (ms >= 1_000 && ms <= 3_600_000)
      }),
    )
  })
})

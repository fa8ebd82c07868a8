import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { retryAfterMs } from '../../../src/zendesk/http/retry-after.ts'

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

  it('stays between a second and an hour for any header', () => {
    fc.assert(
      fc.property(fc.string(), header => {
        const ms = retryAfterMs(header, now)
        return ms === null || (ms >= 1_000 && ms <= 3_600_000)
      }),
    )
  })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/config/units.ts'

test.each([
  [0, '0ms'],
  [1_500, '1500ms'],
  [90_000, '90s'],
  [604_800_000, '7d'],
  [129_600_000, '36h'],
])('%i ms are written %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test.each([
  [0, '0B'],
  [500_000_000, '500MB'],
  [2_147_483_648, '2GiB'],
])('%i bytes are written %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text)
})

test('what is written can be read again', () => {
  const whole = fc.integer({ min: 0, max: 999_999_999 })
  fc.assert(
    fc.property(whole, amount => {
      expect(parseDuration(formatDuration(amount))).toEqual({ ok: true, value: amount })
      expect(parseSize(formatSize(amount))).toEqual({ ok: true, value: amount })
    }),
  )
})

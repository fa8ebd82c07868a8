import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dayIn, readTime, wallClock } from '../../../src/migration/formats/local-time.ts'
import { timeReader } from '../../../src/migration/formats/time-format.ts'

const berlin = wallClock('Europe/Berlin')
const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString())

test.each([
  ['2026-11-22 06:36:55', '2026-11-22T05:36:55.000Z'],
  ['2026-07-01 06:36:55.123456', '2026-07-01T04:36:55.123Z'],
  ['2026/07/01 06:36:55', '2026-07-01T04:36:55.000Z'],
  ['2026-07-01T06:36:55Z', '2026-07-01T06:36:55.000Z'],
  ['2026-07-01 06:36:55+05:30', '2026-07-01T01:06:55.000Z'],
  ['1795329415', '2026-11-22T06:36:55.000Z'],
  ['1795329415.25', '2026-11-22T06:36:55.250Z'],
  ['1795329415250', '2026-11-22T06:36:55.250Z'],
  ['1795329415250000', '2026-11-22T06:36:55.250Z'],
  // The clock was put forward at 02:00 and back at 03:00.
  ['2026-03-29 01:59:59', '2026-03-29T00:59:59.000Z'],
  ['2026-03-29 02:30:00', '2026-03-29T01:30:00.000Z'],
  ['2026-03-29 03:00:00', '2026-03-29T01:00:00.000Z'],
  ['2026-10-25 02:30:00', '2026-10-25T00:30:00.000Z'],
  ['2026-10-25 03:00:00', '2026-10-25T02:00:00.000Z'],
  ['0', null],
  ['', null],
  ['2026-02-30 10:00:00', null],
  ['2026-13-01 10:00:00', null],
  ['yesterday', null],
])('%s in Berlin is %s', (text, expected) => {
  expect(iso(readTime(text, berlin))).toBe(expected)
})

test('what a zone’s clock showed is the moment it showed it, in every zone and season', () => {
  const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Apia')
  const times = fc.integer({ min: Date.UTC(1995, 0, 1), max: Date.UTC(2040, 0, 1) })
  fc.assert(
    fc.property(zones, times, (zone, at) => {
      const seconds = Math.floor(at / 1000) * 1000
      const shown = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
      const read = readTime(shown.format(seconds), wallClock(zone))
      // An hour that the clock showed twice may be either; then both look the same.
      expect(read === null ? null : shown.format(read)).toBe(shown.format(seconds))
    }),
    { numRuns: 60 },
  )
})

test('a zone that does not exist is refused with an example', () => {
  expect(() => wallClock('Mars/Olympus')).toThrow(/Europe\/Berlin/)
})

test('a day is that of the zone', () => {
  expect(dayIn('Asia/Tokyo')(Date.UTC(2026, 10, 22, 20))).toBe('2026-11-23')
})

test.each([
  ['dd.MM.yyyy HH:mm:ss', '22.11.2026 06:36:55', '2026-11-22T05:36:55.000Z'],
  ['M/d/yy h:mm a', '7/1/26 12:05 AM', '2026-06-30T22:05:00.000Z'],
  ['M/d/yy h:mm a', '7/1/26 12:05 pm', '2026-07-01T10:05:00.000Z'],
  ['yyyy-MM-dd HH:mm:ss.SSS Z', '2026-07-01 00:00:00.5 +0000', '2026-07-01T00:00:00.500Z'],
  ['dd.MM.yyyy HH:mm', '2026-07-01 00:00', null],
  ['epoch', '1795329415', '2026-11-22T06:36:55.000Z'],
])('a time of the format %s: %s', (format, text, expected) => {
  expect(iso(timeReader(format)(text, berlin))).toBe(expected)
})

test('a format that tells no whole time is refused', () => {
  expect(() => timeReader('HH:mm')).toThrow(/no year, month, day/)
})

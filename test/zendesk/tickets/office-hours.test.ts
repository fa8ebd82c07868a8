import { expect, test } from 'vitest'
import { localTime, officeClock } from '../../../src/zendesk/tickets/office-hours.ts'
import { berlin } from './made-rules.ts'

test.each<[string, boolean, string]>([
  ['2026-11-23T08:00:00Z', true, 'Monday 09:00'],
  ['2026-11-23T07:59:59Z', false, 'Monday 08:59'],
  ['2026-11-23T15:59:59Z', true, 'Monday 16:59'],
  ['2026-11-23T16:00:00Z', false, 'Monday 17:00'],
  ['2026-11-22T10:00:00Z', false, 'Sunday'],
  ['2026-12-25T10:00:00Z', false, 'holiday 2026-12-25'],
  // 23:30 in London is the next day in Berlin, and summer time moves the hours.
  ['2026-12-24T23:30:00Z', false, 'holiday 2026-12-25'],
  ['2026-07-06T07:00:00Z', true, 'Monday 09:00'],
])('%s in Berlin', (at, open, why) => {
  expect(officeClock(berlin)(Date.parse(at))).toEqual({ open, why })
})

test('midnight is 00:00', () => {
  expect(localTime('UTC')(Date.parse('2026-11-22T00:00:00Z'))).toBe('2026-11-22 00:00')
})

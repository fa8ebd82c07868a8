import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { callIdSpellings } from '../../src/events/call-id-spellings.ts'
import { noHints, readFileName } from '../../src/recordings/folders/file-name.ts'
import { readRecordedTime } from '../../src/recordings/folders/recorded-time.ts'

const asterisk = /(?<unique>[^_]+)_(?<call_id>.+)\.(wav|WAV)$/

describe('the hints in a name', () => {
  test.each([
    [asterisk, '1795329426.4_1-3723@127.0.0.1.wav', { unique: '1795329426.4', sipCallId: '1-3723@127.0.0.1' }],
    [asterisk, '2026/11/22/1795329426.4_1-3723@127.0.0.1.WAV', { unique: '1795329426.4', sipCallId: '1-3723@127.0.0.1' }],
    [
      /^archive\/(?<to>\d+)\/(?<unique>[0-9a-f-]{36})\.wav$/,
      'archive/1002/0b9f8a52-7d8a-4b7e-8a3e-0d9c5f3f1e11.wav',
      { to: '1002', unique: '0b9f8a52-7d8a-4b7e-8a3e-0d9c5f3f1e11' },
    ],
    [
      /^(?<from>\+?\d+)-(?<to>\+?\d+)-(?<time>\d{8}-\d{6})\.wav$/g,
      '1001-+14155550100-20261122-063717.wav',
      { from: '1001', to: '+14155550100', startedAt: new Date(2026, 10, 22, 6, 37, 17).getTime() },
    ],
    [/\.wav$/, 'whatever.wav', {}],
    [/(?<consent>yes|no|maybe)?-x\.wav$/, 'yes-x.wav', { consent: true }],
    [/(?<consent>yes|no|maybe)?-x\.wav$/, 'no-x.wav', { consent: false }],
    [/(?<consent>yes|no|maybe)?-x\.wav$/, 'maybe-x.wav', { consent: false }],
    [/(?<consent>yes|no|maybe)?-x\.wav$/, '-x.wav', {}],
  ])('%s reads %s', (pattern, name, hints) => {
    expect(readFileName(pattern, name)).toEqual({ ...noHints, ...hints })
    expect(readFileName(pattern, name)).toEqual({ ...noHints, ...hints })
  })

  test('a name that does not match gives none', () => {
    expect(readFileName(asterisk, 'notes.txt')).toBeNull()
  })
})

test.each([
  ['1795329426', 1_795_329_426_000],
  ['1795329426.4', 1_795_329_426_400],
  ['1795329426123', 1_795_329_426_123],
  ['20261122-063717', new Date(2026, 10, 22, 6, 37, 17).getTime()],
  ['2026-11-22_06-37-17', new Date(2026, 10, 22, 6, 37, 17).getTime()],
  ['20261122063717', new Date(2026, 10, 22, 6, 37, 17).getTime()],
  ['2026-11-22T06:37:17Z', Date.UTC(2026, 10, 22, 6, 37, 17)],
  ['2026-11-22T06:37:17.250+01:00', Date.UTC(2026, 10, 22, 5, 37, 17, 250)],
  ['20261122T063717-0530', Date.UTC(2026, 10, 22, 12, 7, 17)],
  ['2026-11-22', new Date(2026, 10, 22).getTime()],
  ['20261322-063717', null],
  ['20261122-253717', null],
  ['1234', null],
  ['', null],
  ['tomorrow', null],
])('the time %s', (text, at) => {
  expect(readRecordedTime(text)).toBe(at)
})

test.each([
  ['1-3723@127.0.0.1', ['1-3723@127.0.0.1']],
  ['1-3723%40127.0.0.1', ['1-3723%40127.0.0.1', '1-3723@127.0.0.1']],
  ['a84b4c76e66710_pc33.example.com', ['a84b4c76e66710_pc33.example.com', 'a84b4c76e66710@pc33.example.com']],
  ['a_b_c', ['a_b_c']],
  ['bad%ff', ['bad%ff']],
  ['bad%00', ['bad%00']],
])('the Call-ID %s may be spelled %j', (written, spellings) => {
  expect(callIdSpellings(written)).toEqual(spellings)
})

test('any text gives hints, a time and spellings, or none', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      readFileName(asterisk, text)
      const at = readRecordedTime(text)
      if (at !== null) expect(Number.isInteger(at)).toBe(true)
      expect(callIdSpellings(text)[0]).toBe(text)
    }),
  )
})

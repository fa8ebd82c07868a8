import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fitsAtAll, inBytes, limitsFor, type Shortage, shortageOf } from '../../src/recordings/intake/space.ts'

const MB = 1_000_000
const limits = { minFreeBytes: 500 * MB, maxSpoolBytes: 1000 * MB }
const short = (wanted = 0): Shortage => ({ cause: 'disk', reason: '', wanted })

test.each([
  ['plenty', 900, 0, 0, null],
  ['just the floor', 500, 0, 0, null],
  ['less than the floor', 499, 0, 0, 'disk'],
  ['a file that goes below the floor', 520, 0, 21, 'disk'],
  ['a spool that is just full', 900, 1000, 0, null],
  ['a spool that is more than full', 900, 1001, 0, 'spool'],
  ['a file for which the spool has no room', 900, 990, 11, 'spool'],
])('%s', (_, freeMb, spoolMb, wantedMb, cause) => {
  const shortage = shortageOf({ freeBytes: freeMb * MB, spoolBytes: spoolMb * MB }, limits, wantedMb * MB, null)
  expect(shortage?.cause ?? null).toBe(cause)
})

test.each([
  ['the floor alone is not enough', 549, 0, 0, 'disk'],
  ['a tenth above the floor', 550, 0, 0, null],
  ['what was refused does not fit yet', 570, 0, 30, 'disk'],
  ['what was refused fits', 580, 0, 30, null],
  ['a spool that is hardly less than full', 900, 901, 0, 'spool'],
  ['a tenth less in the spool', 900, 900, 0, null],
  ['a file that needs nearly all of an empty spool', 1900, 0, 990, null],
])('once there was no room: %s', (_, freeMb, spoolMb, refusedMb, cause) => {
  const shortage = shortageOf({ freeBytes: freeMb * MB, spoolBytes: spoolMb * MB }, limits, 0, short(refusedMb * MB))
  expect(shortage?.cause ?? null).toBe(cause)
})

test('it says what is missing, and what to do', () => {
  expect(shortageOf({ freeBytes: 120 * MB, spoolBytes: 0 }, limits, 0, null)?.reason).toBe(
    '120 MB are free, and 500 MB are kept free (spool.min_free): make room for 380 MB on that disk',
  )
  expect(shortageOf({ freeBytes: 900 * MB, spoolBytes: 1_200 * MB }, limits, 0, null)?.reason).toBe(
    'the spool holds 1.2 GB of at most 1.0 GB (spool.max): it empties as audio is delivered; or raise spool.max',
  )
})

test('a shortage never ends where it would begin again at once, and what it lets in stays within the limits', () => {
  const bytes = fc.integer({ min: 0, max: 3000 * MB })
  fc.assert(
    fc.property(bytes, bytes, bytes, bytes, (freeBytes, spoolBytes, wanted, refused) => {
      const found = { freeBytes, spoolBytes }
      fc.pre(fitsAtAll(wanted, limits) && fitsAtAll(refused, limits))
      if (shortageOf(found, limits, wanted, short(refused)) !== null) return
      expect(shortageOf(found, limits, Math.max(wanted, refused), null)).toBeNull()
      expect(freeBytes - wanted).toBeGreaterThanOrEqual(limits.minFreeBytes)
      expect(spoolBytes + wanted).toBeLessThanOrEqual(limits.maxSpoolBytes)
    }),
  )
})

test('whenever uploads have room, encoding has: a spool full of uploads can still be emptied', () => {
  const bytes = fc.integer({ min: 0, max: 3000 * MB })
  fc.assert(
    fc.property(bytes, bytes, (freeBytes, spoolBytes) => {
      const found = { freeBytes, spoolBytes }
      if (shortageOf(found, limitsFor('uploads', limits), 0, null) !== null) return
      expect(shortageOf(found, limitsFor('encoding', limits), 100 * MB, null)).toBeNull()
    }),
  )
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1500, '1.5 kB'],
  [500 * MB, '500 MB'],
  [20_000 * MB, '20.0 GB'],
])('%d bytes are written as %s', (bytes, words) => {
  expect(inBytes(bytes)).toBe(words)
})

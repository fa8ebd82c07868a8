import { expect, test } from 'vitest'
import { accepted, complaints } from './loading.ts'

test('half a gigabyte stays free, and the spool may have the rest, unless said otherwise', async () => {
  expect((await accepted('')).spool).toEqual({ minFreeBytes: 500_000_000, maxBytes: null })
  expect((await accepted('spool: { min_free: 2GiB, max: 20GB }\n')).spool).toEqual({
    minFreeBytes: 2 * 1024 ** 3,
    maxBytes: 20_000_000_000,
  })
})

test('a size without a unit, or of nothing, is refused with what to write', async () => {
  expect(await complaints('spool: { min_free: 500 }\n')).toEqual([expect.stringContaining('spool.min_free')])
  expect(await complaints('spool: { max: 0B }\n')).toEqual([expect.stringMatching(/spool\.max: .*at least 1KiB/)])
})

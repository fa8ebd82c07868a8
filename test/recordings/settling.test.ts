import { expect, test } from 'vitest'
import { waitForFinish } from '../../src/recordings/folders/settling.ts'

const times = { settleMs: 10_000, unfinishedAfterMs: 300_000 }
const s = 1_000

test.each([
  ['a closed file waits for a second of quiet', 'finished', { since: 0, mtimeMs: 0 }, 0, 1 * s],
  ['a closed file is finished after it', 'finished', { since: 0, mtimeMs: 0 }, 1 * s, 0],
  ['a closed file of long ago is still looked at twice', 'finished', { since: 1000 * s, mtimeMs: 0 }, 1000 * s, 1 * s],
  ['a file that does not tell waits', 'settling', { since: 0, mtimeMs: 0 }, 4 * s, 6 * s],
  ['a file that does not tell is finished after settle', 'settling', { since: 0, mtimeMs: 0 }, 10 * s, 0],
  ['an open file waits longer', 'unfinished', { since: 0, mtimeMs: 0 }, 290 * s, 10 * s],
  ['an open file is finished after unfinished_after', 'unfinished', { since: 0, mtimeMs: 0 }, 300 * s, 0],
  ['an open file of yesterday is still watched for settle', 'unfinished', { since: 1000 * s, mtimeMs: 0 }, 1004 * s, 6 * s],
  ['an open file of yesterday is finished then', 'unfinished', { since: 1000 * s, mtimeMs: 0 }, 1010 * s, 0],
  ['a time in the future does not hold a file up', 'settling', { since: 0, mtimeMs: 9999 * s }, 10 * s, 0],
] as const)('%s', (_name, progress, seen, now, wait) => {
  expect(waitForFinish(progress, seen, now, times)).toBe(wait)
})

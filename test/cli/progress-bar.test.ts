import { expect, test } from 'vitest'
import { barText, ProgressBar } from '../../src/cli/progress-bar.ts'

test.each([
  [0, 1_000_000, 0, '[------------------------------]   0 %  0 of 1,000,000'],
  [270_000, 1_000_000, 10_000, '[########----------------------]  27 %  270,000 of 1,000,000, 27s left'],
  [999_999, 1_000_000, 60_000, '[##############################]  99 %  999,999 of 1,000,000, 0s left'],
  [3, 3, 100, '[##############################] 100 %  3 of 3'],
  [7, 3, 100, '[##############################] 100 %  3 of 3'],
  [0, 0, 0, '[##############################] 100 %  0 of 0'],
])('%i of %i after %i ms', (count, total, tookMs, text) => {
  expect(barText(count, total, tookMs)).toBe(text)
})

test('a pipe gets nothing, a terminal ten lines a second at most', () => {
  let now = 0
  const shown = (isTerminal: boolean): number => {
    const lines: string[] = []
    const bar = new ProgressBar({ stdout: { write: text => void lines.push(text), isTerminal }, total: 1_000, now: () => now })
    for (let count = 1; count <= 1_000; count++) {
      now++
      bar.show(count)
    }
    bar.end()
    return lines.length
  }
  expect(shown(false)).toBe(0)
  expect(shown(true)).toBe(11)
})

import { describe, expect, test } from 'vitest'
import { ladder, type Rung, since } from '../../../src/cli/trace/ladder.ts'

const rung = (from: string, to: string, more: Partial<Rung> = {}): Rung => ({
  at: 12,
  from,
  to,
  text: 'INVITE 1002',
  mark: 'a',
  repeats: 0,
  ...more,
})
const places = (...names: readonly string[]) => names.map(name => ({ name, role: '' }))

describe('the ladder', () => {
  test('crosses the columns between two ends, and points both ways', () => {
    expect(
      ladder([rung('A', 'C'), rung('C', 'A', { text: '200 OK', repeats: 1 })], places('A', 'B', 'C'), 0),
    ).toMatchInlineSnapshot(`
      [
        "              A                                 B                                 C",
        "    +0.012 a  │─────────────────────────── INVITE 1002 ──────────────────────────▶│",
        "    +0.012 a  │◀─────────────────────────── 200 OK ×2 ────────────────────────────│",
      ]
    `)
  })

  test('shows a message that a machine sends to itself', () => {
    expect(ladder([rung('A', 'A')], places('A', 'B'), 0).at(-1)).toMatch(/^ {4}\+0\.012 a {2}│ ↺ INVITE 1002 +│$/)
  })

  test.each([
    ['long words', [rung('A', 'B', { text: 'NOTIFY '.repeat(9) })], places('A', 'B', 'C', 'D')],
    ['a long word to itself in the last column', [rung('D', 'D', { text: 'x'.repeat(60) })], places('A', 'B', 'C', 'D')],
  ])('cuts %s to 100 columns', (_, rungs, ends) => {
    const lines = ladder(rungs, ends, 0)
    expect(lines.filter(line => line.length > 100)).toEqual([])
    expect(lines).toHaveLength(2)
  })

  test('becomes a list where there are too many addresses, or longer ones than fit', () => {
    const many = Array.from({ length: 9 }, (_, i) => `192.0.2.${i}:5060`)
    const long = ['[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1]:5060', '[2001:db8:aaaa:bbbb:cccc:dddd:eeee:2]:5060']
    for (const [first = '', second = '', ...others] of [many, long])
      expect(ladder([rung(first, second)], places(first, second, ...others), 0)).toEqual([
        `    +0.012 a ${first} → ${second}  INVITE 1002`,
      ])
  })
})

test.each([
  [0, '+0.000'],
  [59_999.6, '+1:00.000'],
  [61_002, '+1:01.002'],
  [3_723_004, '+1:02:03.004'],
  [-1.2, '-0.001'],
])('%d ms are written %s', (ms, text) => {
  expect(since(1_000_000, 1_000_000 + ms)).toBe(text)
})

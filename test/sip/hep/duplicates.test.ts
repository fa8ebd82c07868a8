import { expect, test } from 'vitest'
import { DuplicateWindow } from '../../../src/sip/hep/duplicates.ts'

const a = { address: '192.0.2.10', port: 5060 }
const b = { address: '192.0.2.20', port: 5060 }
const invite = Buffer.from('INVITE')

test('the same bytes between the same ends are a duplicate, and nothing else is', () => {
  const window = new DuplicateWindow()
  expect(window.repeats(a, b, invite, 0)).toBe(false)
  expect(window.repeats(a, b, Buffer.from('INVITE'), 1)).toBe(true)
  expect(window.repeats(a, b, Buffer.from('INVITe'), 2)).toBe(false)
  expect(window.repeats(b, a, invite, 3)).toBe(false)
  expect(window.repeats(a, { ...b, port: 5061 }, invite, 4)).toBe(false)
})

test('the window is counted from the first copy: repeating does not silence a sender for ever', () => {
  const window = new DuplicateWindow({ windowMs: 1000 })
  const repeats = [0, 400, 800, 999, 1000, 1400].map(now => window.repeats(a, b, invite, now))
  expect(repeats).toEqual([false, true, true, true, false, true])
})

test('a clock that was set back does not make the window longer', () => {
  const window = new DuplicateWindow({ windowMs: 1000 })
  window.repeats(a, b, invite, 3_600_000)
  expect(window.repeats(a, b, invite, 0)).toBe(false)
})

test('memory is bounded: beyond the limit the oldest is forgotten', () => {
  const window = new DuplicateWindow({ maxEntries: 3 })
  for (const text of ['1', '2', '3', '4', '5']) window.repeats(a, b, Buffer.from(text), 0)
  expect(window.size).toBe(3)
  expect(window.repeats(a, b, Buffer.from('5'), 0)).toBe(true)
  expect(window.repeats(a, b, Buffer.from('1'), 0)).toBe(false)
})

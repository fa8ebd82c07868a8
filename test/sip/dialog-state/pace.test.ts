import { expect, it, onTestFinished, vi } from 'vitest'
import { Pace } from '../../../src/sip/dialog-state/pace.ts'

function paced(slots: number, spacingMs: number) {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const pace = new Pace({ slots, spacingMs, now: () => performance.now() })
  const ran: number[] = []
  const leaves: (() => void)[] = []
  const enter = (n: number) =>
    pace.enter(leave => {
      ran.push(n)
      leaves.push(leave)
    })
  return { pace, ran, leaves, enter }
}

it('lets a few out at a time, first come first served', () => {
  const { ran, leaves, enter } = paced(2, 0)
  for (const n of [1, 2, 3, 4]) enter(n)
  expect(ran).toEqual([1, 2])
  leaves[1]?.()
  leaves[1]?.() // a place is given back once
  expect(ran).toEqual([1, 2, 3])
})

it('leaves a pause between two', () => {
  const { ran, enter } = paced(10, 20)
  for (const n of [1, 2, 3]) enter(n)
  expect(ran).toEqual([1])
  vi.advanceTimersByTime(20)
  expect(ran).toEqual([1, 2])
  vi.advanceTimersByTime(20)
  expect(ran).toEqual([1, 2, 3])
})

it('forgets who stepped back', () => {
  const { ran, leaves, enter, pace } = paced(1, 0)
  enter(1)
  const stepBack = enter(2)
  enter(3)
  stepBack()
  expect(pace.waiting).toBe(1)
  leaves[0]?.()
  expect(ran).toEqual([1, 3])
})

it('hurries at the end, and then is still', () => {
  const { ran, enter, pace } = paced(1, 1000)
  for (const n of [1, 2, 3, 4]) enter(n)
  pace.hurry(3)
  expect(ran).toEqual([1, 2, 3])
  pace.stop()
  expect(pace.waiting).toBe(0)
  expect(vi.getTimerCount()).toBe(0)
})

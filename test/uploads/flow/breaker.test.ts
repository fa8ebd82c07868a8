import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Breaker } from '../../../src/uploads/flow/breaker.ts'

const T0 = 1_000_000
const tripped = (random = 1): Breaker => {
  const breaker = new Breaker(() => random)
  for (let i = 0; i < 5; i++) breaker.failed('503', T0)
  return breaker
}

describe('a breaker', () => {
  test('lets everything through until five in a row have failed', () => {
    const breaker = new Breaker(() => 1)
    for (let i = 0; i < 4; i++) breaker.failed('503', T0)
    breaker.succeeded()
    for (let i = 0; i < 4; i++) breaker.failed('503', T0)
    expect(breaker.room(T0)).toBe(Number.POSITIVE_INFINITY)
    breaker.failed('503', T0)
    expect(breaker.room(T0)).toBe(0)
    expect(breaker.opensAt(T0)).toBe(T0 + 1_000)
  })

  test('lets one through when its time is over, and no second one beside it', () => {
    const breaker = tripped()
    expect(breaker.room(T0 + 1_000)).toBe(1)
    breaker.began(T0 + 1_000)
    expect(breaker.room(T0 + 1_000)).toBe(0)
  })

  test('closes when the probe succeeds, and waits longer each time it fails, but never more than half a minute', () => {
    const breaker = tripped()
    let now = T0
    const waits: number[] = []
    for (let i = 0; i < 10; i++) {
      const opensAt = breaker.opensAt(now) ?? 0
      waits.push(opensAt - now)
      now = opensAt
      breaker.began(now)
      breaker.failed('503', now)
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000])
    now = breaker.opensAt(now) ?? 0
    breaker.began(now)
    breaker.succeeded()
    expect(breaker.room(now)).toBe(Number.POSITIVE_INFINITY)
  })

  test('sends another probe when one was abandoned', () => {
    const breaker = tripped()
    breaker.began(T0 + 1_000)
    breaker.abandoned(T0 + 2_000)
    expect(breaker.room(T0 + 2_000)).toBe(1)
  })

  test('never stands still for ever, and never lets two probes out at once', () => {
    const step = fc.constantFrom('begin', 'fail', 'succeed', 'abandon', 'wait')
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const breaker = new Breaker(() => 0.5)
        let now = T0
        for (const each of steps) {
          if (each === 'wait') now += 700
          if (each === 'begin' && breaker.room(now) > 0) breaker.began(now)
          if (each === 'fail') breaker.failed('x', now)
          if (each === 'succeed') breaker.succeeded()
          if (each === 'abandon') breaker.abandoned(now)
          if (breaker.state.kind === 'probing') expect(breaker.room(now)).toBe(0)
          if (breaker.state.kind === 'open') expect(breaker.room(now + 30_001)).toBe(1)
        }
      }),
    )
  })
})

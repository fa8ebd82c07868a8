import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readRange } from '../../../src/zendesk/sandbox/range.ts'

describe('a Range', () => {
  it.each([
    [undefined, { kind: 'whole' }],
    ['', { kind: 'whole' }],
    ['bytes=0-0', { kind: 'part', first: 0, last: 0 }],
    ['bytes=10-19', { kind: 'part', first: 10, last: 19 }],
    ['bytes=90-', { kind: 'part', first: 90, last: 99 }],
    ['bytes=90-1000', { kind: 'part', first: 90, last: 99 }],
    ['bytes=-5', { kind: 'part', first: 95, last: 99 }],
    ['bytes=-500', { kind: 'part', first: 0, last: 99 }],
    ['bytes=-0', { kind: 'unsatisfiable' }],
    ['bytes=100-', { kind: 'unsatisfiable' }],
    ['bytes=100-200', { kind: 'unsatisfiable' }],
    ['bytes=20-10', { kind: 'whole' }],
    ['bytes=0-1,5-6', { kind: 'whole' }],
    ['bytes=-', { kind: 'whole' }],
    ['lines=1-2', { kind: 'whole' }],
  ])('%j of 100 bytes is %j', (header, answer) => {
    expect(readRange(header, 100)).toEqual(answer)
  })

  it('never leaves the file', () => {
    fc.assert(
      fc.property(fc.tuple(fc.option(fc.nat()), fc.option(fc.nat())), fc.nat(5000), ([from, to], size) => {
        const answer = readRange(`bytes=${from ?? ''}-${to ?? ''}`, size)
        if (answer.kind !== 'part') return
        expect(answer.first).toBeGreaterThanOrEqual(0)
        expect(answer.first).toBeLessThanOrEqual(answer.last)
        expect(answer.last).toBeLessThan(size)
      }),
    )
  })
})

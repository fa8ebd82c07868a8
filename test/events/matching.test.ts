import { describe, expect, test } from 'vitest'
import { matchRecording } from '../../src/events/matching.ts'
import { lastOf, office, play, script, wire } from './office.ts'

/** An answered call of 60 s that begins at `at`. */
function call(name: string, at: number, from: string, to: string, phone: string | null = null) {
  const leg = script(name)
  const party = phone === null ? null : wire(phone)
  return lastOf(play([leg.invited(at, from, to), leg.answered(at + 5000, 'phone', party), leg.hungup(at + 60_000)]).events)
}

const morning = call('morning', 1_000_000, '4155550100', '1001')
const noon = call('noon', 2_000_000, '4155550100', '1001')
const queue = call('queue', 3_000_000, '+442079460000', '1900', '1002')

function match(from: string | null, to: string | null, startedAt: number, durationMs = 50_000, calls = [morning, noon, queue]) {
  const found = matchRecording({ from, to }, startedAt, durationMs, calls, office.numbers)
  return found.kind === 'matched' ? found.callId : found.reason
}

describe('a recording is tied to the one call', () => {
  test.each([
    ['by both parties', '4155550100', '1001', 1_005_000, morning.id],
    ['written in another way', '+1 (415) 555-0100', '1001', 1_005_000, morning.id],
    ['in the other direction', '1001', '14155550100', 1_005_000, morning.id],
    ['at another time', '4155550100', '1001', 2_005_000, noon.id],
    ['by the caller alone', '4155550100', null, 2_005_000, noon.id],
    ['by the callee alone', null, '1001', 2_005_000, noon.id],
    ['by the phone that answered', '00442079460000', '1002', 3_005_000, queue.id],
    ['by the number that was dialled', '00442079460000', '1900', 3_005_000, queue.id],
    ['by a clock that is 5 s behind', '4155550100', '1001', 995_000, morning.id],
  ])('%s', (_, from, to, startedAt, expected) => {
    expect(match(from, to, startedAt)).toBe(expected)
  })

  test('a call that goes on fits a recording of any length', () => {
    const leg = script('open')
    const open = lastOf(play([leg.invited(1_000_000), leg.answered(1_005_000)]).events)
    expect(match('4155550100', '1001', 1_005_000, 10_000_000, [open])).toBe(open.id)
  })
})

describe('a recording is left untied, with the reason', () => {
  test.each([
    ['before the call', '4155550100', '1001', 994_999, 1000, 'no call is known for the time'],
    ['longer than the call', '4155550100', '1001', 1_005_000, 60_001, 'no call is known for the time'],
    ['of other parties', '4155550100', '1002', 1_005_000, 50_000, 'none of the 1 calls'],
    ['of one party named twice', '1001', '1001', 1_005_000, 50_000, 'none of the 1 calls'],
    ['of nobody', null, null, 1_005_000, 50_000, 'names no party'],
    ['of an anonymous caller', 'anonymous', null, 1_005_000, 50_000, 'names no party'],
  ])('%s', (_, from, to, startedAt, durationMs, reason) => {
    expect(match(from, to, startedAt, durationMs)).toContain(reason)
  })

  test('when two calls fit', () => {
    const twin = call('twin', 1_000_500, '4155550100', '1001')
    expect(match('4155550100', '1001', 1_005_000, 50_000, [morning, twin])).toBe('2 calls of that time have these parties')
  })
})

/** What is expected of calls, and how exactly. From the configuration. */
import type { Cdr } from '../events/cdr.ts'
import { talkMsOf } from '../events/cdr.ts'
import type { CallParty, CallSnapshot, Direction } from '../events/event.ts'

/** Which answered calls should have a recording. */
export interface Expectation {
  /** `named`: those whose CDR names one. */
  readonly expected: 'all' | 'named' | 'none'
  readonly directions: readonly Direction[]
  /** A party of the call (E.164, or the extension) matches one of these; empty: any call. */
  readonly numbers: readonly RegExp[]
  /** Shorter talks need none, ms. */
  readonly minTalkMs: number
}

export interface ReconciliationRules {
  /** Nothing younger is a finding, ms. */
  readonly graceMs: number
  /** The same for recordings, which may come later than their calls, ms. */
  readonly recordingGraceMs: number
  /** By how much lengths may differ, ms; a tenth of the length is allowed, too. */
  readonly toleranceMs: number
  readonly recordings: Expectation
}

/** Why a recording of this answered call is expected; `null` when none is. */
export function whyExpected(call: CallSnapshot, cdr: Cdr | null, { expected, ...rule }: Expectation): string | null {
  if (expected === 'none' || call.answeredAt === null) return null
  const [named] = cdr?.recordings ?? []
  if (named !== undefined) return `the PBX's record names ${named}`
  // Answered, but by a mailbox, a menu or a queue's music only.
  if (cdr !== null && talkMsOf(cdr) === null) return null
  if (expected === 'named' || !rule.directions.includes(call.direction)) return null
  if (talkOf(call, cdr) < rule.minTalkMs) return null
  if (rule.numbers.length > 0 && !partiesOf(call).some(({ value }) => rule.numbers.some(number => number.test(value))))
    return null
  return 'calls like this one are recorded (reconciliation.recordings)'
}

/** How long people talked as far as is known, ms. A call that the trunk takes for answered may first have been in a queue. */
export function talkOf(call: CallSnapshot, cdr: Cdr | null): number {
  const talkMs = cdr === null ? null : talkMsOf(cdr)
  return talkMs === null ? call.durationMs : Math.min(talkMs, call.durationMs)
}

function partiesOf(call: CallSnapshot): readonly CallParty[] {
  return [call.from, call.to, ...call.legs.map(leg => leg.to)]
}

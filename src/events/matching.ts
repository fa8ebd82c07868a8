/**
 * Which call a recording belongs to when its name does not say: by its parties and its time. It is a guess, and is marked as one
 * (recording.ts, `parties-and-time`); where two calls fit it is none.
 */
import type { CallId, CallParty, CallSnapshot } from './event.ts'
import type { NumberPlan } from './numbers.ts'
import type { RecordingHints } from './recording.ts'

export type Match =
  | { readonly kind: 'matched'; readonly callId: CallId }
  | { readonly kind: 'unmatched'; readonly reason: string }

/** Clocks differ a little, and recorders start late and stop late. */
const toleranceMs = 5000

/**
 * The one call among `candidates` whose parties are those of the hints, in either direction, and within whose time the recording
 * lies. `startedAt` is epoch ms. Hints that name only one party need that party to be in the call; hints that name none match
 * nothing.
 */
export function matchRecording(
  hints: Pick<RecordingHints, 'from' | 'to'>,
  startedAt: number,
  durationMs: number,
  candidates: readonly CallSnapshot[],
  numbers: NumberPlan,
): Match {
  const named = [hints.from, hints.to].flatMap(hint => {
    const party = hint === null ? null : numbers.normalise({ user: hint, display: null, anonymous: false })
    return party === null || party.kind === 'anonymous' ? [] : [party]
  })
  if (named.length === 0) return unmatched('the recording names no party')
  const inTime = candidates.filter(call => call.mergedInto === undefined && isWithin(call, startedAt, durationMs))
  if (inTime.length === 0) return unmatched('no call is known for the time of the recording')
  const [only, ...others] = inTime.filter(call => areParties(named, call))
  if (only === undefined) return unmatched(`none of the ${inTime.length} calls of that time has these parties`)
  if (others.length > 0) return unmatched(`${others.length + 1} calls of that time have these parties`)
  return { kind: 'matched', callId: only.id }
}

function unmatched(reason: string): Match {
  return { kind: 'unmatched', reason }
}

/** The recording begins and ends during the call, give or take the tolerance. */
function isWithin(call: CallSnapshot, startedAt: number, durationMs: number): boolean {
  const endedAt = call.endedAt ?? Number.POSITIVE_INFINITY
  return startedAt >= call.startedAt - toleranceMs && startedAt + Math.max(0, durationMs) <= endedAt + toleranceMs
}

/** Each named party is another one of the call's; the callee goes by the dialled number and by that of each phone, the caller by what each leg shows. */
function areParties(named: readonly CallParty[], call: CallSnapshot): boolean {
  const isCaller = (party: CallParty) => isSame(party, call.from) || call.legs.some(leg => isSame(party, leg.from))
  const isCallee = (party: CallParty) => isSame(party, call.to) || call.legs.some(leg => isSame(party, leg.to))
  const [one, other] = named
  if (one === undefined) return false
  if (other === undefined) return isCaller(one) || isCallee(one)
  return (isCaller(one) && isCallee(other)) || (isCallee(one) && isCaller(other))
}

function isSame(a: CallParty, b: CallParty): boolean {
  return a.kind === b.kind && a.value === b.value
}

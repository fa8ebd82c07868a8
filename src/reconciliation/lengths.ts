/** Whether a recording is as long as its call, and a call as long as the PBX says. Pure; lengths in ms. */
import { type Cdr, talkMsOf } from '../events/cdr.ts'
import type { CallSnapshot } from '../events/event.ts'
import type { RecordingItem } from '../events/recording.ts'
import { talkOf } from './rules.ts'

/** What is wrong with the recordings' length; `null` when nothing is, or when it cannot be told. */
export function recordingMismatch(
  call: CallSnapshot,
  recordings: readonly RecordingItem[],
  cdr: Cdr | null,
  toleranceMs: number,
): string | null {
  const spans = recordings.flatMap(({ source, startedAt }) =>
    source === null ? [] : [{ from: startedAt, to: startedAt + source.durationMs }],
  )
  if (call.endedAt === null || spans.length === 0 || spans.length < recordings.length) return null
  const talkMs = talkOf(call, cdr)
  // A recorder may stop while the call is held, and may begin with the ringing.
  const least = talkMs - call.holdMs
  const most = Math.max(call.endedAt - call.startedAt, cdr === null ? 0 : cdr.endedAt - cdr.startedAt)
  const together = coveredMs(spans)
  const longest = Math.max(...spans.map(({ from, to }) => to - from))
  const what = spans.length === 1 ? 'the recording has' : `its ${spans.length} recordings have`
  if (together < least - allowance(least, toleranceMs)) {
    return `${what} ${seconds(together)} of ${seconds(talkMs)} of talk${call.holdMs > 0 ? ` (${seconds(call.holdMs)} on hold)` : ''}`
  }
  if (longest > most + allowance(most, toleranceMs)) return `${what} ${seconds(longest)}, the whole call took ${seconds(most)}`
  return null
}

/** What the PBX says otherwise of the call's length; `null` when it agrees, or when one of the two has no answer. */
export function cdrMismatch(call: CallSnapshot, cdr: Cdr, toleranceMs: number): string | null {
  const talkMs = talkMsOf(cdr)
  if (talkMs === null || call.answeredAt === null) return null
  if (call.durationMs < talkMs - allowance(talkMs, toleranceMs))
    return `the PBX's record has ${seconds(talkMs)} of talk, the bridge saw ${seconds(call.durationMs)}`
  const wholeMs = cdr.endedAt - cdr.startedAt
  if (call.durationMs > wholeMs + allowance(wholeMs, toleranceMs))
    return `the whole call took ${seconds(wholeMs)} in the PBX's record, the bridge saw ${seconds(call.durationMs)} of talk`
  return null
}

function allowance(lengthMs: number, toleranceMs: number): number {
  return Math.max(toleranceMs, lengthMs / 10)
}

/** How much time spans cover together; what two of them cover counts once. */
export function coveredMs(spans: readonly { readonly from: number; readonly to: number }[]): number {
  let covered = 0
  let reached = Number.NEGATIVE_INFINITY
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    covered += Math.max(0, to - Math.max(from, reached))
    reached = Math.max(reached, to)
  }
  return covered
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}

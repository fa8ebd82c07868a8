/** What is wrong with one call that is over: its recording, its length, its CDR. Pure. */
import type { CallSnapshot } from '../events/event.ts'
import type { RecordingItem } from '../events/recording.ts'
import type { Period } from './facts.ts'
import { type Finding, finding } from './finding.ts'
import { cdrMismatch, recordingMismatch } from './lengths.ts'
import type { Paired } from './pairing.ts'
import { type ReconciliationRules, whyExpected } from './rules.ts'

export interface JudgedCall {
  readonly call: CallSnapshot
  /** Tied to it, in whatever state. */
  readonly recordings: readonly RecordingItem[]
  readonly paired: Paired | null
  /** A mailbox took the call. */
  readonly leftVoicemail: boolean
}

/** What is known beyond the call. */
export interface Surroundings {
  readonly rules: ReconciliationRules
  readonly now: number
  /** The time of which the PBX's records are there; `null` when there are none. */
  readonly covered: Period | null
  /** What is the matter with the sources of recordings, for people. */
  readonly troubles: readonly string[]
  /** Recordings that wait or are held back because no call is known for them. */
  readonly looseRecordings: number
}

/** Nothing of a call that goes on, if only as part of another, or ended less than the grace ago. */
export function callFindings(judged: JudgedCall, around: Surroundings): readonly Finding[] {
  const { call, paired } = judged
  const { rules, now } = around
  if (call.endedAt === null || call.mergedInto !== undefined || call.endedAt > now - rules.graceMs) return []
  const recordingIsDue = call.endedAt <= now - rules.recordingGraceMs
  return [
    recordingIsDue ? recordingFinding(judged, call.endedAt, around) : null,
    paired === null ? cdrMissing(call, call.endedAt, around.covered) : cdrLength(call, call.endedAt, paired, rules.toleranceMs),
  ].filter(each => each !== null)
}

function recordingFinding({ call, recordings, paired, leftVoicemail }: JudgedCall, endedAt: number, around: Surroundings) {
  const cdr = paired?.cdr ?? null
  // An operator decided about what was dropped; what is held back is no recording yet.
  const whole = recordings.filter(({ state }) => state !== 'quarantined')
  if (whole.length > 0) {
    const mismatch = whole.every(({ state }) => state === 'dropped')
      ? null
      : recordingMismatch(call, whole, cdr, around.rules.toleranceMs)
    if (mismatch === null) return null
    const fix =
      'listen to it; does the PBX begin to record with the answer, and stop with the hangup? A queue or menu that is not recorded is known from CDRs'
    const uploadId = whole[0]?.id ?? null
    return finding(
      'duration-mismatch',
      endedAt,
      { subject: describeCall(call), cause: mismatch, fix },
      { callId: call.id, uploadId },
    )
  }
  const why = leftVoicemail ? null : whyExpected(call, cdr, around.rules.recordings)
  if (why === null) return null
  const [held] = recordings
  const said = { subject: describeCall(call), ...missingBecause(held ?? null, why, around) }
  return finding('recording-missing', endedAt, said, { callId: call.id, uploadId: held?.id ?? null })
}

function missingBecause(held: RecordingItem | null, why: string, { troubles, looseRecordings }: Surroundings) {
  if (held !== null) {
    const cause = `its recording is held back: ${held.reason ?? 'no reason was stored'}`
    return { cause, fix: 'mend the file and redrive it with `tpe-bridge uploads redrive`, or drop it with a reason' }
  }
  const [trouble] = troubles
  if (trouble !== undefined)
    return { cause: `none came, and ${trouble}`, fix: 'mend that; files that are still there are taken then' }
  if (looseRecordings > 0) {
    const cause = `none is tied to it (${why}); ${looseRecordings} recordings have no call`
    return { cause, fix: 'see the findings call-missing: is one of them of this call? Then `match` does not read its name' }
  }
  const fix = 'is the call recorded in the PBX, and is its file in a folder of recordings.folders with a name that `match` reads?'
  return { cause: `no file of it came: ${why}`, fix }
}

function cdrLength(call: CallSnapshot, endedAt: number, { cdr, guessed }: Paired, toleranceMs: number): Finding | null {
  const mismatch = cdrMismatch(call, cdr, toleranceMs)
  if (mismatch === null) return null
  const lost = call.outcome?.reason === 'lost-signalling' ? '; the bridge ended it because it fell silent' : ''
  const cause = `${mismatch}${lost}${guessed ? ' (matched by parties and time)' : ''}`
  const fix = guessed
    ? 'send the PBX’s call id to the bridge (sip.unique_headers), so that records are matched by it'
    : 'was signalling lost, or does part of the call go round the bridge?'
  return finding('duration-mismatch', endedAt, { subject: describeCall(call), cause, fix }, { callId: call.id, cdrId: cdr.id })
}

/** What a PBX refused before any phone rang need not be in its records. */
const refusals: ReadonlySet<string> = new Set(['rejected', 'redirected', 'not-found', 'unavailable', 'failed'])

/** Only of calls whose whole time is covered: a PBX writes its record when the call is over. */
function cdrMissing(call: CallSnapshot, endedAt: number, covered: Period | null): Finding | null {
  if (call.answeredAt === null && refusals.has(call.outcome?.reason ?? '')) return null
  if (covered === null || call.startedAt < covered.since || endedAt > covered.until) return null
  const cause = 'the PBX’s records of that time do not have this call'
  const fix = 'are the records whole: every file of the time, every leg that comes in?'
  return finding('cdr-missing', endedAt, { subject: describeCall(call), cause, fix }, { callId: call.id })
}

/** `inbound +14155550100 → 1001, 42 s`. */
export function describeCall({ direction, from, to, durationMs }: CallSnapshot): string {
  return `${direction} ${from.value} → ${to.value}, ${Math.round(durationMs / 1000)} s`
}

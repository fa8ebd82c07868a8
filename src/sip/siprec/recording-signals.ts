/**
 * What a recording session tells of its calls, as signals of the call model. Pure.
 *
 * A client begins to record when a call is answered, as a rule; one that names a single participant is early, and the call counts as
 * answered when the second one is there. Streams that pause say nothing about a hold: an agent may have paused the recording alone.
 */
import type { CallSignal, WireParty } from '../../events/signal.ts'
import type { RecordedParticipant } from './participants.ts'
import { isSameParty } from './party.ts'
import type { RecordingEvent } from './recording-event.ts'
import type { RecordedCall } from './recording-session.ts'

const nobody: WireParty = { user: '', display: null, anonymous: false }

/** The signals of an event, in their order; none for a change that concerns the audio alone. */
export function signalsOf(event: RecordingEvent): CallSignal[] {
  const { session } = event
  switch (event.kind) {
    case 'started':
      return session.calls.flatMap(call => (call.isOver ? [] : begun(event, call)))
    case 'changed': {
      const { before } = event
      const ended = before.calls.filter(
        call => !call.isOver && !session.calls.some(({ legId, isOver }) => legId === call.legId && !isOver),
      )
      return [
        ...session.calls.flatMap(call => {
          const earlier = before.calls.find(({ legId }) => legId === call.legId)
          if (call.isOver) return []
          return earlier === undefined || earlier.isOver ? begun(event, call) : developed(event, earlier, call)
        }),
        ...ended.flatMap(call => over(event, call)),
      ]
    }
    case 'ended':
      return session.calls.flatMap(call => (call.isOver ? [] : over(event, call)))
  }
}

function begun(event: RecordingEvent, call: RecordedCall): CallSignal[] {
  const invited: CallSignal = {
    ...baseOf(event, call),
    kind: 'invited',
    from: call.caller ?? nobody,
    to: call.callee ?? nobody,
    side: null,
    isFromPbx: false,
    ties: call.ties,
  }
  return isAnswered(call) ? [invited, answered(event, call)] : [invited]
}

function developed(event: RecordingEvent, before: RecordedCall, after: RecordedCall): CallSignal[] {
  const signals: CallSignal[] = []
  const ties = after.ties.filter(({ key }) => !before.ties.some(tie => tie.key === key))
  if (ties.length > 0) signals.push({ ...baseOf(event, after), kind: 'tied', ties })
  if (!isAnswered(before) && isAnswered(after)) signals.push(answered(event, after))
  if (isAnswered(before)) signals.push(...transferred(event, before, after))
  return signals
}

/** One left and another took its place: whoever left has passed the other side on. */
function transferred(event: RecordingEvent, before: RecordedCall, after: RecordedCall): CallSignal[] {
  const were = presentParties(before.participants)
  const are = presentParties(after.participants)
  const [left] = were.filter(party => !are.some(other => isSameParty(party, other)))
  const [joined] = are.filter(party => !were.some(other => isSameParty(party, other)))
  if (left === undefined || joined === undefined) return []
  const { fromTag, toTag } = event.dialog
  const byCaller = before.caller !== null && isSameParty(left, before.caller)
  const base = { ...baseOf(event, after), fromTag: byCaller ? fromTag : toTag, toTag: byCaller ? toTag : fromTag }
  return [
    { ...base, kind: 'referred', target: joined, replaces: null },
    { ...base, kind: 'refer-ended', sipCode: 200 },
  ]
}

function over(event: RecordingEvent, call: RecordedCall): CallSignal[] {
  const base = baseOf(event, call)
  if (isAnswered(call)) return [{ ...base, kind: 'hungup', toTag: event.dialog.toTag, sipCode: null, q850: null }]
  return [{ ...base, kind: 'cancelled', q850: null, elsewhere: false }]
}

function answered(event: RecordingEvent, call: RecordedCall): CallSignal {
  return { ...baseOf(event, call), kind: 'answered', toTag: event.dialog.toTag, party: call.callee }
}

function baseOf({ at, dialog }: RecordingEvent, { legId }: RecordedCall) {
  return { at, source: 'siprec' as const, sipCallId: legId, fromTag: dialog.fromTag }
}

function isAnswered({ participants }: RecordedCall): boolean {
  return participants.filter(({ isPresent }) => isPresent).length !== 1
}

function presentParties(participants: readonly RecordedParticipant[]): WireParty[] {
  return participants.flatMap(({ party, isPresent }) => (isPresent && party !== null ? [party] : []))
}

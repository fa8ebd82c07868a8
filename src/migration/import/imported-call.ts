/**
 * A call of the past in the model's shape: one that has ended, and its one event. Its ids are derived from what the records call it,
 * or from its SIP Call-ID where they tell, which gives the ids that a bridge which saw the call gave it. So whatever is imported
 * twice, or was reported live, is the same event again.
 */
import type { AgentDirectory } from '../../events/agents.ts'
import type { Call } from '../../events/call.ts'
import type { CallEvent, CallParty, CallSnapshot, Direction } from '../../events/event.ts'
import { callIdOf, eventIdOf } from '../../events/ids.ts'
import type { CallChange } from '../../events/journal.ts'
import type { Legs } from '../../events/legs.ts'
import { direction, type NumberPlan } from '../../events/numbers.ts'
import type { SipCall } from '../../events/sip-call.ts'
import { snapshotOf } from '../../events/snapshot.ts'
import type { Fault, HistoricCall } from '../historic-call.ts'

export interface Site {
  readonly name: string
  readonly numbers: NumberPlan
  readonly agents: AgentDirectory
}

export interface ImportedCall {
  readonly change: CallChange
  readonly snapshot: CallSnapshot
  /** The keys under which a bridge that saw the call, or an earlier import, knows it. */
  readonly keys: readonly string[]
}

/** No call lasts longer; a channel that hung for months is no call. */
const longestCallMs = 7 * 86_400_000
/** Clocks may be a little ahead. */
const aheadMs = 86_400_000

/** The call as it is imported, or why it is not. `now` is epoch ms. */
export function importedCall(call: HistoricCall, site: Site, now: number): ImportedCall | Fault {
  const fault = faultIn(call, now)
  if (fault !== null) return fault
  const from = site.numbers.normalise(call.from)
  const to = site.numbers.normalise(call.to)
  const way = call.direction ?? direction(from, to, null)
  const sipCallId = ownSipCallId(call, way)
  const id = callIdOf(sipCallId ?? `${call.system}:${site.name}:${call.id}`)
  const keys = [...call.sipCallIds.map(each => `sip:${each}`), ...call.names.map(each => `unique:${each}`)]
  const { startedAt, answeredAt, endedAt, outcome } = call
  const sip: SipCall = {
    sipCallId: sipCallId ?? call.id,
    callerTag: '',
    from,
    to,
    side: way === 'outbound' ? 'pbx' : way === 'inbound' ? 'carrier' : null,
    isFromPbx: false,
    startedAt,
    invitedAt: startedAt,
    hasRung: false,
    phase: { kind: 'ended', answeredAt, endedAt, outcome },
    legs: legsOf(call, to, site.numbers),
  }
  const state: Call = {
    version: 2,
    id,
    sipCalls: [sip],
    unions: [],
    keys,
    lastSignalAt: call.endedAt,
    lastEventAt: call.endedAt,
    phase: { kind: 'ended', answeredAt: call.answeredAt, endedAt: call.endedAt, holdMs: 0, outcome: call.outcome },
    sequence: 1,
    counts: { 'call.ended': 1 },
  }
  const whole = { ...snapshotOf(state, call.endedAt, site.agents), direction: way }
  // A leg is a SIP dialog, named by its Call-ID: where that is unknown there is none to report.
  const snapshot = { ...whole, tags: call.tags, legs: sipCallId === null ? [] : whole.legs }
  const event: CallEvent = {
    id: eventIdOf(id, 'call.ended', 1),
    callId: id,
    type: 'call.ended',
    sequence: 1,
    occurredAt: call.endedAt,
    site: site.name,
    call: snapshot,
  }
  const files = call.recordings.map(recordingKey)
  return { change: { call: state, events: [event], keys: [...keys, ...files], ended: true }, snapshot, keys }
}

/** The key under which a call knows a recording that its record names. */
export function recordingKey(fileName: string): string {
  return `unique:${recordingName(fileName)}`
}

/** What a recording's hints call such a call; no PBX's own id has a colon there. */
export function recordingName(fileName: string): string {
  return `file:${fileName}`
}

/** A bridge in the trunk sees the caller's leg of a call that comes in, and the last one that was tried of one that goes out. */
function ownSipCallId({ sipCallIds }: HistoricCall, way: Direction): string | null {
  return (way === 'inbound' ? sipCallIds[0] : way === 'outbound' ? sipCallIds.at(-1) : undefined) ?? null
}

function legsOf(call: HistoricCall, to: CallParty, numbers: NumberPlan): Legs {
  const phone = call.answeredBy === null ? null : numbers.normalise({ user: call.answeredBy, display: null, anonymous: false })
  const { q850, sipCode } = call.outcome
  const { startedAt, answeredAt, endedAt } = call
  // The name of a trunk, which a channel may bear, is nobody's number.
  const reached = phone?.kind === 'extension' ? phone : to
  return [{ calleeTag: '', to: reached, startedAt, state: { kind: 'ended', answeredAt, endedAt, sipCode, q850 } }]
}

function faultIn({ startedAt, answeredAt, endedAt, from, to }: HistoricCall, now: number): Fault | null {
  if (endedAt < startedAt) {
    return {
      reason: 'the call ends before it begins',
      detail: `by ${Math.round((startedAt - endedAt) / 1000)} s`,
      fix: 'the PBX’s clock was set back during the call, or the times are of two zones: correct the row',
    }
  }
  if (answeredAt !== null && (answeredAt < startedAt || answeredAt > endedAt)) {
    return {
      reason: 'the call is answered outside of its own time',
      detail: `it begins at ${iso(startedAt)}, is answered at ${iso(answeredAt)} and ends at ${iso(endedAt)}`,
      fix: 'the times are of two zones, or columns were mixed up: correct the row or the mapping',
    }
  }
  if (endedAt - startedAt > longestCallMs) {
    const detail = `${Math.round((endedAt - startedAt) / 3_600_000)} hours`
    return { reason: 'the call is longer than a week', detail, fix: 'a channel that hung; correct its end, or leave it out' }
  }
  if (startedAt > now + aheadMs) {
    return {
      reason: 'the call is in the future',
      detail: iso(startedAt),
      fix: 'check --timezone, and the order of day and month',
    }
  }
  if (from.anonymous && to.user.trim() === '') {
    return { reason: 'the record names no party', detail: 'both numbers are empty', fix: 'nothing can be told of such a call' }
  }
  return null
}

function iso(at: number): string {
  return new Date(at).toISOString()
}

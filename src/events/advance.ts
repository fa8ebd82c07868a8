/**
 * THE CALL MODEL: how each signal changes a call. The states, their diagram and the invariants are in call.ts.
 *
 * Every pair of state and signal has a rule here: it changes the call, or it is ignored for a named reason. Signals may come
 * late, twice, out of order or not at all.
 */
import type { Call, Phase } from './call.ts'
import { laterChoice } from './choice.ts'
import { type Directives, joinDirectives } from './directives.ts'
import type { CallParty } from './event.ts'
import { changeHold, noHolds, type Party } from './holds.ts'
import { callIdOf } from './ids.ts'
import { answerLeg, carryingLeg, endLeg, endPendingLegs, findLeg, firstLeg, isPending, ringLeg } from './legs.ts'
import { direction } from './numbers.ts'
import { isChallenge, outcomeOfCancel, outcomeOfFailure } from './outcome.ts'
import type {
  Answered,
  CallSignal,
  Cancelled,
  Chosen,
  Failed,
  Held,
  HungUp,
  Invited,
  Resumed,
  Ringing,
  WireParty,
} from './signal.ts'
import { type CallContext, emit, end, heard, ignore, notBefore, quietly, repeated, type Step } from './step.ts'

const maxKeys = 16

/** Applies one signal. `call` is `null` when no call with the signal's Call-ID is known; only an INVITE makes one. */
export function advance(call: Call, signal: CallSignal, context: CallContext): Step
export function advance(call: Call | null, signal: CallSignal, context: CallContext): Step<Call | null>
export function advance(call: Call | null, signal: CallSignal, context: CallContext): Step<Call | null> {
  if (call === null) {
    return signal.kind === 'invited' ? start(signal, context) : { call: null, events: [], ignored: 'unknown-call' }
  }
  if (call.phase.kind === 'ended' && signal.kind !== 'chosen') return ignore(call, 'already-ended')
  switch (signal.kind) {
    case 'invited':
      return invitedAgain(call, signal)
    case 'ringing':
      return ringing(call, signal, context)
    case 'answered':
      return answered(call, signal, context)
    case 'held':
    case 'resumed':
      return holdChanged(call, signal, context)
    case 'cancelled':
      return cancelled(call, signal)
    case 'failed':
      return failed(call, signal, context)
    case 'hungup':
      return hungUp(call, signal, context)
    case 'chosen':
      return chosen(call, signal)
    default:
      return unreachable(signal)
  }
}

/** Ends a call of which nothing was heard for too long, at `at` (epoch ms). What was known until then decides how. */
export function expire(call: Call, at: number, context: CallContext): Step {
  const { phase } = call
  switch (phase.kind) {
    case 'ended':
      return ignore(call, 'already-ended')
    case 'challenged':
      return end(call, at, { status: 'missed', reason: 'failed', sipCode: phase.sipCode, q850: phase.q850 }, context)
    case 'cancelling':
      return end(call, phase.at, outcomeOfCancel(phase, null), context)
    case 'inviting':
    case 'ringing':
      return end(call, at, { status: 'missed', reason: 'lost-signalling', sipCode: null, q850: null }, context)
    case 'talking':
      return end(call, at, { status: 'connected', reason: 'lost-signalling', sipCode: 200, q850: null }, context)
    default:
      return unreachable(phase)
  }
}

function start(signal: Invited, context: CallContext): Step {
  const from = context.numbers.normalise(signal.from)
  const to = context.numbers.normalise(signal.to)
  const call: Call = {
    version: 1,
    id: callIdOf(signal.sipCallId),
    sipCallId: signal.sipCallId,
    callerTag: signal.fromTag,
    from,
    to,
    direction: direction(from, to, signal.side),
    keys: joinKeys([`sip:${signal.sipCallId}`], signal.keys),
    ...(signal.directives === undefined ? {} : { directives: signal.directives }),
    startedAt: signal.at,
    invitedAt: signal.at,
    lastSignalAt: signal.at,
    lastEventAt: signal.at,
    phase: { kind: 'inviting' },
    legs: firstLeg(to, signal.at),
    sequence: 0,
    counts: {},
  }
  return emit(call, 'call.started', signal.at, context)
}

/** A second INVITE: an answer to a challenge, or the first one seen again (elsewhere, perhaps with more keys). */
function invitedAgain(call: Call, signal: Invited): Step {
  const keys = joinKeys(call.keys, signal.keys)
  const known = asked(keys.length === call.keys.length ? call : { ...call, keys }, signal.directives)
  const { phase } = call
  if (phase.kind !== 'challenged') {
    return signal.fromTag === call.callerTag ? repeated(known, signal.at) : ignore(call, 'unknown-dialog')
  }
  // A mirror may cut received packets to whole milliseconds and not sent ones, so that an INVITE looks older than the 401 it answers.
  if (Math.floor(signal.at) < Math.floor(phase.at) || signal.at === call.invitedAt)
    return { call: known, events: [], ignored: 'stale' }
  const retried: Call = { ...known, callerTag: signal.fromTag, invitedAt: signal.at, phase: { kind: 'inviting' } }
  return quietly(retried, signal.at)
}

function ringing(call: Call, signal: Ringing, context: CallContext): Step {
  if (signal.fromTag !== call.callerTag) return ignore(call, 'unknown-dialog')
  if (call.phase.kind === 'talking') return ignore(call, 'already-answered')
  if (call.phase.kind === 'cancelling') return ignore(call, 'already-cancelled')
  if (call.phase.kind === 'challenged' && Math.floor(signal.at) < Math.floor(call.phase.at)) return ignore(call, 'stale')
  const at = notBefore(call, signal.at)
  const phone = { calleeTag: signal.toTag, party: partyOf(signal.party, context), called: call.to }
  const legs = ringLeg(call.legs, phone, at)
  const told = asked(call, signal.directives)
  if (legs === call.legs && call.phase.kind === 'ringing') return repeated(told, signal.at)
  const rung: Call = heard({ ...told, legs, phase: { kind: 'ringing' } }, signal.at)
  return hasRung(call) ? quietly(rung, signal.at) : emit(rung, 'call.ringing', at, context)
}

function answered(call: Call, signal: Answered, context: CallContext): Step {
  if (signal.fromTag !== call.callerTag) return ignore(call, 'unknown-dialog')
  const at = notBefore(call, signal.at)
  const phone = { calleeTag: signal.toTag, party: partyOf(signal.party, context), called: call.to }
  const legs = answerLeg(call.legs, phone, at)
  const told = asked(call, signal.directives)
  if (legs === call.legs) return repeated(told, signal.at)
  if (call.phase.kind === 'talking') return quietly({ ...told, legs }, signal.at) // a second fork
  const phase: Phase = { kind: 'talking', answeredAt: at, holds: noHolds }
  const talking: Call = { ...told, phase, legs: endPendingLegs(legs, { at, sipCode: null, q850: null }) }
  return emit(heard(talking, signal.at), 'call.answered', at, context)
}

function holdChanged(call: Call, signal: Held | Resumed, context: CallContext): Step {
  const dialog = dialogOf(call, signal.fromTag, signal.toTag)
  if (dialog === null) return ignore(call, 'unknown-dialog')
  const { phase } = call
  if (phase.kind !== 'talking') return ignore(call, 'not-answered')
  if (carryingLeg(call.legs)?.calleeTag !== dialog.calleeTag) return ignore(call, 'unknown-dialog')
  const at = notBefore(call, signal.at)
  const change = changeHold(phase.holds, dialog.sender, signal.kind === 'held', signal.at, at)
  if (change === 'repeated') return repeated(call, signal.at)
  if (change === 'stale') return ignore(call, 'stale')
  const changed = heard({ ...call, phase: { ...phase, holds: change.holds } }, signal.at)
  if (change.edge === null) return quietly(changed, signal.at)
  return emit(changed, change.edge === 'held' ? 'call.held' : 'call.resumed', at, context)
}

/** A CANCEL ends nothing yet: a 2xx may be on its way and then wins (RFC 3261 section 9.1). The final response decides. */
function cancelled(call: Call, signal: Cancelled): Step {
  if (signal.fromTag !== call.callerTag) return ignore(call, 'unknown-dialog')
  if (call.phase.kind === 'talking') return ignore(call, 'already-answered')
  if (call.phase.kind === 'cancelling') return repeated(call, signal.at)
  const phase: Phase = { kind: 'cancelling', q850: signal.q850, elsewhere: signal.elsewhere, at: signal.at }
  return quietly({ ...call, phase }, signal.at)
}

function failed(call: Call, signal: Failed, context: CallContext): Step {
  const { sipCode, q850, elsewhere } = signal
  const { phase } = call
  if (signal.fromTag !== call.callerTag) return ignore(call, 'unknown-dialog')
  if (phase.kind === 'talking') return ignore(call, 'already-answered')
  if (isChallenge(sipCode) && Math.floor(signal.at) < Math.floor(call.invitedAt)) return ignore(call, 'stale') // of an earlier try
  if (phase.kind === 'cancelling') {
    // Whatever the phone says to it, the caller had given up.
    return end(call, signal.at, outcomeOfCancel(phase, { sipCode, q850, elsewhere }), context)
  }
  if (isChallenge(sipCode)) {
    if (phase.kind === 'challenged') return repeated(call, signal.at)
    return quietly({ ...call, phase: { kind: 'challenged', sipCode, q850, at: signal.at } }, signal.at)
  }
  return end(call, signal.at, outcomeOfFailure({ sipCode, q850, elsewhere, rang: hasRung(call) }), context)
}

function hungUp(call: Call, signal: HungUp, context: CallContext): Step {
  const dialog = dialogOf(call, signal.fromTag, signal.toTag)
  if (dialog === null) return ignore(call, 'unknown-dialog')
  const { q850 } = signal
  const at = notBefore(call, signal.at)
  const leg = findLeg(call.legs, dialog.calleeTag)
  if (call.phase.kind === 'talking') {
    if (leg === undefined) return ignore(call, 'unknown-dialog')
    if (leg.state.kind !== 'answered') return repeated(call, signal.at)
    const legs = endLeg(call.legs, leg, { at, sipCode: signal.sipCode, q850 })
    const left = heard({ ...call, legs }, signal.at)
    if (legs.some(each => each.state.kind === 'answered')) return quietly(left, signal.at) // another fork talks on
    return end(left, signal.at, { status: 'connected', reason: 'completed', sipCode: signal.sipCode ?? 200, q850 }, context)
  }
  if (dialog.sender === 'callee') {
    // Only an answered phone may send BYE (RFC 3261 section 15), so the call was connected; its answer was lost on the way to us.
    return end(call, signal.at, { status: 'connected', reason: 'lost-signalling', sipCode: signal.sipCode, q850 }, context)
  }
  if (leg !== undefined && call.legs.some(each => each !== leg && isPending(each))) {
    const legs = endLeg(call.legs, leg, { at, sipCode: signal.sipCode, q850 })
    if (legs === call.legs) return repeated(call, signal.at)
    return quietly({ ...call, legs }, signal.at) // the other phones ring on
  }
  return end(call, signal.at, { status: 'abandoned', reason: 'caller-hung-up', sipCode: signal.sipCode, q850 }, context)
}

/**
 * The caller may choose at any time, and think better of it: the next event tells what holds by then. Where the far side hangs up, the
 * PBX's last word is its response to the BYE, after the end.
 */
function chosen(call: Call, { at, fromTag, toTag, said }: Chosen): Step {
  if (fromTag !== call.callerTag && toTag !== call.callerTag) return ignore(call, 'unknown-dialog')
  // A clock that was set back makes nobody's change of mind an old one.
  const consent = laterChoice(call.consent, { said, at: Math.max(at, call.consent?.at ?? at) })
  return consent === call.consent ? repeated(call, at) : quietly({ ...call, consent }, at)
}

function hasRung(call: Call): boolean {
  return (call.counts['call.ringing'] ?? 0) > 0
}

/** Which dialog a request within the call belongs to and which party sent it: the sender's tag stands first. */
function dialogOf(call: Call, fromTag: string, toTag: string): { readonly sender: Party; readonly calleeTag: string } | null {
  if (fromTag === call.callerTag) return { sender: 'caller', calleeTag: toTag }
  return toTag === call.callerTag ? { sender: 'callee', calleeTag: fromTag } : null
}

function partyOf(party: WireParty | null, context: CallContext): CallParty | null {
  return party === null ? null : context.numbers.normalise(party)
}

/** The call with what the PBX asks for it; the same one when that is nothing new. */
function asked(call: Call, found: Directives | undefined): Call {
  const directives = joinDirectives(call.directives, found)
  return directives === undefined || directives === call.directives ? call : { ...call, directives }
}

function joinKeys(known: readonly string[], found: readonly string[]): readonly string[] {
  return [...new Set([...known, ...found])].slice(0, maxKeys)
}

function unreachable(value: never): never {
  throw new Error(`the call model has no rule for ${JSON.stringify(value)}`)
}

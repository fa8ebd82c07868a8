/**
 * How each signal changes a SIP call. The states, their diagram and the invariant are in sip-call.ts.
 *
 * Every pair of state and signal has a rule here: it changes the SIP call, or it is ignored for a named reason. Signals may come
 * late, twice, out of order or not at all.
 */
import type { CallParty } from './event.ts'
import { changeHold, noHolds, type Party } from './holds.ts'
import {
  answerLeg,
  carryingLeg,
  endAllLegs,
  endLeg,
  endPendingLegs,
  findLeg,
  firstLeg,
  isPending,
  type Phone,
  ringLeg,
} from './legs.ts'
import type { NumberPlan } from './numbers.ts'
import { isChallenge, type Outcome, outcomeOfCancel, outcomeOfFailure } from './outcome.ts'
import type {
  Answered,
  CallSignal,
  Cancelled,
  Failed,
  Held,
  HungUp,
  Invited,
  Overheard,
  Resumed,
  Ringing,
  WireParty,
} from './signal.ts'
import { isLive, type SipCall, type SipPhase } from './sip-call.ts'

/** Why a signal changed nothing that anyone could learn of. */
export type Ignored =
  /** No INVITE of this Call-ID was seen: the call began before the bridge did, or its INVITE was lost. */
  | 'unknown-call'
  /** The tags belong to no dialog of this call. */
  | 'unknown-dialog'
  | 'repeated'
  /** A newer fact has overtaken it. */
  | 'stale'
  | 'not-answered'
  | 'already-answered'
  | 'already-cancelled'
  | 'already-ended'

/** What changed, or why nothing did. `repeated` is a sign of life; the others are none. */
export type SipStep = SipCall | Ignored

/** The signals that a SIP call knows; what the others tell is the call's. */
export type SipSignal = Exclude<CallSignal, { readonly kind: 'overheard' | 'tied' | 'referred' | 'refer-ended' | 'chosen' }>

export interface SipContext {
  readonly numbers: NumberPlan
  /** A fact cannot precede what was told of its call already; packets may come late, and clocks differ by a little. Epoch ms. */
  readonly notBefore: number
}

/** A SIP call begins: with its INVITE, or with whatever was heard first of one that goes on. */
export function beginSip(signal: Invited | Overheard, numbers: NumberPlan): SipCall {
  const { at, sipCallId, fromTag, side } = signal
  const to = numbers.normalise(signal.to)
  const begun: SipCall = {
    sipCallId,
    callerTag: fromTag,
    from: numbers.normalise(signal.from),
    to,
    side,
    isFromPbx: signal.kind === 'invited' && signal.isFromPbx,
    startedAt: at,
    invitedAt: at,
    hasRung: false,
    phase: { kind: 'inviting' },
    legs: firstLeg(to, at),
  }
  if (signal.kind === 'invited') return begun
  const legs = answerLeg(begun.legs, { calleeTag: signal.toTag, party: null, called: to }, at)
  return { ...begun, legs, phase: { kind: 'talking', answeredAt: at, holds: noHolds } }
}

/** Applies one signal of this SIP call. */
export function advanceSip(sip: SipCall, signal: SipSignal, context: SipContext): SipStep {
  if (!isLive(sip)) return 'already-ended'
  switch (signal.kind) {
    case 'invited':
      return invitedAgain(sip, signal)
    case 'ringing':
      return ringing(sip, signal, context)
    case 'answered':
      return answered(sip, signal, context)
    case 'held':
    case 'resumed':
      return holdChanged(sip, signal)
    case 'cancelled':
      return cancelled(sip, signal)
    case 'failed':
      return failed(sip, signal, context)
    case 'hungup':
      return hungUp(sip, signal, context)
    default:
      return unreachable(signal)
  }
}

/** Ends a SIP call of which nothing was heard for too long, at `at` (epoch ms). What was known until then decides how. */
export function expireSip(sip: SipCall, at: number, notBefore: number): SipCall {
  const { phase } = sip
  const floor = (moment: number) => Math.max(moment, notBefore)
  switch (phase.kind) {
    case 'ended':
      return sip
    case 'challenged':
      return end(sip, floor(at), { status: 'missed', reason: 'failed', sipCode: phase.sipCode, q850: phase.q850 })
    case 'cancelling':
      return end(sip, floor(phase.at), outcomeOfCancel(phase, null))
    case 'inviting':
    case 'ringing':
      return end(sip, floor(at), { status: 'missed', reason: 'lost-signalling', sipCode: null, q850: null })
    case 'talking':
      return end(sip, floor(at), { status: 'connected', reason: 'lost-signalling', sipCode: 200, q850: null })
    default:
      return unreachable(phase)
  }
}

/** A second INVITE: an answer to a challenge, or the first one seen again elsewhere. */
function invitedAgain(sip: SipCall, signal: Invited): SipStep {
  const { phase } = sip
  if (phase.kind !== 'challenged') return signal.fromTag === sip.callerTag ? 'repeated' : 'unknown-dialog'
  // A mirror may cut received packets to whole milliseconds and not sent ones, so that an INVITE looks older than the 401 it answers.
  if (Math.floor(signal.at) < Math.floor(phase.at) || signal.at === sip.invitedAt) return 'stale'
  return { ...sip, callerTag: signal.fromTag, invitedAt: signal.at, phase: { kind: 'inviting' } }
}

function ringing(sip: SipCall, signal: Ringing, context: SipContext): SipStep {
  if (signal.fromTag !== sip.callerTag) return 'unknown-dialog'
  if (sip.phase.kind === 'talking') return 'already-answered'
  if (sip.phase.kind === 'cancelling') return 'already-cancelled'
  if (sip.phase.kind === 'challenged' && Math.floor(signal.at) < Math.floor(sip.phase.at)) return 'stale'
  const legs = ringLeg(sip.legs, phoneOf(sip, signal, context), Math.max(signal.at, context.notBefore))
  if (legs === sip.legs && sip.phase.kind === 'ringing') return 'repeated'
  return { ...sip, legs, hasRung: true, phase: { kind: 'ringing' } }
}

function answered(sip: SipCall, signal: Answered, context: SipContext): SipStep {
  if (signal.fromTag !== sip.callerTag) return 'unknown-dialog'
  const at = Math.max(signal.at, context.notBefore)
  const legs = answerLeg(sip.legs, phoneOf(sip, signal, context), at)
  if (legs === sip.legs) return 'repeated'
  if (sip.phase.kind === 'talking') return { ...sip, legs } // a second fork
  const phase: SipPhase = { kind: 'talking', answeredAt: at, holds: noHolds }
  return { ...sip, phase, legs: endPendingLegs(legs, { at, sipCode: null, q850: null }) }
}

function holdChanged(sip: SipCall, signal: Held | Resumed): SipStep {
  const dialog = dialogOf(sip, signal.fromTag, signal.toTag)
  if (dialog === null) return 'unknown-dialog'
  const { phase } = sip
  if (phase.kind !== 'talking') return 'not-answered'
  if (carryingLeg(sip.legs)?.calleeTag !== dialog.calleeTag) return 'unknown-dialog'
  const holds = changeHold(phase.holds, dialog.sender, signal.kind === 'held', signal.at)
  return typeof holds === 'string' ? holds : { ...sip, phase: { ...phase, holds } }
}

/** A CANCEL ends nothing yet: a 2xx may be on its way and then wins (RFC 3261 section 9.1). The final response decides. */
function cancelled(sip: SipCall, signal: Cancelled): SipStep {
  if (signal.fromTag !== sip.callerTag) return 'unknown-dialog'
  if (sip.phase.kind === 'talking') return 'already-answered'
  if (sip.phase.kind === 'cancelling') return 'repeated'
  return { ...sip, phase: { kind: 'cancelling', q850: signal.q850, elsewhere: signal.elsewhere, at: signal.at } }
}

function failed(sip: SipCall, signal: Failed, { notBefore }: SipContext): SipStep {
  const { sipCode, q850, elsewhere } = signal
  const { phase } = sip
  if (signal.fromTag !== sip.callerTag) return 'unknown-dialog'
  if (phase.kind === 'talking') return 'already-answered'
  if (isChallenge(sipCode) && Math.floor(signal.at) < Math.floor(sip.invitedAt)) return 'stale' // of an earlier try
  const at = Math.max(signal.at, notBefore)
  // Whatever the phone says to a CANCEL, the caller had given up.
  if (phase.kind === 'cancelling') return end(sip, at, outcomeOfCancel(phase, { sipCode, q850, elsewhere }))
  if (isChallenge(sipCode)) {
    return phase.kind === 'challenged' ? 'repeated' : { ...sip, phase: { kind: 'challenged', sipCode, q850, at: signal.at } }
  }
  return end(sip, at, outcomeOfFailure({ sipCode, q850, elsewhere, rang: sip.hasRung }))
}

function hungUp(sip: SipCall, signal: HungUp, { notBefore }: SipContext): SipStep {
  const dialog = dialogOf(sip, signal.fromTag, signal.toTag)
  if (dialog === null) return 'unknown-dialog'
  const { sipCode, q850 } = signal
  const at = Math.max(signal.at, notBefore)
  const leg = findLeg(sip.legs, dialog.calleeTag)
  if (sip.phase.kind === 'talking') {
    if (leg === undefined) return 'unknown-dialog'
    if (leg.state.kind !== 'answered') return 'repeated'
    const legs = endLeg(sip.legs, leg, { at, sipCode, q850 })
    const left = { ...sip, legs }
    if (legs.some(each => each.state.kind === 'answered')) return left // another fork talks on
    return end(left, at, { status: 'connected', reason: 'completed', sipCode: sipCode ?? 200, q850 })
  }
  // Only an answered phone may send BYE (RFC 3261 section 15), so the call was connected; its answer was lost on the way to us.
  if (dialog.sender === 'callee') return end(sip, at, { status: 'connected', reason: 'lost-signalling', sipCode, q850 })
  if (leg !== undefined && sip.legs.some(each => each !== leg && isPending(each))) {
    const legs = endLeg(sip.legs, leg, { at, sipCode, q850 })
    return legs === sip.legs ? 'repeated' : { ...sip, legs } // the other phones ring on
  }
  return end(sip, at, { status: 'abandoned', reason: 'caller-hung-up', sipCode, q850 })
}

/** It ends, and every leg with it; not before it was answered, whatever the packets' clocks say. */
function end(sip: SipCall, at: number, outcome: Outcome): SipCall {
  const answeredAt = sip.phase.kind === 'talking' ? sip.phase.answeredAt : null
  const endedAt = Math.max(at, answeredAt ?? at)
  const legs = endAllLegs(sip.legs, { at: endedAt, sipCode: outcome.sipCode, q850: outcome.q850 })
  return { ...sip, legs, phase: { kind: 'ended', answeredAt, endedAt, outcome } }
}

/** Which dialog a request within the call belongs to and which party sent it: the sender's tag stands first. */
function dialogOf(sip: SipCall, fromTag: string, toTag: string): { readonly sender: Party; readonly calleeTag: string } | null {
  if (fromTag === sip.callerTag) return { sender: 'caller', calleeTag: toTag }
  return toTag === sip.callerTag ? { sender: 'callee', calleeTag: fromTag } : null
}

function phoneOf(sip: SipCall, { toTag, party }: Ringing | Answered, { numbers }: SipContext): Phone {
  return { calleeTag: toTag, party: partyOf(party, numbers), called: sip.to }
}

function partyOf(party: WireParty | null, numbers: NumberPlan): CallParty | null {
  return party === null ? null : numbers.normalise(party)
}

function unreachable(value: never): never {
  throw new Error(`the call model has no rule for ${JSON.stringify(value)}`)
}

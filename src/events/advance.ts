/**
 * THE CALL MODEL: how a call changes, and what is told of it. The states, their diagram and the invariants are in call.ts.
 *
 *   signal ──▶ the SIP call it belongs to (advance-sip.ts) ──▶ the story of all (story.ts) ──▶ what is new in it makes events
 */
import { advanceSip, beginSip, expireSip, type SipSignal } from './advance-sip.ts'
import { fitting, namesWith, newestUnions } from './bounds.ts'
import { type Call, isOver, type Union } from './call.ts'
import { laterChoice } from './choice.ts'
import { type Directives, joinDirectives } from './directives.ts'
import { callIdOf } from './ids.ts'
import type { CallSignal, Chosen, Invited, Overheard, Tied } from './signal.ts'
import type { SipCall } from './sip-call.ts'
import { type CallContext, emit, heard, ignore, notBefore, quietly, repeated, type Step } from './step.ts'
import { type Story, storyOf } from './story.ts'
import { isLeft, referEnded, referred, transferred, transfersOfBoth } from './transfers.ts'

/** Applies one signal. `call` is `null` when no call with the signal's Call-ID is known; only an INVITE, or what is overheard, makes one. */
export function advance(call: Call, signal: CallSignal, context: CallContext): Step
export function advance(call: Call | null, signal: CallSignal, context: CallContext): Step<Call | null>
export function advance(call: Call | null, signal: CallSignal, context: CallContext): Step<Call | null> {
  if (call === null) {
    return signal.kind === 'invited' || signal.kind === 'overheard'
      ? start(signal, context)
      : { call: null, events: [], ignored: 'unknown-call' }
  }
  if (isOver(call) && signal.kind !== 'chosen') return ignore(call, 'already-ended')
  const sip = call.sipCalls.find(({ sipCallId }) => sipCallId === signal.sipCallId)
  if (sip === undefined) return ignore(call, 'unknown-dialog')
  switch (signal.kind) {
    case 'overheard':
      return repeated(call, signal.at)
    case 'tied':
      return tied(call, signal)
    case 'referred':
      return referred(call, sip, signal, context)
    case 'refer-ended':
      return referEnded(call, signal, context)
    case 'chosen':
      return chosen(call, sip, signal)
    default:
      return advanceOne(call, sip, signal, context)
  }
}

/** Ends a call of which nothing was heard for too long, at `at` (epoch ms). What was known until then decides how. */
export function expire(call: Call, at: number, context: CallContext): Step {
  if (isOver(call)) return ignore(call, 'already-ended')
  const sipCalls = call.sipCalls.map(sip => expireSip(sip, at, call.lastEventAt))
  return tell({ ...call, sipCalls }, at, context)
}

/** Takes one more SIP call into a call, for the reason that `union` tells. Where there is no room, its name is known all the same. */
export function join(call: Call, invited: Invited, union: Union, context: CallContext): Step {
  if (isOver(call)) return ignore(call, 'already-ended')
  const begun = beginSip(invited, context.numbers)
  // It goes on with the call, whatever the clock of who mirrored it says.
  const startedAt = Math.max(begun.startedAt, call.sipCalls[0]?.startedAt ?? begun.startedAt)
  const sipCalls = fitting([...call.sipCalls, { ...begun, startedAt }])
  const hasRoom = sipCalls.some(({ sipCallId }) => sipCallId === invited.sipCallId)
  if (!hasRoom) return ignore(withKeys(call, keysOf(invited)), 'too-many-legs')
  const joined = withKeys({ ...call, sipCalls, unions: newestUnions([...call.unions, union]) }, keysOf(invited))
  return tell(heard(asked(joined, invited.directives), invited.at), invited.at, context)
}

/**
 * Two calls turn out to be one: `call`, the older, goes on with all of `other`, whose last event says so. Neither may be over.
 */
export function merge(
  call: Call,
  other: Call,
  union: Union,
  context: CallContext,
): { readonly kept: Step; readonly absorbed: Step } {
  const at = Math.max(union.at, call.lastEventAt, other.lastEventAt)
  const consent = other.consent === undefined ? call.consent : laterChoice(call.consent, other.consent)
  const whole: Call = {
    ...call,
    sipCalls: fitting([...call.sipCalls, ...other.sipCalls]),
    unions: newestUnions([...call.unions, ...other.unions, union]),
    ...transfersOfBoth(call, other),
    ...(consent === undefined ? {} : { consent }),
    lastSignalAt: Math.max(call.lastSignalAt, other.lastSignalAt),
  }
  const merged = emit(asked(withKeys(whole, other.keys), other.directives), 'call.merged', at, context)
  const { transferring: _, ...rest } = other
  const gone: Call = { ...rest, phase: { kind: 'merged', into: call.id, at, ...talkOf(other, at) } }
  return { kept: follow(merged, tell(merged.call, at, context)), absorbed: emit(gone, 'call.merged', at, context) }
}

function start(signal: Invited | Overheard, context: CallContext): Step {
  const call: Call = {
    version: 2,
    id: callIdOf(signal.sipCallId),
    sipCalls: [beginSip(signal, context.numbers)],
    unions: [],
    keys: keysOf(signal),
    ...(signal.kind === 'overheard' || signal.directives === undefined ? {} : { directives: signal.directives }),
    lastSignalAt: signal.at,
    lastEventAt: signal.at,
    phase: { kind: 'inviting' },
    sequence: 0,
    counts: {},
  }
  const started = emit(call, 'call.started', signal.at, context)
  return follow(started, tell(started.call, signal.at, context))
}

function advanceOne(call: Call, sip: SipCall, signal: SipSignal, context: CallContext): Step {
  const step = advanceSip(sip, signal, { numbers: context.numbers, notBefore: call.lastEventAt })
  if (typeof step === 'string' && step !== 'repeated' && step !== 'stale') return ignore(call, step)
  const named = signal.kind === 'invited' ? withKeys(call, keysOf(signal)) : call
  const known = 'directives' in signal ? asked(named, signal.directives) : named
  if (step === 'stale') return ignore(signal.kind === 'invited' ? known : call, 'stale')
  if (step === 'repeated') return repeated(known, signal.at)
  return tell(heard(withSip(known, sip, step), signal.at), signal.at, context)
}

function tied(call: Call, signal: Tied): Step {
  const known = withKeys(call, keysOf(signal))
  return known === call ? repeated(call, signal.at) : quietly(known, signal.at)
}

/**
 * The caller may choose at any time, and think better of it: the next event tells what holds by then. Where the far side hangs up, the
 * PBX's last word is its response to the BYE, after the end.
 */
function chosen(call: Call, sip: SipCall, { at, fromTag, toTag, said }: Chosen): Step {
  if (fromTag !== sip.callerTag && toTag !== sip.callerTag) return ignore(call, 'unknown-dialog')
  // A clock that was set back makes nobody's change of mind an old one.
  const consent = laterChoice(call.consent, { said, at: Math.max(at, call.consent?.at ?? at) })
  return consent === call.consent ? repeated(call, at) : quietly({ ...call, consent }, at)
}

/** Tells what is new in the call's story, as of `wireAt` (epoch ms). */
function tell(call: Call, wireAt: number, context: CallContext): Step {
  const { phase } = call
  const story = storyOf(call.sipCalls, phase.kind === 'talking' ? phase.answeredAt : null)
  if (story.kind === 'ended') return end(call, story, context)
  const at = notBefore(call, wireAt)
  const isTold = phase.kind === 'talking' && story.kind === 'talking' && story.answeredAt === phase.answeredAt
  if (phase.kind === 'talking' && phase.heldSince !== null && !(isTold && story.isHeld)) {
    const heldMs = phase.heldMs + (at - phase.heldSince)
    const resumed = emit({ ...call, phase: { ...phase, heldSince: null, heldMs } }, 'call.resumed', at, context)
    return follow(resumed, tell(resumed.call, wireAt, context))
  }
  if (story.kind !== 'talking') {
    const next = phase.kind === story.kind ? call : { ...call, phase: { kind: story.kind } }
    const isNew = story.kind === 'ringing' && (call.counts['call.ringing'] ?? 0) === 0
    return isNew && next.sipCalls.some(({ hasRung }) => hasRung)
      ? emit(next, 'call.ringing', at, context)
      : { call: next, events: [], ignored: null }
  }
  if (phase.kind !== 'talking' || !isTold) {
    const { answeredAt } = story
    const talking: Call = { ...call, phase: { kind: 'talking', answeredAt, heldSince: null, heldMs: 0 } }
    const answered = emit(talking, 'call.answered', Math.max(at, answeredAt), context)
    return follow(answered, tell(answered.call, wireAt, context))
  }
  if (story.isHeld && phase.heldSince === null) {
    const held = emit({ ...call, phase: { ...phase, heldSince: at } }, 'call.held', at, context)
    return follow(held, tell(held.call, wireAt, context))
  }
  return isLeft(call) ? transferred(call, wireAt, context) : { call, events: [], ignored: null }
}

function end(call: Call, story: Extract<Story, { readonly kind: 'ended' }>, context: CallContext): Step {
  const { answeredAt, outcome } = story
  const endedAt = Math.max(notBefore(call, story.endedAt), answeredAt ?? 0)
  const { holdMs } = talkOf(call, endedAt)
  const { transferring: _, ...rest } = call
  return emit({ ...rest, phase: { kind: 'ended', answeredAt, endedAt, holdMs, outcome } }, 'call.ended', endedAt, context)
}

/** What was told of the talk until `at` (epoch ms). */
function talkOf({ phase }: Call, at: number): { readonly answeredAt: number | null; readonly holdMs: number } {
  if (phase.kind !== 'talking') return { answeredAt: null, holdMs: 0 }
  const openMs = phase.heldSince === null ? 0 : at - phase.heldSince
  return { answeredAt: phase.answeredAt, holdMs: phase.heldMs + openMs }
}

/** One step after another. */
function follow(first: Step, second: Step): Step {
  return { call: second.call, events: [...first.events, ...second.events], ignored: first.ignored }
}

function withSip(call: Call, old: SipCall, sip: SipCall): Call {
  return { ...call, sipCalls: call.sipCalls.map(each => (each === old ? sip : each)) }
}

/** The call with what the PBX asks for it; the same one when that is nothing new. */
function asked(call: Call, found: Directives | undefined): Call {
  const directives = joinDirectives(call.directives, found)
  return directives === undefined || directives === call.directives ? call : { ...call, directives }
}

function withKeys(call: Call, found: readonly string[]): Call {
  const keys = namesWith(call, found)
  return keys === call.keys ? call : { ...call, keys }
}

function keysOf(signal: Invited | Overheard | Tied): readonly string[] {
  const ties = signal.kind === 'overheard' ? [] : signal.ties.map(({ key }) => key)
  return [...new Set([`sip:${signal.sipCallId}`, ...ties])]
}

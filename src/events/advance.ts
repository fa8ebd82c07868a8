/**
 * THE CALL MODEL: how a call changes, and what is told of it. The states, their diagram and the invariants are in call.ts.
 *
 *   signal ──▶ the SIP call it belongs to (advance-sip.ts) ──▶ the story of all (story.ts) ──▶ what is new in it makes events
 */
import { advanceSip, beginSip, expireSip, type SipSignal } from './advance-sip.ts'
import { type Call, isOver, type Union } from './call.ts'
import { laterChoice } from './choice.ts'
import { type Directives, joinDirectives } from './directives.ts'
import type { TransferSnapshot } from './event.ts'
import { callIdOf } from './ids.ts'
import { carryingLeg } from './legs.ts'
import type { CallSignal, Chosen, Invited, Overheard, ReferEnded, Referred, Tied } from './signal.ts'
import { isLive, type SipCall } from './sip-call.ts'
import { type CallContext, emit, heard, ignore, notBefore, quietly, repeated, type Step } from './step.ts'
import { type Story, storyOf } from './story.ts'

/** A hostile or broken peer could tell new names, transfer or be joined for ever. */
const maxKeys = 64
const maxTransfers = 16
export const maxSipCalls = 32

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

/** Takes one more SIP call into a call, for the reason that `union` tells. */
export function join(call: Call, invited: Invited, union: Union, context: CallContext): Step {
  if (isOver(call)) return ignore(call, 'already-ended')
  if (call.sipCalls.length >= maxSipCalls) return ignore(call, 'too-many-legs')
  const sipCalls = inOrder([...call.sipCalls, beginSip(invited, context.numbers)])
  const joined = { ...call, sipCalls, unions: [...call.unions, union], keys: joinKeys(call.keys, keysOf(invited)) }
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
  const sipCalls = inOrder([...call.sipCalls, ...other.sipCalls]).slice(0, maxSipCalls)
  const consent = other.consent === undefined ? call.consent : laterChoice(call.consent, other.consent)
  const whole: Call = {
    ...call,
    sipCalls,
    unions: [...call.unions, ...other.unions, union],
    keys: joinKeys(call.keys, other.keys),
    ...transfersOf([...(call.transfers ?? []), ...(other.transfers ?? [])]),
    ...(consent === undefined ? {} : { consent }),
  }
  const merged = emit(asked(whole, other.directives), 'call.merged', at, context)
  const gone = emit({ ...other, phase: { kind: 'merged', into: call.id, at } }, 'call.merged', at, context)
  return { kept: follow(merged, tell(merged.call, at, context)), absorbed: gone }
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

/** Somebody asked to pass the other party on; whether that came about, a NOTIFY tells, or the one who asked hangs up. */
function referred(call: Call, sip: SipCall, signal: Referred, context: CallContext): Step {
  const by = partyWith(sip, signal.fromTag)
  if (by === null) return ignore(call, 'unknown-dialog')
  const to = context.numbers.normalise(signal.target)
  const { transferring } = call
  if (transferring?.sipCallId === sip.sipCallId && transferring.to.value === to.value) return repeated(call, signal.at)
  const kind = signal.replaces === null ? 'blind' : 'attended'
  return quietly({ ...call, transferring: { kind, by, to, at: signal.at, sipCallId: sip.sipCallId } }, signal.at)
}

function referEnded(call: Call, { at, sipCode, sipCallId }: ReferEnded, context: CallContext): Step {
  const { transferring, ...rest } = call
  if (transferring?.sipCallId !== sipCallId) return repeated(call, at)
  if (sipCode < 200) return repeated(call, at)
  return sipCode < 300 ? transferred(call, at, context) : quietly(rest, at)
}

function transferred(call: Call, at: number, context: CallContext): Step {
  const { transferring, ...rest } = call
  if (transferring === undefined) return quietly(call, at)
  const { sipCallId: _, ...asked } = transferring
  const transfer: TransferSnapshot = { ...asked, at: notBefore(call, at) }
  return emit(
    { ...heard(rest, at), ...transfersOf([...(call.transfers ?? []), transfer]) },
    'call.transferred',
    transfer.at,
    context,
  )
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
  const at = notBefore(call, wireAt)
  if (story.kind === 'ended') return end(call, story, context)
  if (story.kind !== 'talking') {
    const next = phase.kind === story.kind ? call : { ...call, phase: { kind: story.kind } }
    const isNew = story.kind === 'ringing' && (call.counts['call.ringing'] ?? 0) === 0
    return isNew && next.sipCalls.some(({ hasRung }) => hasRung)
      ? emit(next, 'call.ringing', at, context)
      : { call: next, events: [], ignored: null }
  }
  const { answeredAt, isHeld } = story
  if (phase.kind !== 'talking') {
    const talking: Call = { ...call, phase: { kind: 'talking', answeredAt, heldSince: null, heldMs: 0 } }
    const told = emit(talking, 'call.answered', at, context)
    return isHeld ? follow(told, tell(told.call, at, context)) : told
  }
  if (isHeld && phase.heldSince === null) return emit({ ...call, phase: { ...phase, heldSince: at } }, 'call.held', at, context)
  if (!isHeld && phase.heldSince !== null) {
    const heldMs = phase.heldMs + (at - phase.heldSince)
    return emit({ ...call, phase: { ...phase, heldSince: null, heldMs } }, 'call.resumed', at, context)
  }
  // Who asked to pass the call on has left it to the others.
  const { transferring } = call
  const left = transferring === undefined ? undefined : call.sipCalls.find(sip => sip.sipCallId === transferring.sipCallId)
  if (left !== undefined && !isLive(left)) return transferred(call, wireAt, context)
  return { call, events: [], ignored: null }
}

function end(call: Call, story: Extract<Story, { readonly kind: 'ended' }>, context: CallContext): Step {
  const endedAt = notBefore(call, story.endedAt)
  const { phase } = call
  const told = phase.kind === 'talking' ? phase : null
  const openHoldMs = told === null || told.heldSince === null ? 0 : endedAt - told.heldSince
  const { transferring: _, ...rest } = call
  const ended: Call = {
    ...rest,
    phase: {
      kind: 'ended',
      answeredAt: told?.answeredAt ?? story.answeredAt,
      endedAt,
      holdMs: (told?.heldMs ?? 0) + openHoldMs,
      outcome: story.outcome,
    },
  }
  return emit(ended, 'call.ended', endedAt, context)
}

/** One step after another. */
function follow(first: Step, second: Step): Step {
  return { call: second.call, events: [...first.events, ...second.events], ignored: first.ignored }
}

function withSip(call: Call, old: SipCall, sip: SipCall): Call {
  return { ...call, sipCalls: call.sipCalls.map(each => (each === old ? sip : each)) }
}

function inOrder(sipCalls: readonly SipCall[]): readonly SipCall[] {
  return sipCalls.toSorted((a, b) => a.startedAt - b.startedAt)
}

/** The party of a dialog that has this tag. */
function partyWith(sip: SipCall, tag: string) {
  if (tag === sip.callerTag) return sip.from
  return sip.legs.find(leg => leg.calleeTag === tag)?.to ?? carryingLeg(sip.legs)?.to ?? null
}

function transfersOf(transfers: readonly TransferSnapshot[]): Pick<Call, 'transfers'> {
  return transfers.length === 0 ? {} : { transfers: transfers.slice(-maxTransfers) }
}

/** The call with what the PBX asks for it; the same one when that is nothing new. */
function asked(call: Call, found: Directives | undefined): Call {
  const directives = joinDirectives(call.directives, found)
  return directives === undefined || directives === call.directives ? call : { ...call, directives }
}

function withKeys(call: Call, found: readonly string[]): Call {
  const keys = joinKeys(call.keys, found)
  return keys.length === call.keys.length ? call : { ...call, keys }
}

function keysOf(signal: Invited | Overheard | Tied): readonly string[] {
  const ties = signal.kind === 'overheard' ? [] : signal.ties.map(({ key }) => key)
  return joinKeys([`sip:${signal.sipCallId}`], ties)
}

function joinKeys(known: readonly string[], found: readonly string[]): readonly string[] {
  return [...new Set([...known, ...found])].slice(0, maxKeys)
}

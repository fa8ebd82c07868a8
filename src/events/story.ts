/**
 * What a person would say of a call's SIP calls together: who talks to whom, since when, and how it ended. Pure.
 *
 * A PBX makes two SIP calls of one call: the caller's, which it answers itself, and one to each phone that it tries. The caller's alone is a
 * call, too: then whoever answers it is who was called. With others beside it the PBX answers for them, as soon as it likes: with a greeting,
 * a queue's music or a mailbox. Nobody is reached before one of the others answers. Where phones are not seen at all (a trunk, an SBC), the
 * PBX's answer is all there is, and stands.
 */
import type { CallParty, Direction } from './event.ts'
import { isOnHold } from './holds.ts'
import { carryingLeg } from './legs.ts'
import { direction } from './numbers.ts'
import type { Outcome } from './outcome.ts'
import { isLive, type SipCall, talkedSince } from './sip-call.ts'

export type Story =
  | { readonly kind: 'inviting' | 'challenged' | 'ringing' | 'cancelling' }
  | { readonly kind: 'talking'; readonly answeredAt: number; readonly isHeld: boolean }
  | { readonly kind: 'ended'; readonly answeredAt: number | null; readonly endedAt: number; readonly outcome: Outcome }

/** `told`: since when the call was said to be answered (epoch ms); `null` while it was not. */
export function storyOf(sipCalls: readonly SipCall[], told: number | null): Story {
  const since = answeredSince(sipCalls, told)
  if (!sipCalls.some(isLive)) return endOf(sipCalls, since)
  if (since !== null) return { kind: 'talking', answeredAt: since, isHeld: sipCalls.some(isHeld) }
  const [caller, ...others] = sipCalls
  const phase = caller?.phase.kind ?? 'inviting'
  if (others.length === 0 && phase !== 'talking' && phase !== 'ended') return { kind: phase }
  return { kind: sipCalls.some(({ hasRung }) => hasRung) ? 'ringing' : 'inviting' }
}

/**
 * What was told stays, but for one case: a PBX that answers by itself may be all that we see of an answer, until it calls a phone. Then we
 * see its phones, and one of them has to answer.
 */
function answeredSince(sipCalls: readonly SipCall[], told: number | null): number | null {
  const reached = reachedAt(sipCalls)
  const others = sipCalls.slice(1)
  if (told === null || !sipCalls.some(isLive) || !others.some(isPhone)) return told ?? reached
  return reached ?? (others.some(sip => talkedSince(sip) !== null) ? told : null)
}

/** Whether the PBX calls one of its phones. */
const isPhone = ({ isFromPbx, side }: SipCall): boolean => isFromPbx && side === null

/** When the caller reached somebody, `null` while only the PBX answers. */
function reachedAt(sipCalls: readonly SipCall[]): number | null {
  const [caller, ...others] = sipCalls
  const caught = caller === undefined ? null : talkedSince(caller)
  if (others.length === 0 || caller === undefined) return caught
  const first = earliest(others.map(talkedSince))
  if (first === null) return null
  if (caught !== null) return Math.max(caught, first)
  // Until the caller's own answer has come the other end hears nobody; if all is over, that answer was lost, unless it was a refusal.
  return sipCalls.some(isLive) || wasRefused(caller) ? null : first
}

/** Whether a final response ended it (a BYE or silence has none). */
function wasRefused({ phase }: SipCall): boolean {
  return phase.kind === 'ended' && (phase.outcome.sipCode ?? 0) >= 300
}

function endOf(sipCalls: readonly SipCall[], answeredAt: number | null): Story {
  const ends = sipCalls.flatMap(({ phase }) => (phase.kind === 'ended' ? [phase] : []))
  const endedAt = Math.max(...ends.map(end => end.endedAt))
  const [caller, ...others] = ends
  if (caller === undefined) throw new Error('a call has at least one SIP call')
  const last = ends.find(end => end.endedAt === endedAt) ?? caller
  const outcome = answeredAt === null ? outcomeInVain(caller, others) : outcomeOf(caller, last, others.length > 0)
  return { kind: 'ended', answeredAt, endedAt, outcome }
}

type Ended = Extract<SipCall['phase'], { readonly kind: 'ended' }>

function outcomeOf(caller: Ended, last: Ended, hasOthers: boolean): Outcome {
  // The caller's own end says most; where the PBX had let the caller go before, the last one's does.
  if (!hasOthers || caller.outcome.status === 'connected') return caller.outcome
  return { ...last.outcome, status: 'connected', reason: 'completed' }
}

/** Nobody but the PBX answered. */
function outcomeInVain(caller: Ended, others: readonly Ended[]): Outcome {
  if (caller.answeredAt === null || others.length === 0) return caller.outcome
  // Phones were called until the caller went: out of a queue. Else it was a mailbox, or a voice that says that nobody is there.
  const isAbandoned = others.some(({ endedAt }) => endedAt >= caller.endedAt)
  return isAbandoned
    ? { ...caller.outcome, status: 'abandoned', reason: 'caller-hung-up' }
    : { ...caller.outcome, status: 'missed', reason: 'voicemail' }
}

/**
 * When the caller was gone and only one of the others seemed to talk on, alone with the PBX (epoch ms): most likely its BYE was lost.
 * `null` while that is not so.
 */
export function leftAt(sipCalls: readonly SipCall[]): number | null {
  const [caller, ...others] = sipCalls
  if (caller === undefined || isLive(caller) || others.filter(isLive).length !== 1) return null
  return Math.max(...sipCalls.map(({ phase }) => (phase.kind === 'ended' ? phase.endedAt : 0)))
}

/** Who called whom, and which way, as far as the SIP calls tell. */
export function partiesOf(sipCalls: readonly SipCall[]): { from: CallParty; to: CallParty; direction: Direction } {
  const [caller, ...others] = sipCalls
  if (caller === undefined) throw new Error('a call has at least one SIP call')
  const { from, to, side } = caller
  const own = direction(from, to, side)
  // Who dials a prefix, or a code of the dialplan's, means whom the PBX called for it: the one who answered, else the first.
  const called = others.filter(({ isFromPbx }) => isFromPbx)
  const meant = called.find(sip => talkedSince(sip) !== null) ?? called[0]
  if (own !== 'outbound' || meant === undefined) return { from, to, direction: own }
  return { from, to: meant.to, direction: direction(from, meant.to, meant.side) }
}

/** All who were called: who answered, or as long as nobody has, whose phones were tried. */
export function calleesOf(sipCalls: readonly SipCall[]): readonly CallParty[] {
  const [caller, ...others] = sipCalls
  if (caller === undefined) return []
  const called = others.length === 0 ? [caller] : others.filter(({ isFromPbx }) => isFromPbx)
  const answered = called.flatMap(({ legs }) => carryingLeg(legs)?.to ?? [])
  return answered.length > 0 ? answered : called.flatMap(({ legs }) => legs.map(leg => leg.to))
}

/** All who called: the caller, and whoever else dialled into the call. */
export function callersOf(sipCalls: readonly SipCall[]): readonly CallParty[] {
  return sipCalls.flatMap(({ from, isFromPbx }, i) => (i === 0 || !isFromPbx ? [from] : []))
}

function isHeld({ phase }: SipCall): boolean {
  return phase.kind === 'talking' && isOnHold(phase.holds)
}

function earliest(times: readonly (number | null)[]): number | null {
  const known = times.filter(time => time !== null)
  return known.length === 0 ? null : Math.min(...known)
}

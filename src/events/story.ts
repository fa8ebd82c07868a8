/**
 * What a person would say of a call's SIP calls together: who talks to whom, since when, and how it ended. Pure.
 *
 * A PBX makes two SIP calls of one call: the caller's, which it answers itself, and one to each phone that it tries. The caller's alone is a
 * call, too: then whoever answers it is who was called. With others beside it the PBX answers for them, as soon as it likes: with a greeting,
 * a queue's music or a mailbox. Nobody is reached before one of the others answers.
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

/** `answeredAt`: since when the call is known to be answered (epoch ms); `null` while it is not. */
export function storyOf(sipCalls: readonly SipCall[], answeredAt: number | null): Story {
  const since = answeredAt ?? reachedAt(sipCalls)
  if (!sipCalls.some(isLive)) return endOf(sipCalls, since)
  if (since !== null) return { kind: 'talking', answeredAt: since, isHeld: sipCalls.some(isHeld) }
  const [caller, ...others] = sipCalls
  const phase = caller?.phase.kind ?? 'inviting'
  if (others.length === 0 && phase !== 'talking' && phase !== 'ended') return { kind: phase }
  return { kind: sipCalls.some(({ hasRung }) => hasRung) ? 'ringing' : 'inviting' }
}

/** When the caller reached somebody, `null` while only the PBX answers. */
function reachedAt(sipCalls: readonly SipCall[]): number | null {
  const [caller, ...others] = sipCalls
  const caught = caller === undefined ? null : talkedSince(caller)
  if (others.length === 0) return caught
  const first = earliest(others.map(talkedSince))
  if (first === null) return null
  // Until the caller's own answer has come the other end hears nobody; if all is over, that answer was lost.
  return caught === null ? (sipCalls.some(isLive) ? null : first) : Math.max(caught, first)
}

function endOf(sipCalls: readonly SipCall[], answeredAt: number | null): Story {
  const ends = sipCalls.flatMap(({ phase }) => (phase.kind === 'ended' ? [phase] : []))
  const endedAt = Math.max(...ends.map(end => end.endedAt))
  const [caller, ...others] = ends
  if (caller === undefined) throw new Error('a call has at least one SIP call')
  const last = ends.find(end => end.endedAt === endedAt) ?? caller
  return { kind: 'ended', answeredAt, endedAt, outcome: outcomeOf(caller, last, others.length > 0, answeredAt !== null) }
}

type Ended = Extract<SipCall['phase'], { readonly kind: 'ended' }>

function outcomeOf(caller: Ended, last: Ended, hasOthers: boolean, wasReached: boolean): Outcome {
  if (!hasOthers) return caller.outcome
  // The caller's own end says most; where the PBX had let the caller go before, the last one's does.
  if (wasReached)
    return caller.outcome.status === 'connected' ? caller.outcome : { ...last.outcome, status: 'connected', reason: 'completed' }
  // The PBX answered, and nobody whom it called did: a mailbox, or a voice that says that nobody is there.
  if (caller.answeredAt !== null) return { ...caller.outcome, status: 'missed', reason: 'voicemail' }
  return caller.outcome
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

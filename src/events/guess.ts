/**
 * Which call a PBX goes on with when it calls a phone or a carrier and no name tells: by its parties and the time. It is a guess, is
 * marked as one (`guess: …` in the union's reason), and is none where two calls fit or where both were answered. Pure.
 */
import type { Call } from './call.ts'
import type { CallParty } from './event.ts'
import { isLive, type SipCall, talkedSince } from './sip-call.ts'

/** A PBX passes a call on within this, ms, unless it plays something to the caller first. */
const promptly = 5_000
/** So many digits at their ends make two numbers one, or all of a shorter one: dialling prefixes come and go before them. */
const commonDigits = 7
/** Shorter numbers have to be the same. */
export const minCommonDigits = 6

/** A SIP call that a PBX begins: nobody has answered it. */
export interface Beginning {
  readonly from: CallParty
  readonly to: CallParty
  /** Epoch ms. */
  readonly at: number
}

export interface Guess {
  readonly call: Call
  readonly reason: string
}

/** The one call among `candidates` that fits, `null` for none or several. */
export function guessCall(beginning: Beginning, candidates: readonly Call[]): Guess | null {
  const passedOn = candidates.filter(call => isPassedOnTo(call, beginning.to))
  if (passedOn.length === 1) return only(passedOn, 'guess: the PBX calls whom a REFER named')
  const open = candidates.filter(isWaiting)
  const unreached = open.filter(call => !isReached(call))
  const sameCaller = unreached.filter(({ sipCalls: [caller] }) => caller !== undefined && isSame(caller.from, beginning.from))
  const both = sameCaller.filter(call => goesTo(call, beginning.to))
  if (both.length > 0) return only(both, 'guess: the same caller and callee')
  if (sameCaller.length > 0) return only(sameCaller, 'guess: the same caller')
  const fresh = unreached.filter(call => beginning.at - startOf(call) <= promptly && goesTo(call, beginning.to))
  return only(fresh, 'guess: the same callee')
}

/** Why a call with a party in common is not the one that a PBX goes on with. */
export type Doubt =
  /** The PBX began it itself. */
  | 'begun-by-pbx'
  | 'caller-gone'
  /** Its caller talks to somebody whom the PBX called. */
  | 'caller-reached'
  | 'other-parties'
  /** Only the callee is the same, and that is too little after a while. */
  | 'too-late'

/** For whoever asks why no guess was made: `null` for a call that fits; then others do, too. */
export function doubtAbout(beginning: Beginning, call: Call): Doubt | null {
  const [caller] = call.sipCalls
  if (isPassedOnTo(call, beginning.to)) return null
  if (caller === undefined || caller.isFromPbx) return 'begun-by-pbx'
  if (!isWaiting(call)) return 'caller-gone'
  if (isReached(call)) return 'caller-reached'
  if (isSame(caller.from, beginning.from)) return null
  if (!goesTo(call, beginning.to)) return 'other-parties'
  return beginning.at - startOf(call) <= promptly ? null : 'too-late'
}

function only(calls: readonly Call[], reason: string): Guess | null {
  const [call, ...others] = calls
  if (call === undefined) return null
  if (others.length === 0) return { call, reason }
  // Of several, the one that the PBX has not gone on with yet.
  const alone = calls.filter(({ sipCalls }) => sipCalls.length === 1)
  const [single, ...more] = alone
  return single !== undefined && more.length === 0 ? { call: single, reason } : null
}

/** Whether a REFER asked the PBX to call them; who asked may have hung up since. */
function isPassedOnTo({ transferring, sipCalls }: Call, to: CallParty): boolean {
  return transferring !== undefined && sipCalls.some(isLive) && isSame(transferring.to, to)
}

/** A caller who is in the PBX's hands. */
function isWaiting({ sipCalls: [caller] }: Call): boolean {
  return caller !== undefined && !caller.isFromPbx && isLive(caller)
}

/** Whether the caller talks to somebody whom the PBX called. */
function isReached({ sipCalls: [, ...others] }: Call): boolean {
  return others.some(sip => isLive(sip) && talkedSince(sip) !== null)
}

function goesTo({ sipCalls: [caller] }: Call, to: CallParty): boolean {
  if (caller === undefined) return false
  return isSame(caller.to, to) || haveSameEnd(caller, to)
}

function haveSameEnd(caller: SipCall, to: CallParty): boolean {
  const [dialled, called] = [digitsOf(caller.to), digitsOf(to)]
  const shorter = Math.min(dialled.length, called.length)
  const count = Math.min(shorter, commonDigits)
  return shorter >= minCommonDigits && dialled.slice(-count) === called.slice(-count)
}

const startOf = ({ sipCalls: [caller] }: Call): number => caller?.startedAt ?? 0

const digitsOf = ({ value }: CallParty): string => value.replace(/\D/g, '')

/** Callers who hide their number are not the same for that. */
function isSame(a: CallParty, b: CallParty): boolean {
  return a.kind !== 'anonymous' && a.kind === b.kind && a.value === b.value
}

/**
 * How a call ended: a closed vocabulary (docs/architecture.md, "Words"), and the tables that choose from it.
 *
 * `missed`: nobody took the call. `abandoned`: the caller gave up first. `connected`: somebody took it, here or on another phone.
 */

export type CallStatus = 'connected' | 'missed' | 'abandoned'

export const endReasons = [
  'completed',
  'answered-elsewhere',
  'caller-hung-up',
  'no-answer',
  'busy',
  'rejected',
  'redirected',
  'not-found',
  'unavailable',
  'voicemail',
  'failed',
  'lost-signalling',
] as const

export type EndReason = (typeof endReasons)[number]

export interface Outcome {
  readonly status: CallStatus
  readonly reason: EndReason
  /** The final SIP response, where there was one. */
  readonly sipCode: number | null
  /** ITU-T Q.850 cause from a Reason header (RFC 3326), where there was one. */
  readonly q850: number | null
}

/** What the wire said when an unanswered call ended. */
export interface FinalResponse {
  readonly sipCode: number
  readonly q850: number | null
  /** `Reason: SIP;cause=200` (RFC 3326): another phone took the call. */
  readonly elsewhere: boolean
  /** Whether any phone rang: it tells "nobody answered" from "nobody could be reached". */
  readonly rang: boolean
}

/** By SIP response code (RFC 3261 section 21). What is not listed goes by its class: 3xx redirected, the others failed. */
const bySipCode = new Map<number, EndReason>([
  [403, 'rejected'],
  [404, 'not-found'],
  [410, 'not-found'],
  [433, 'rejected'], // anonymity disallowed, RFC 5079
  [484, 'not-found'], // address incomplete
  [485, 'not-found'], // ambiguous
  [486, 'busy'],
  [487, 'caller-hung-up'],
  [600, 'busy'],
  [603, 'rejected'],
  [604, 'not-found'],
  [607, 'rejected'], // unwanted, RFC 8197
  [608, 'rejected'], // rejected by an intermediary, RFC 8688
])

/** Codes that mean "no answer" after ringing, and "could not be reached" without. */
const unansweredCodes: ReadonlySet<number> = new Set([408, 480, 504])

/** By Q.850 cause, where the cause says more than the SIP code (RFC 3398 section 7.2.4.1 maps many causes to one code). */
const byQ850 = new Map<number, EndReason>([
  [1, 'not-found'], // unallocated number
  [3, 'not-found'], // no route to destination
  [17, 'busy'],
  [18, 'no-answer'], // no user responding
  [19, 'no-answer'], // no answer from user, alerted
  [20, 'unavailable'], // subscriber absent
  [21, 'rejected'],
  [22, 'not-found'], // number changed
  [26, 'answered-elsewhere'], // non-selected user clearing
  [27, 'unavailable'], // destination out of order
  [28, 'not-found'], // invalid number format
])

/** Causes a PBX gives when it cancels because nobody answered in time. */
const noAnswerCauses: ReadonlySet<number> = new Set([18, 19, 102])

/**
 * Whether the caller is expected to try again with the same Call-ID: credentials asked for (RFC 3261 section 22), or a longer
 * session interval (RFC 4028 section 7.3). Such a response ends a call only when no new INVITE follows.
 */
export function isChallenge(sipCode: number): boolean {
  return sipCode === 401 || sipCode === 407 || sipCode === 422
}

/** The outcome of a call that a final response of 300 or above ended. */
export function outcomeOfFailure({ sipCode, q850, elsewhere, rang }: FinalResponse): Outcome {
  const reason = elsewhere ? 'answered-elsewhere' : reasonOfFailure(sipCode, q850, rang)
  return { status: statusOf(reason), reason, sipCode, q850 }
}

function reasonOfFailure(sipCode: number, q850: number | null, rang: boolean): EndReason {
  if (sipCode < 400) return 'redirected'
  const refined = q850 === null || sipCode === 487 ? undefined : byQ850.get(q850)
  if (refined !== undefined) return refined
  if (unansweredCodes.has(sipCode)) return rang ? 'no-answer' : 'unavailable'
  return bySipCode.get(sipCode) ?? 'failed'
}

/** What a CANCEL said of its reason. */
export interface CancelReason {
  readonly q850: number | null
  readonly elsewhere: boolean
}

/**
 * The outcome of a call that its caller cancelled. `final` is the response that ended it, usually a 487; `null` when none came.
 * Why the caller gave up, only the CANCEL knows; the response may add that another phone took the call.
 */
export function outcomeOfCancel(
  cancel: CancelReason,
  final: Pick<FinalResponse, 'sipCode' | 'q850' | 'elsewhere'> | null,
): Outcome {
  const reason = reasonOfCancel(cancel, final?.elsewhere === true || final?.q850 === 26)
  return { status: statusOf(reason), reason, sipCode: final?.sipCode ?? null, q850: cancel.q850 ?? final?.q850 ?? null }
}

function reasonOfCancel({ q850, elsewhere }: CancelReason, takenElsewhere: boolean): EndReason {
  if (elsewhere || takenElsewhere || q850 === 26) return 'answered-elsewhere'
  return q850 !== null && noAnswerCauses.has(q850) ? 'no-answer' : 'caller-hung-up'
}

/** The status that goes with the reason why an unanswered call ended. */
function statusOf(reason: EndReason): Outcome['status'] {
  if (reason === 'answered-elsewhere') return 'connected'
  return reason === 'caller-hung-up' ? 'abandoned' : 'missed'
}

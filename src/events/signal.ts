/**
 * Signals: facts that a source saw on the wire, with the wire's time. A source reports each fact as often as it sees it;
 * the model (call.ts) is idempotent, so a repeated signal changes nothing.
 *
 * All times are epoch milliseconds. A leg is named by its SIP Call-ID and tags (RFC 3261 section 12): `fromTag` and `toTag`
 * are those of the message, so a request that the callee sends carries the callee's tag in `fromTag`. Which party that is,
 * the model knows.
 */
import type { Directives } from './directives.ts'

/** Where a fact was seen. */
export type SignalSource = 'trunk' | 'hep' | 'siprec' | 'dialog-state'

/** On which side of the trunk the caller stands; `null` when the source cannot tell. */
export type Side = 'pbx' | 'carrier'

/** A party as the wire names it, before any normalisation. */
export interface WireParty {
  /** The user part of a SIP URI or the number of a tel URI, unescaped; '' when there is none. */
  readonly user: string
  readonly display: string | null
  /** RFC 3323 / RFC 3325: Privacy asks for it, or the URI is sip:anonymous@anonymous.invalid. */
  readonly anonymous: boolean
}

/**
 * A name under which a SIP call is known to others, and where it was read: SIP calls that share one are one call. `sip:CALL-ID`,
 * `session:UUID` (RFC 7989), `unique:VALUE` (a PBX's own header).
 */
export interface Tie {
  readonly key: string
  /** For whoever asks why two legs were joined: `header X-Asterisk-Linkedid`. */
  readonly reason: string
}

interface SignalBase {
  readonly at: number
  readonly source: SignalSource
  readonly sipCallId: string
  readonly fromTag: string
}

/** The first INVITE of a dialog (no To tag). The same Call-ID may be invited again after a 401 or 407 with a higher CSeq. */
export interface Invited extends SignalBase {
  readonly kind: 'invited'
  readonly from: WireParty
  readonly to: WireParty
  readonly side: Side | null
  /** Whether the PBX sent it: then it may be how the PBX goes on with a call that it took before. */
  readonly isFromPbx: boolean
  readonly ties: readonly Tie[]
  /** What the PBX asks for the call; absent when it asks nothing, or when the INVITE is not the PBX's. */
  readonly directives?: Directives
}

/** 180 or 183; each To tag is one ringing phone (a fork). `party` is the asserted identity of that phone, when it gives one. */
export interface Ringing extends SignalBase {
  readonly kind: 'ringing'
  readonly toTag: string
  readonly sipCode: number
  readonly party: WireParty | null
  /** As in `Invited`, when it is the PBX that rings. */
  readonly directives?: Directives
}

/** A 2xx to an INVITE. */
export interface Answered extends SignalBase {
  readonly kind: 'answered'
  readonly toTag: string
  readonly party: WireParty | null
  /** As in `Invited`, when it is the PBX that answers. */
  readonly directives?: Directives
}

/** A re-INVITE or UPDATE that put media on hold (RFC 3264 section 8.4), once it was accepted. The sender of the request holds. */
export interface Held extends SignalBase {
  readonly kind: 'held'
  readonly toTag: string
}

export interface Resumed extends SignalBase {
  readonly kind: 'resumed'
  readonly toTag: string
}

/** The caller gave up: a CANCEL, with its Reason header (RFC 3326). */
export interface Cancelled extends SignalBase {
  readonly kind: 'cancelled'
  readonly q850: number | null
  /** `Reason: SIP;cause=200`: answered by another phone, so not missed. */
  readonly elsewhere: boolean
}

/** A final response of 300 or above to the initial INVITE, as the caller got it. 401 and 407 are challenges, not ends. */
export interface Failed extends SignalBase {
  readonly kind: 'failed'
  readonly toTag: string | null
  readonly sipCode: number
  readonly q850: number | null
  readonly elsewhere: boolean
}

/** BYE. */
export interface HungUp extends SignalBase {
  readonly kind: 'hungup'
  readonly toTag: string
  readonly sipCode: number | null
  readonly q850: number | null
}

/** A message within a dialog whose INVITE nobody saw: the call began before we listened, or its INVITE was lost. The callee has answered. */
export interface Overheard extends SignalBase {
  readonly kind: 'overheard'
  readonly toTag: string
  readonly from: WireParty
  readonly to: WireParty
  readonly side: Side | null
}

/** Something later in a call told of names that its INVITE did not: a Session-ID, a Replaces. */
export interface Tied extends SignalBase {
  readonly kind: 'tied'
  readonly ties: readonly Tie[]
}

/** A REFER was accepted (RFC 3515, RFC 5589): its sender passes the other party on. */
export interface Referred extends SignalBase {
  readonly kind: 'referred'
  readonly toTag: string
  readonly target: WireParty
  /** The Call-ID of the dialog that the target is to replace (RFC 3891): an attended transfer; `null` for a blind one. */
  readonly replaces: string | null
}

/** The NOTIFY that tells how a REFER ended (message/sipfrag). */
export interface ReferEnded extends SignalBase {
  readonly kind: 'refer-ended'
  readonly toTag: string
  readonly sipCode: number
}

/** The PBX said, in any of its messages of the call, whether the caller agreed to be recorded (`X-Zendesk-Consent`). */
export interface Chosen extends SignalBase {
  readonly kind: 'chosen'
  /** `null` in the first INVITE. */
  readonly toTag: string | null
  readonly said: boolean
}

export type CallSignal =
  | Invited
  | Overheard
  | Ringing
  | Answered
  | Held
  | Resumed
  | Cancelled
  | Failed
  | HungUp
  | Tied
  | Referred
  | ReferEnded
  | Chosen

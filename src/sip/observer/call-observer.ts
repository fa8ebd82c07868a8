/**
 * Makes signals of SIP messages: the one place where the wire's words become the model's, whoever saw them (the trunk, a mirror). It
 * stands beside the signalling, not in its way: it is told what was seen and never delays or changes a message.
 *
 * Invariants
 *  1. Its only memory is the re-INVITEs, UPDATEs and REFERs under way, at most `maxPending`, the oldest dropped first. A restart
 *     therefore costs at most one hold or transfer that was being negotiated.
 *  2. Repetition is harmless: the model (events/call.ts) is idempotent.
 */
import type { Directives } from '../../events/directives.ts'
import type { CallSignal, Side, SignalSource, WireParty } from '../../events/signal.ts'
import { type CSeq, parseCSeq } from '../message/cseq.ts'
import { headerValue, headerValues } from '../message/headers.ts'
import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts'
import { tagOf } from '../message/name-addr.ts'
import { assertedParty, calleeOf, callerOf, partyIn } from './identity.ts'
import { mediaDirection } from './media-direction.ts'
import { isAnsweredElsewhere, type Reasons, readReasons } from './reason.ts'
import { referTo, type TieHeaders, tiesIn } from './ties.ts'
import { consentIn, directivesIn } from './zendesk-headers.ts'

/** Who stands at an end of a transaction. A phone is whoever is neither the PBX nor a carrier. */
export type End = 'pbx' | 'carrier' | 'phone'

/** A message, and between whom its transaction runs. */
export interface ObservedMessage {
  /** Wire time, epoch ms. */
  readonly at: number
  readonly message: SipMessage
  /** Who sent the transaction's request. */
  readonly client: End
  readonly server: End
}

export interface CallObserverOptions {
  readonly source: SignalSource
  readonly ties: TieHeaders
  /** Whether calls whose INVITE nobody saw are taken up in their midst. */
  readonly overhears: boolean
  readonly onSignal: (signal: CallSignal) => void
  readonly maxPending?: number
}

/** What one message says about its dialog and transaction. */
interface Position {
  readonly sipCallId: string
  readonly fromTag: string
  readonly toTag: string | null
  readonly cseq: CSeq
}

/** A request within a dialog whose answer decides. */
type Pending = Renegotiation | Referral

/** A re-INVITE or UPDATE: who asked for what. `direction` is null until an ACK brings the late offer's answer. */
interface Renegotiation {
  readonly kind: 'renegotiation'
  readonly fromTag: string
  readonly toTag: string
  readonly direction: 'held' | 'active' | null
}

interface Referral {
  readonly kind: 'referral'
  readonly toTag: string
  readonly target: WireParty
  readonly replaces: string | null
}

export class CallObserver {
  readonly #options: CallObserverOptions
  readonly #pending = new Map<string, Pending>()
  readonly #maxPending: number

  constructor(options: CallObserverOptions) {
    this.#options = options
    this.#maxPending = options.maxPending ?? 20_000
  }

  see(seen: ObservedMessage): void {
    const position = positionOf(seen.message)
    if (position === null) return
    // A choice stands before what its message does to the call, which may end it; but no call is there before its INVITE.
    const opens = seen.message.kind === 'request' && seen.message.method === 'INVITE' && position.toTag === null
    if (!opens) this.#chosen(seen, position)
    if (seen.message.kind === 'request') this.#request(seen, seen.message, position)
    else this.#response(seen, seen.message, position)
    if (opens) this.#chosen(seen, position)
  }

  #chosen({ at, message, client, server }: ObservedMessage, position: Position): void {
    const sender = message.kind === 'request' ? client : server
    const said = sender === 'pbx' ? consentIn(message) : null
    if (said !== null) this.#emit(at, position, { kind: 'chosen', toTag: position.toTag, said })
  }

  #request(seen: ObservedMessage, request: SipRequest, position: Position): void {
    const { at } = seen
    const { toTag } = position
    switch (request.method) {
      case 'INVITE':
        if (toTag === null) this.#invited(seen, request, position)
        else this.#renegotiate(request, position, toTag)
        return
      case 'UPDATE':
        if (toTag !== null) this.#renegotiate(request, position, toTag)
        return
      case 'REFER':
        if (toTag !== null) this.#refer(request, position, toTag)
        return
      case 'NOTIFY':
        if (toTag !== null) this.#referNotified(at, request, position, toTag)
        return
      case 'ACK':
        this.#lateOfferAnswered(at, request, position)
        return
      case 'CANCEL': {
        const reasons = reasonsOf(request)
        this.#emit(at, position, { kind: 'cancelled', q850: reasons.q850, elsewhere: isAnsweredElsewhere(reasons) })
        return
      }
      case 'BYE': {
        if (toTag === null) return
        const { q850, sipCode } = reasonsOf(request)
        this.#overheard(seen, position, toTag)
        this.#emit(at, position, { kind: 'hungup', toTag, q850, sipCode })
        return
      }
      default:
        return
    }
  }

  #response(seen: ObservedMessage, response: SipResponse, position: Position): void {
    const { method } = position.cseq
    const key = transactionKey(position)
    const pending = this.#pending.get(key)
    if (pending !== undefined) {
      if (response.status < 200) return
      const isAccepted = response.status < 300
      if (isAccepted && pending.kind === 'renegotiation' && pending.direction === null) return // its ACK will tell
      this.#pending.delete(key)
      if (!isAccepted) return
      this.#overheard(seen, position, pending.toTag)
      if (pending.kind === 'renegotiation') this.#renegotiated(seen.at, position.sipCallId, pending)
      else this.#emit(seen.at, position, { ...pending, kind: 'referred' })
      this.#tied(seen, position)
    } else if (method === 'INVITE') this.#inviteAnswered(seen, response, position)
  }

  #invited({ at, client, server }: ObservedMessage, invite: SipRequest, position: Position): void {
    this.#emit(at, position, {
      kind: 'invited',
      from: callerOf(invite, client === 'carrier'),
      to: calleeOf(invite),
      side: sideOf(client, server),
      isFromPbx: client === 'pbx',
      ties: tiesIn(invite, this.#options.ties),
      ...askedBy(client, invite),
    })
  }

  #inviteAnswered(seen: ObservedMessage, response: SipResponse, position: Position): void {
    const { at, server } = seen
    const { status } = response
    const { toTag } = position
    const party = assertedParty(response)
    if (status >= 300) {
      const reasons = reasonsOf(response)
      const { q850 } = reasons
      this.#emit(at, position, { kind: 'failed', toTag, sipCode: status, q850, elsewhere: isAnsweredElsewhere(reasons) })
    } else if (toTag !== null && status >= 200) {
      this.#emit(at, position, { kind: 'answered', toTag, party, ...askedBy(server, response) })
      this.#tied(seen, position)
    } else if (toTag !== null && (status === 180 || status === 183)) {
      this.#emit(at, position, { kind: 'ringing', toTag, sipCode: status, party, ...askedBy(server, response) })
    }
  }

  /** A later message of a call may tell names that its INVITE did not. */
  #tied({ at, message }: ObservedMessage, position: Position): void {
    const ties = tiesIn(message, this.#options.ties)
    if (ties.length > 0) this.#emit(at, position, { kind: 'tied', ties })
  }

  /** The call of an established dialog may have begun before anybody listened. */
  #overheard({ at, message, client, server }: ObservedMessage, position: Position, toTag: string): void {
    if (!this.#options.overhears) return
    const [from, to] = [partyIn(headerValue(message, 'From')), partyIn(headerValue(message, 'To'))]
    if (from === null || to === null) return
    this.#emit(at, position, { kind: 'overheard', toTag, from, to, side: sideOf(client, server) })
  }

  #renegotiate(request: SipRequest, position: Position, toTag: string): void {
    const hasOffer = request.body.length > 0
    const direction = hasOffer ? mediaDirection(request.body) : null
    // An UPDATE without SDP, or a body that is no SDP, renegotiates nothing; a re-INVITE without one asks the far side to offer.
    if (direction === null && (hasOffer || request.method === 'UPDATE')) return
    this.#await(position, { kind: 'renegotiation', fromTag: position.fromTag, toTag, direction })
  }

  #refer(request: SipRequest, position: Position, toTag: string): void {
    const asked = referTo(request)
    if (asked === null) return
    const { user, display, replaces } = asked
    this.#await(position, { kind: 'referral', toTag, target: { user, display, anonymous: false }, replaces })
  }

  #await(position: Position, pending: Pending): void {
    if (this.#pending.size >= this.#maxPending) {
      for (const oldest of this.#pending.keys()) {
        this.#pending.delete(oldest)
        break
      }
    }
    this.#pending.set(transactionKey(position), pending)
  }

  /** RFC 3515 section 2.4.4: the NOTIFY's body is the status line of what came of the REFER. */
  #referNotified(at: number, notify: SipRequest, position: Position, toTag: string): void {
    if (!/^\s*refer\b/i.test(headerValue(notify, 'Event') ?? '')) return
    const code = /^SIP\/2\.0 ([1-6]\d\d)\b/.exec(notify.body.subarray(0, 64).toString('latin1'))?.[1]
    if (code !== undefined) this.#emit(at, position, { kind: 'refer-ended', toTag, sipCode: Number(code) })
  }

  #lateOfferAnswered(at: number, ack: SipRequest, position: Position): void {
    const key = transactionKey({ ...position, cseq: { ...position.cseq, method: 'INVITE' } })
    const pending = this.#pending.get(key)
    if (pending?.kind !== 'renegotiation' || pending.direction !== null) return
    this.#pending.delete(key)
    const direction = mediaDirection(ack.body)
    if (direction !== null) this.#renegotiated(at, position.sipCallId, { ...pending, direction })
  }

  #renegotiated(at: number, sipCallId: string, { fromTag, toTag, direction }: Renegotiation): void {
    const kind = direction === 'held' ? 'held' : 'resumed'
    this.#options.onSignal({ kind, at, source: this.#options.source, sipCallId, fromTag, toTag })
  }

  #emit(at: number, position: Position, fact: Fact): void {
    const { sipCallId, fromTag } = position
    this.#options.onSignal({ at, source: this.#options.source, sipCallId, fromTag, ...fact })
  }
}

/** A signal without what every signal has. */
type Fact<S = CallSignal> = S extends CallSignal ? Omit<S, 'at' | 'source' | 'sipCallId' | 'fromTag'> : never

/** On which side of the trunk the caller stands. */
function sideOf(client: End, server: End): Side | null {
  if (client === 'carrier') return 'carrier'
  return server === 'carrier' ? 'pbx' : null
}

/** What the sender of a message asks for the call, if it is the PBX: nobody else is believed. */
function askedBy(sender: End, message: SipMessage): { readonly directives?: Directives } {
  const directives = sender === 'pbx' ? directivesIn(message) : null
  return directives === null ? {} : { directives }
}

function positionOf(message: SipMessage): Position | null {
  const sipCallId = headerValue(message, 'Call-ID')
  const fromTag = tagIn(headerValue(message, 'From')) ?? '' // a caller older than RFC 3261 may have none
  const cseqValue = headerValue(message, 'CSeq')
  const cseq = cseqValue === null ? null : parseCSeq(cseqValue)
  if (sipCallId === null || sipCallId === '' || cseq === null) return null
  return { sipCallId, fromTag, toTag: tagIn(headerValue(message, 'To')), cseq }
}

function tagIn(nameAddr: string | null): string | null {
  const tag = nameAddr === null ? null : tagOf(nameAddr)
  return tag === '' ? null : tag
}

function reasonsOf(message: SipMessage): Reasons {
  return readReasons(headerValues(message, 'Reason'))
}

/** A response carries the same From tag and CSeq as its request (RFC 3261 section 8.2.6.2). */
function transactionKey(position: Position): string {
  return `${position.sipCallId}\n${position.fromTag}\n${position.cseq.seq}\n${position.cseq.method}`
}

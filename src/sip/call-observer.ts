/**
 * Makes signals of SIP messages: the one place where the wire's words become the model's. It stands beside the signalling, not in
 * its way: it is told what was seen and never delays or changes a message.
 *
 * What it sees is the caller's side of each transaction (message.ts, SeenMessage): of a forked or failed-over INVITE that is what
 * the caller learned. Strangers make no signals.
 *
 * Invariants
 *  1. Its only memory is the re-INVITEs and UPDATEs under way, at most `maxPending`, the oldest dropped first. A restart therefore
 *     costs at most one hold that was being negotiated.
 *  2. Repetition is harmless: the model (events/call.ts) is idempotent.
 */
import type { Directives } from '../events/directives.ts'
import type { CallSignal, SignalSource } from '../events/signal.ts'
import { assertedParty, calleeOf, callerOf } from './identity.ts'
import { mediaDirection } from './media-direction.ts'
import { type CSeq, parseCSeq } from './message/cseq.ts'
import { firstValue, headerValue, headerValues } from './message/headers.ts'
import type { HopAddress, SeenMessage, SipMessage, SipRequest, SipResponse } from './message/message.ts'
import { tagOf } from './message/name-addr.ts'
import { parseVia } from './message/via.ts'
import type { TrunkSide } from './peers.ts'
import { isAnsweredElsewhere, type Reasons, readReasons } from './reason.ts'
import { consentIn, directivesIn } from './zendesk-headers.ts'

export interface CallObserverOptions {
  readonly source: SignalSource
  /** Which peer an address is, `null` for a stranger (peers.ts). */
  readonly sideOf: (peer: HopAddress, sentByPort: number | null) => TrunkSide | null
  /** Headers in which the PBX tells its own id of the call, tried in order; the value becomes the key `unique:VALUE`. */
  readonly uniqueHeaders: readonly string[]
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

/** A re-INVITE or UPDATE under way: who asked for what. `direction` is null until an ACK brings the late offer's answer. */
interface Renegotiation {
  readonly fromTag: string
  readonly toTag: string
  readonly direction: 'held' | 'active' | null
}

export class CallObserver {
  readonly #options: CallObserverOptions
  readonly #pending = new Map<string, Renegotiation>()
  readonly #maxPending: number

  constructor(options: CallObserverOptions) {
    this.#options = options
    this.#maxPending = options.maxPending ?? 20_000
  }

  see(seen: SeenMessage): void {
    const { message } = seen
    const position = positionOf(message)
    if (position === null) return
    const side = this.#options.sideOf(seen.peer, sentByPort(message))
    if (side === null) return
    // A choice stands before what its message does to the call, which may end it; but no call is there before its INVITE.
    const opens = message.kind === 'request' && message.method === 'INVITE' && position.toTag === null
    if (!opens) this.#chosen(seen.at, message, position, side)
    if (message.kind === 'request') this.#request(seen.at, message, position, side)
    else this.#response(seen.at, message, position, side)
    if (opens) this.#chosen(seen.at, message, position, side)
  }

  /** `side` is where the request of the transaction came from. */
  #chosen(at: number, message: SipMessage, position: Position, side: TrunkSide): void {
    const isFromPbx = (side === 'pbx') === (message.kind === 'request')
    const said = isFromPbx ? consentIn(message) : null
    if (said !== null) this.#emit(at, position, { kind: 'chosen', toTag: position.toTag, said })
  }

  #request(at: number, request: SipRequest, position: Position, side: TrunkSide): void {
    switch (request.method) {
      case 'INVITE':
        if (position.toTag === null) this.#invited(at, request, position, side)
        else this.#renegotiate(request, position, position.toTag)
        return
      case 'UPDATE':
        if (position.toTag !== null) this.#renegotiate(request, position, position.toTag)
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
        if (position.toTag === null) return
        const { q850, sipCode } = reasonsOf(request)
        this.#emit(at, position, { kind: 'hungup', toTag: position.toTag, q850, sipCode })
        return
      }
      default:
        return
    }
  }

  #response(at: number, response: SipResponse, position: Position, side: TrunkSide): void {
    const { method } = position.cseq
    if (method !== 'INVITE' && method !== 'UPDATE') return
    const key = transactionKey(position)
    const renegotiation = this.#pending.get(key)
    if (renegotiation !== undefined) {
      if (response.status < 200) return
      if (response.status < 300 && renegotiation.direction === null) return // its ACK will tell
      this.#pending.delete(key)
      if (response.status < 300) this.#renegotiated(at, position.sipCallId, renegotiation)
      return
    }
    if (method === 'INVITE') this.#inviteAnswered(at, response, position, side)
  }

  #invited(at: number, invite: SipRequest, position: Position, side: TrunkSide): void {
    const keys: string[] = []
    for (const name of this.#options.uniqueHeaders) {
      const value = headerValue(invite, name)
      if (value !== null && value !== '') keys.push(`unique:${value}`)
    }
    const asked = askedBy(side, invite)
    this.#emit(at, position, { kind: 'invited', from: callerOf(invite, side), to: calleeOf(invite), side, keys, ...asked })
  }

  #inviteAnswered(at: number, response: SipResponse, position: Position, caller: TrunkSide): void {
    const { status } = response
    const { toTag } = position
    const callee: TrunkSide = caller === 'pbx' ? 'carrier' : 'pbx'
    if (status >= 300) {
      const reasons = reasonsOf(response)
      this.#emit(at, position, {
        kind: 'failed',
        toTag,
        sipCode: status,
        q850: reasons.q850,
        elsewhere: isAnsweredElsewhere(reasons),
      })
    } else if (toTag !== null && status >= 200) {
      this.#emit(at, position, { kind: 'answered', toTag, party: assertedParty(response), ...askedBy(callee, response) })
    } else if (toTag !== null && (status === 180 || status === 183)) {
      this.#emit(at, position, {
        kind: 'ringing',
        toTag,
        sipCode: status,
        party: assertedParty(response),
        ...askedBy(callee, response),
      })
    }
  }

  #renegotiate(request: SipRequest, position: Position, toTag: string): void {
    const hasOffer = request.body.length > 0
    const direction = hasOffer ? mediaDirection(request.body) : null
    // An UPDATE without SDP, or a body that is no SDP, renegotiates nothing; a re-INVITE without one asks the far side to offer.
    if (direction === null && (hasOffer || request.method === 'UPDATE')) return
    if (this.#pending.size >= this.#maxPending) {
      for (const oldest of this.#pending.keys()) {
        this.#pending.delete(oldest)
        break
      }
    }
    this.#pending.set(transactionKey(position), { fromTag: position.fromTag, toTag, direction })
  }

  #lateOfferAnswered(at: number, ack: SipRequest, position: Position): void {
    const key = transactionKey({ ...position, cseq: { ...position.cseq, method: 'INVITE' } })
    const renegotiation = this.#pending.get(key)
    if (renegotiation === undefined || renegotiation.direction !== null) return
    this.#pending.delete(key)
    const direction = mediaDirection(ack.body)
    if (direction !== null) this.#renegotiated(at, position.sipCallId, { ...renegotiation, direction })
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

/** What the sender of a message asks for the call, if it is the PBX: nobody else is believed. */
function askedBy(sender: TrunkSide, message: SipMessage): { readonly directives?: Directives } {
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

function sentByPort(message: SipMessage): number | null {
  const via = firstValue(message, 'Via')
  return via === null ? null : (parseVia(via)?.port ?? null)
}

function reasonsOf(message: SipMessage): Reasons {
  return readReasons(headerValues(message, 'Reason'))
}

/** A renegotiation's response carries the same From tag and CSeq as its request (RFC 3261 section 8.2.6.2). */
function transactionKey(position: Position): string {
  return `${position.sipCallId}\n${position.fromTag}\n${position.cseq.seq}\n${position.cseq.method}`
}

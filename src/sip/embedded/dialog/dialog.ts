/**
 * A dialog in which an application of ours is one end (RFC 3261 section 12): who the parties are, how the far end is reached, and
 * the sequence numbers of both directions. Pure state; uas.ts and uac.ts move it.
 *
 *   early ──2xx──▶ confirmed ──BYE, or no ACK──▶ ended
 *     └───── final response of 300 and above ────▲
 *
 * Invariants: (1) `localSeq` only grows; (2) a confirmed dialog has exactly one peer, an early one of ours as a caller may have a
 * peer for each phone that rings; (3) nothing leaves `ended`.
 */
import { headerValue, headerValues } from '../../message/headers.ts'
import type { HopAddress, SipMessage, SipRequest } from '../../message/message.ts'
import { parseNameAddr, tagOf } from '../../message/name-addr.ts'
import type { ControlSession } from '../control/session.ts'

/** The far end of a dialog, as its own messages describe it. */
export interface DialogPeer {
  readonly tag: string
  /** Its From or To value with the tag. */
  readonly party: string
  /** Its Contact URI, where requests go. */
  readonly target: string
  /** Route values in the order in which a request carries them. */
  readonly routes: readonly string[]
  /** The last RSeq it used (RFC 3262); 0 before the first. */
  readonly rseq: number
  /** Whether it says that it takes UPDATE (RFC 3311). */
  readonly allowsUpdate: boolean
}

export type DialogState = 'early' | 'confirmed' | 'ended'

/** Phones that may ring for one INVITE of ours before the rest is ignored. */
const MAX_EARLY_PEERS = 32

export class Dialog {
  /** As the control protocol names it: Call-ID and the From tag of the request that began it. */
  readonly id: string
  readonly callId: string
  /** The method that began it: INVITE, SUBSCRIBE or REFER. */
  readonly usage: string
  readonly session: ControlSession
  readonly localTag: string
  /** Our From or To value with our tag. */
  readonly localParty: string
  /** The socket that the far end uses to reach us. */
  readonly local: HopAddress
  /** Our Contact header value. */
  contact: string
  state: DialogState = 'early'
  /** Cancels the INVITE of ours that is under way; `null` when none is. Until then theirs has to wait (RFC 3261 14.2). */
  cancelInvite: (() => void) | null = null
  /** Ends the repetition of our 2xx when the ACK comes; `null` when nothing is being repeated. */
  onAcknowledged: (() => void) | null = null
  /** Ends the session timer; `null` without one. */
  stopSessionTimer: (() => void) | null = null
  /** The session description that we offered or answered last; `null` before that. */
  localSdp: Buffer | null = null
  /** The control protocol's id for the INVITE that we answered, which its ACK bears; `null` for an ACK that gets an id of its own. */
  inviteTransactionId: string | null = null
  readonly #peers = new Map<string, DialogPeer>()
  #peer: DialogPeer | null = null
  #localSeq: number
  #remoteSeq: number

  constructor(parts: {
    id: string
    callId: string
    usage: string
    session: ControlSession
    localParty: string
    localTag: string
    local: HopAddress
    contact: string
    localSeq: number
    remoteSeq: number
    peer: DialogPeer | null
  }) {
    this.id = parts.id
    this.callId = parts.callId
    this.usage = parts.usage
    this.session = parts.session
    this.localParty = parts.localParty
    this.localTag = parts.localTag
    this.local = parts.local
    this.contact = parts.contact
    this.#localSeq = parts.localSeq
    this.#remoteSeq = parts.remoteSeq
    if (parts.peer !== null) this.meet(parts.peer)
  }

  /** Where requests go now: the one peer, or the phone that spoke last. `null` before anybody answered. */
  get peer(): DialogPeer | null {
    return this.#peer
  }

  /** The number of the next request of ours. */
  nextSeq(): number {
    this.#localSeq++
    return this.#localSeq
  }

  /** Whether a request with that number is new (RFC 3261 12.2.2); notes it if so. */
  acceptSeq(seq: number): boolean {
    if (seq <= this.#remoteSeq) return false
    this.#remoteSeq = seq
    return true
  }

  /** The peer of that tag ('' for none), `null` when it never spoke. */
  peerOf(tag: string): DialogPeer | null {
    return this.#peers.get(tag) ?? null
  }

  /** The peer whose reliable provisional response had that RSeq, the latest first. */
  peerWithRseq(rseq: number): DialogPeer | null {
    return [...this.#peers.values()].reverse().find(peer => peer.rseq === rseq) ?? null
  }

  /** Learns or updates a peer and makes it the current one. */
  meet(peer: DialogPeer): void {
    if (!this.#peers.has(peer.tag) && this.#peers.size >= MAX_EARLY_PEERS) return
    this.#peers.set(peer.tag, peer)
    this.#peer = peer
  }

  /** The 2xx settles which phone it is. */
  confirm(peer: DialogPeer): void {
    this.#peers.clear()
    this.#peers.set(peer.tag, peer)
    this.#peer = peer
    if (this.state === 'early') this.state = 'confirmed'
  }

  /** A target refresh (RFC 3261 12.2): the Contact of a re-INVITE or UPDATE, or of its 2xx. */
  refreshTarget(message: SipMessage): void {
    const target = contactUri(message)
    if (target !== null && this.#peer !== null) this.meet({ ...this.#peer, target })
  }
}

/** The URI of the first Contact; `null` when there is none. */
function contactUri(message: SipMessage): string | null {
  const [first] = headerValues(message, 'Contact')
  return first === undefined ? null : (parseNameAddr(first)?.uri ?? null)
}

/** The caller as the far end, from the request that began the dialog (RFC 3261 12.1.1). `null` when it names no URI. */
export function peerFromRequest(request: SipRequest): DialogPeer | null {
  // A caller of RFC 2543 need not give a Contact: its From is where it is reached (RFC 4475 3.4.1).
  const caller = parseNameAddr(headerValue(request, 'From') ?? '')?.uri ?? null
  return describePeer(request, 'From', headerValues(request, 'Record-Route'), caller)
}

/** The callee as the far end, from its response (RFC 3261 12.1.2). */
export function peerFromResponse(response: SipMessage, requestUri: string): DialogPeer | null {
  // A provisional response may lack the Contact; until it is known, the URI that was called must do.
  return describePeer(response, 'To', headerValues(response, 'Record-Route').reverse(), requestUri)
}

function describePeer(
  message: SipMessage,
  side: 'From' | 'To',
  routes: readonly string[],
  fallback: string | null = null,
): DialogPeer | null {
  const party = headerValue(message, side)
  const target = contactUri(message) ?? fallback
  if (party === null || target === null) return null
  // A peer of RFC 2543 has no tag; to compare, an empty one serves (RFC 3261 12.1).
  const tag = tagOf(party) ?? ''
  const allowsUpdate = headerValues(message, 'Allow').includes('UPDATE')
  return { tag, party, target, routes, rseq: Number(headerValue(message, 'RSeq') ?? 0), allowsUpdate }
}

/**
 * The border between the transaction layer (RFC 3261 section 17, which knows retransmissions and timers) and its users: the proxy
 * core, the dialogs and the control protocol. The users never see a retransmission, a 100 made by us, or an ACK to a non-2xx.
 */
import type { HopAddress, SipRequest, SipResponse } from '../../message/message.ts'
import type { Destination } from '../transport/destination.ts'

/** A request that a peer sent us, and the place to answer it. */
export interface ServerTransaction {
  readonly id: string
  readonly request: SipRequest
  /** Where the request came from (the packet's source, not the Via) and the local socket that took it. */
  readonly source: HopAddress
  readonly local: HopAddress
  readonly receivedAt: number
  /** `completed` once a final response was sent; a second final response is refused by `respond`. */
  readonly state: 'proceeding' | 'completed' | 'terminated'
  /**
   * Sends a response: the layer only routes it (Via, RFC 3581 rport), repeats it as the timers say and absorbs ACKs to non-2xx.
   * A 2xx to an INVITE is sent once: its retransmission belongs to the user (RFC 3261 13.3.1.4). Returns false when too late.
   */
  respond(response: SipResponse): boolean
}

/** A request that we sent, until its transaction ends. */
export interface ClientTransaction {
  readonly id: string
  readonly request: SipRequest
  readonly destination: HopAddress
  readonly local: HopAddress
  /** RFC 3261 9.1: sent once a provisional response came, at the latest then; no effect after a final one. Extra headers such as Reason. */
  cancel(extraHeaders: readonly { readonly name: string; readonly value: string }[]): void
  /** Forgets the transaction without sending anything more. */
  abandon(): void
}

export interface ClientTransactionUser {
  /**
   * Every provisional but 100 (100 too, as `status: 100`, so that a proxy may stop its no-answer timer), every 2xx (repeated 2xx from
   * the same or another fork included), the first non-2xx final. ACK to a non-2xx has been sent already.
   */
  onResponse(response: SipResponse, transaction: ClientTransaction): void
  /** Timer B or F fired, or the transport failed; nothing more will come. */
  onFailure(failure: 'timeout' | 'transport', detail: string, transaction: ClientTransaction): void
}

export interface TransactionUser {
  /** A new request outside ACK and CANCEL. An INVITE has already been answered with 100. */
  onRequest(transaction: ServerTransaction): void
  /** An ACK that matches no transaction: it acknowledges a 2xx, end to end. */
  onAck(ack: SipRequest, source: HopAddress, local: HopAddress, receivedAt: number): void
  /** A CANCEL for a live INVITE transaction; the layer has answered the CANCEL with 200, the user answers the INVITE with 487. */
  onCancel(cancel: SipRequest, invite: ServerTransaction): void
  /** A response that matches no client transaction (a 2xx from a fork after ours ended); a proxy may still have to forward it. */
  onStrayResponse(response: SipResponse, source: HopAddress, local: HopAddress): void
}

export interface TransactionLayer {
  /** The address under which that destination sees us, for Via, Contact and Record-Route; `null` when no socket of ours reaches it. */
  localFor(destination: HopAddress): HopAddress | null
  /** Sends a request through a new client transaction: adds the topmost Via. Never for ACK. */
  request(request: SipRequest, destination: Destination, user: ClientTransactionUser): ClientTransaction
  /** Sends an ACK to a 2xx, or any message that has no transaction, adding the topmost Via. */
  sendStateless(message: SipRequest, destination: Destination): void
  /** Forwards a response along its own topmost Via. */
  sendResponseStateless(response: SipResponse): void
}

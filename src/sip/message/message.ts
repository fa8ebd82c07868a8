/**
 * A SIP message (RFC 3261 section 7) as plain data. Header fields keep their order, their spelling and their raw values; compact
 * names are expanded on parsing. A field is split into its comma-separated values only when asked (headers.ts).
 */

export interface HeaderField {
  /** As on the wire, compact forms expanded (`v` becomes `Via`). Compare names case-insensitively. */
  readonly name: string
  /** Unfolded and trimmed; may hold several comma-separated values. */
  readonly value: string
}

export interface SipRequest {
  readonly kind: 'request'
  readonly method: string
  readonly uri: string
  readonly headers: readonly HeaderField[]
  readonly body: Buffer
}

export interface SipResponse {
  readonly kind: 'response'
  /** 100 to 699. */
  readonly status: number
  readonly reason: string
  readonly headers: readonly HeaderField[]
  readonly body: Buffer
}

export type SipMessage = SipRequest | SipResponse

/** An address a message came from or goes to. */
export interface HopAddress {
  readonly transport: 'udp' | 'tcp' | 'tls'
  readonly address: string
  readonly port: number
}

/**
 * A message seen at the caller's side of a transaction: requests as they were received, responses as they were sent to whoever
 * asked. This is what the SIP sources make signals of; a HEP mirror yields the same shape.
 */
export interface SeenMessage {
  readonly at: number
  readonly direction: 'received' | 'sent'
  /** The far end: the sender of a received message, the receiver of a sent one. */
  readonly peer: HopAddress
  readonly message: SipMessage
}

/** What peers can make the SIP server hold, at most. */
export interface SipLimits {
  /**
   * Server and client transactions, those included that only linger to absorb retransmissions (32 s after their end over UDP): 1,000
   * calls a second through the proxy are about 110,000. Beyond it new requests get 503.
   */
  readonly maxTransactions: number
  readonly maxConnections: number
  /** How long a TCP connection may be silent. RFC 5626 keep-alives come every two minutes or more often. */
  readonly idleTimeoutMs: number
  /** How long a message may take from its first byte to its last. */
  readonly partialTimeoutMs: number
  readonly connectTimeoutMs: number
  /** Bytes that a peer may leave unread before its connection is closed. */
  readonly maxUnsentBytes: number
}

export const DEFAULT_SIP_LIMITS: SipLimits = {
  maxTransactions: 200_000,
  maxConnections: 1_000,
  idleTimeoutMs: 600_000,
  partialTimeoutMs: 32_000,
  connectTimeoutMs: 5_000,
  maxUnsentBytes: 1_048_576,
}

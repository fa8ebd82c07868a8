/** What peers can make the SIP server hold, at most. */
export interface SipLimits {
  /**
   * Server and client transactions, those included that only linger to absorb retransmissions (32 s after their end over UDP): 1,000
   * calls a second through the proxy are about 110,000. Beyond it new requests get 503.
   */
  readonly maxTransactions: number
  /** TCP and TLS connections that peers opened; as many again may be opened by us. */
  readonly maxConnections: number
  /** Those of one IP address. */
  readonly maxConnectionsPerPeer: number
  /**
   * How long a TCP or TLS connection may be silent. Longer than a call goes without a word: session timers (RFC 4028) mostly refresh after 15
   * minutes, keep-alives (RFC 5626) come every two minutes or more often.
   */
  readonly idleTimeoutMs: number
  /** How long a message may take from its first byte to its last. */
  readonly partialTimeoutMs: number
  /** How long a TCP connection and its TLS handshake may take. */
  readonly connectTimeoutMs: number
  /** Bytes that a peer may leave unread before its connection is closed. */
  readonly maxUnsentBytes: number
}

export const DEFAULT_SIP_LIMITS: SipLimits = {
  maxTransactions: 200_000,
  maxConnections: 1_000,
  maxConnectionsPerPeer: 100,
  idleTimeoutMs: 3_600_000,
  partialTimeoutMs: 32_000,
  connectTimeoutMs: 5_000,
  maxUnsentBytes: 1_048_576,
}

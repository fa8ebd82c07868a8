/** The timers of RFC 3261 section 17 (table 4), all of them multiples of three estimates. */
export interface SipTimers {
  /** Round-trip estimate: the first retransmission interval. */
  readonly t1Ms: number
  /** The longest interval between retransmissions of anything but an INVITE. */
  readonly t2Ms: number
  /** How long a message may live in the network. */
  readonly t4Ms: number
}

export const DEFAULT_SIP_TIMERS: SipTimers = { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000 }

/** Timers B, D, F, H, J, L and M: how long a transaction waits for an answer, or lingers to absorb what still comes. */
export function lifetimeMs(timers: SipTimers): number {
  return 64 * timers.t1Ms
}

/** What the SIP server's lower half counts. Plain numbers that only grow; whoever shows them as metrics reads them when asked. */
import type { MalformedReason } from '../message/parse.ts'

export interface SipCounters {
  /** Whole messages read from and written to the network, retransmissions included. */
  received: number
  sent: number
  /** Refused input by reason; `bad-via` is a request or response whose topmost Via can't be read. */
  readonly malformed: Partial<Record<MalformedReason | 'bad-via', number>>
  keepalives: number
  retransmissionsReceived: number
  retransmissionsSent: number
  /** Timers B, F and H, and their like: nobody answered, or nobody acknowledged. */
  timeouts: number
  /** A send or a connection failed. */
  transportErrors: number
  /** Requests that `accept` dropped silently. */
  dropped: number
  /** New requests answered 503 because the transaction table is full. */
  overloaded: number
  strayResponses: number
  connectionsAccepted: number
  connectionsOpened: number
  /** Over the limit: closed at once, or not opened. */
  connectionsRefused: number
  /** Closed because their bytes were no SIP. */
  connectionsClosedMalformed: number
  /** Closed because they were silent, or a message took too long to come. */
  connectionsTimedOut: number
  /** A callback of the layer's user threw: a bug of ours. */
  userErrors: number
}

/** All zero. */
export function newSipCounters(): SipCounters {
  return {
    received: 0,
    sent: 0,
    malformed: {},
    keepalives: 0,
    retransmissionsReceived: 0,
    retransmissionsSent: 0,
    timeouts: 0,
    transportErrors: 0,
    dropped: 0,
    overloaded: 0,
    strayResponses: 0,
    connectionsAccepted: 0,
    connectionsOpened: 0,
    connectionsRefused: 0,
    connectionsClosedMalformed: 0,
    connectionsTimedOut: 0,
    userErrors: 0,
  }
}

/** Counts one refused message; whether it deserves a log line: the first of its kind and every 1,000th do, or a scan would fill the log. */
export function countMalformed(counters: SipCounters, reason: MalformedReason | 'bad-via'): boolean {
  const count = (counters.malformed[reason] ?? 0) + 1
  counters.malformed[reason] = count
  return count % 1000 === 1
}

/** What the SIP server's lower half counts. Plain numbers that only grow; whoever shows them as metrics reads them when asked. */
import type { MalformedReason } from '../message/parse.ts'

export interface SipCounters {
  /** Whole messages read from and written to the network, retransmissions included. */
  received: number
  sent: number
  /** Refused input by reason; `bad-via` is a request or response whose topmost Via can't be read. */
  readonly malformed: Partial<Record<MalformedReason | 'bad-via', number>>
  /** Refused input that could be answered all the same (400, 505, 513). */
  malformedAnswered: number
  keepalives: number
  retransmissionsReceived: number
  retransmissionsSent: number
  /** Timers B, F and H, and their like: nobody answered, or nobody acknowledged. */
  timeouts: number
  /** A send or a connection failed. */
  transportErrors: number
  /** Requests that were not let in and got no answer. */
  dropped: number
  /** Requests that were not let in and were told so. */
  refused: number
  /** Requests that could be read, but not acted on: answered 400 or 416. */
  unfit: number
  /** New requests answered 503 because the transaction table is full. */
  overloaded: number
  strayResponses: number
  connectionsAccepted: number
  connectionsOpened: number
  /** Over the limit of all: closed at once, or not opened. */
  connectionsRefused: number
  /** Over the limit of one peer: closed at once. */
  connectionsRefusedPerPeer: number
  /** Closed because their bytes were no SIP. */
  connectionsClosedMalformed: number
  /** Closed because they were silent, or a message took too long to come. */
  connectionsTimedOut: number
  /** Peers that connected and did not get as far as encrypted SIP: not TLS, too old, or without the certificate that is asked for. */
  tlsHandshakesFailed: number
  /** Far ends that we connected to and did not believe. */
  tlsPeersRefused: number
  /** Datagrams above 1,300 bytes: IP may have to cut them up (RFC 3261 18.1.1). */
  longDatagramsSent: number
  /** A callback of the layer's user threw: a bug of ours. */
  userErrors: number
}

/** All zero. */
export function newSipCounters(): SipCounters {
  return {
    received: 0,
    sent: 0,
    malformed: {},
    malformedAnswered: 0,
    keepalives: 0,
    retransmissionsReceived: 0,
    retransmissionsSent: 0,
    timeouts: 0,
    transportErrors: 0,
    dropped: 0,
    refused: 0,
    unfit: 0,
    overloaded: 0,
    strayResponses: 0,
    connectionsAccepted: 0,
    connectionsOpened: 0,
    connectionsRefused: 0,
    connectionsRefusedPerPeer: 0,
    connectionsClosedMalformed: 0,
    connectionsTimedOut: 0,
    tlsHandshakesFailed: 0,
    tlsPeersRefused: 0,
    longDatagramsSent: 0,
    userErrors: 0,
  }
}

/** Counts one refused message; whether it deserves a log line: the first of its kind and every 1,000th do, or a scan would fill the log. */
export function countMalformed(counters: SipCounters, reason: MalformedReason | 'bad-via'): boolean {
  const count = (counters.malformed[reason] ?? 0) + 1
  counters.malformed[reason] = count
  return count % 1000 === 1
}

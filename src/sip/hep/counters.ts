/** What the HEP listener counts. Plain numbers that only grow; whoever shows them as metrics reads them when asked. */
import type { MalformedReason } from '../message/parse.ts'
import type { HepMalformedReason } from './packet.ts'

/** Why a packet was dropped, other than being malformed. */
export type HepDrop =
  /** Its sender is not in hep.peers; over TCP a whole connection counts once. */
  | 'stranger'
  | 'wrong-key'
  /** The same message was captured before (duplicates.ts). */
  | 'duplicate'
  /** Captured longer ago than hep.max_age. */
  | 'too-old'
  /** Type 5, but no RTCP as JSON. */
  | 'not-rtcp'
  /** No more TCP connections than the limit. */
  | 'too-many-connections'
  /** A TCP stream without HEPv3 packets in it, closed. */
  | 'stream-lost'
  /** A packet that did not end within its time, or when its connection ended. */
  | 'stream-cut'

export interface HepCounters {
  /** Whole packets from peers, whatever became of them. */
  packets: number
  bytes: number
  /** What was passed on. */
  sip: number
  rtcp: number
  keepAlives: number
  /** Payloads of other types (logs, statistics), not read. */
  otherTypes: number
  readonly dropped: Partial<Record<HepDrop, number>>
  readonly malformed: Partial<Record<HepMalformedReason, number>>
  /** Type 1, but no SIP message, by the parser's reason. */
  readonly notSip: Partial<Record<MalformedReason, number>>
  /** Bytes of TCP streams between packets. */
  skippedBytes: number
  /** Packets without a time, or with one that lies in the future: their arrival was taken instead. */
  untrustedTimes: number
  /** Datagrams that the kernel dropped because the receive buffer was full; Linux tells. */
  kernelDrops: number
  connectionsAccepted: number
  /** A callback of ours threw: a bug. */
  callbackErrors: number
}

/** All zero. */
export function newHepCounters(): HepCounters {
  return {
    packets: 0,
    bytes: 0,
    sip: 0,
    rtcp: 0,
    keepAlives: 0,
    otherTypes: 0,
    dropped: {},
    malformed: {},
    notSip: {},
    skippedBytes: 0,
    untrustedTimes: 0,
    kernelDrops: 0,
    connectionsAccepted: 0,
    callbackErrors: 0,
  }
}

/** Counts one under its reason; whether it deserves a log line: the first of its kind and every 1,000th do, or a flood would fill the log. */
export function countReason<R extends string>(counts: Partial<Record<R, number>>, reason: R): boolean {
  const count = (counts[reason] ?? 0) + 1
  counts[reason] = count
  return count % 1000 === 1
}

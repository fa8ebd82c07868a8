/**
 * Events: what the rest of the world may learn about a call. Immutable, numbered within their call from 1, stored before
 * anyone is told (docs/adr/0004). Each carries the whole call as it then was, so a later event supersedes an earlier one.
 */
import type { Choice } from './choice.ts'
import type { Directives } from './directives.ts'
import type { Outcome } from './outcome.ts'

export type CallId = string & { readonly __brand: 'CallId' }
export type EventId = string & { readonly __brand: 'EventId' }

export const eventTypes = [
  'call.started',
  'call.ringing',
  'call.answered',
  'call.held',
  'call.resumed',
  'call.transferred',
  'call.merged',
  'call.ended',
] as const
export type EventType = (typeof eventTypes)[number]

export type Direction = 'inbound' | 'outbound' | 'internal'

/** A number as the bridge reports it: E.164 for real numbers, bare for extensions, `null` value for anonymous callers. */
export interface CallParty {
  readonly kind: 'e164' | 'extension' | 'anonymous' | 'other'
  /** `+14155550100`, `1001`; for `other` what the wire said; for `anonymous` the word `anonymous`. */
  readonly value: string
  readonly display: string | null
}

export interface AgentOnCall {
  readonly id: number
  readonly extension: string
  readonly name: string
}

/** One SIP dialog of the call. */
export interface LegSnapshot {
  readonly sipCallId: string
  readonly from: CallParty
  readonly to: CallParty
  readonly direction: Direction
  readonly startedAt: number
  readonly answeredAt: number | null
  readonly endedAt: number | null
  readonly sipCode: number | null
  readonly q850: number | null
}

/** A call at one moment. Times are epoch ms; durations are ms and are rounded to whole seconds only on the wire. */
export interface CallSnapshot {
  readonly id: CallId
  readonly from: CallParty
  readonly to: CallParty
  readonly direction: Direction
  /** `null` until the call has ended, and for good where it was merged into another. */
  readonly outcome: Outcome | null
  readonly startedAt: number
  readonly answeredAt: number | null
  readonly endedAt: number | null
  /** From answer to end. */
  readonly durationMs: number
  /** From start to answer, or to the end of a call nobody answered. */
  readonly waitMs: number
  /** Time that at least one party had the call on hold. */
  readonly holdMs: number
  readonly agents: readonly AgentOnCall[]
  readonly tags: readonly string[]
  /**
   * What the PBX's dialplan asks for this call, by the lower-case name after `X-Zendesk-`: `ticket-id`, `queue`, `subject`. Absent
   * when it asks nothing, and in events that were stored before it was read.
   */
  readonly directives?: Directives
  /** Whether the caller agreed to be recorded, as the PBX said last; absent when it did not say. */
  readonly consent?: Choice
  /** Absent while nobody passed the call on. */
  readonly transfers?: readonly TransferSnapshot[]
  /** Only in the last event of a call that turned out to be part of an older one, which goes on: then `endedAt` is when that was known. */
  readonly mergedInto?: CallId
  readonly legs: readonly LegSnapshot[]
}

/** Somebody passed the call on; epoch ms. */
export interface TransferSnapshot {
  readonly kind: 'blind' | 'attended'
  readonly by: CallParty
  readonly to: CallParty
  readonly at: number
}

export interface CallEvent {
  /** `CALL_ID.answered.1`: the n-th event of that type of that call. Also the idempotency key of its delivery. */
  readonly id: EventId
  readonly callId: CallId
  readonly type: EventType
  /** 1, 2, 3 … without gaps within the call. */
  readonly sequence: number
  readonly occurredAt: number
  readonly site: string
  readonly call: CallSnapshot
}

/**
 * Jobs: one durable piece of delivery work each. A job's id is the id of the event or item that it delivers, and the
 * idempotency key of every attempt, so a delivery that is repeated after a crash is the same delivery.
 *
 *            claim                 acknowledged
 *   pending ───────▶ running ─────────────────────▶ delivered
 *    ▲  │ ▲             │ │
 *    │  │ └─────────────┘ └──────────▶ dead ───────▶ dropped
 *    │  │  retry, wait,    rejected,     │  operator    ▲ │
 *    │  │  put back        gave up       │              │ │
 *    │  └────────────────────────────────┼──────────────┘ │
 *    └───────────────────────────────────┴────────────────┘ operator redrives
 *
 * Only the worker moves a job out of `running`; an operator acts on every other state but `delivered`.
 */
import type { CallId } from '../events/event.ts'

export type JobId = string & { readonly __brand: 'JobId' }

/** Names a job by the id of the event or item that it delivers. */
export const jobId = (id: string): JobId => id as JobId

export type JobKind = 'event' | 'recording' | 'voicemail'

/** Events and media are delivered by separate slots, so that an upload of an hour never delays an event. */
export type Lane = 'event' | 'media'

/** Both lanes, the one that goes first first. */
export const lanes: readonly Lane[] = ['event', 'media']

export const jobStates = ['pending', 'running', 'delivered', 'dead', 'dropped'] as const

/** Times are epoch ms. `attempts` counts deliveries that failed and were spent; a wait spends none. */
export type JobState =
  | { readonly kind: 'pending'; readonly runAt: number; readonly attempts: number; readonly lastError: string | null }
  | { readonly kind: 'running'; readonly startedAt: number; readonly attempts: number }
  | { readonly kind: 'delivered'; readonly deliveredAt: number; readonly attempts: number; readonly remoteId: string | null }
  | { readonly kind: 'dead'; readonly diedAt: number; readonly attempts: number; readonly reason: string }
  | { readonly kind: 'dropped'; readonly droppedAt: number; readonly reason: string }

/** What `plan.ts` decides about a job, before it is stored. */
export interface PlannedJob {
  readonly id: JobId
  readonly kind: JobKind
  readonly lane: Lane
  /** Jobs of one key wait for each other; `null` waits for nobody. */
  readonly orderKey: CallId | null
  /** The place within the key: an event's sequence, 0 for media. */
  readonly orderNo: number
}

/** A stored job, as operators see it. */
export interface Job extends PlannedJob {
  readonly createdAt: number
  readonly state: JobState
}

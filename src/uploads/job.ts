/**
 * Jobs: one durable piece of work each, for one sink. A job's id comes from that of the event or item that it is about, and is the
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

/** Takes a text for the id of a job. */
export const jobId = (id: string): JobId => id as JobId

/** What a job is about. */
export type JobKind = 'event' | 'recording' | 'voicemail'

/** Lanes have slots of their own, so that an upload of an hour never delays an event. Those of one sink stand in the order in which they go. */
export const lanes = ['event', 'media', 'archive', 'erasure'] as const
export type Lane = (typeof lanes)[number]

/** Where jobs go. Each sink has a worker, so one that is away holds back nothing of the others. */
export const sinkNames = ['zendesk', 'archive', 'erasure'] as const
export type SinkName = (typeof sinkNames)[number]

/** Which sink the jobs of a lane go to. */
export const sinkOf = (lane: Lane): SinkName => (lane === 'event' || lane === 'media' ? 'zendesk' : lane)

/** The job that delivers something in a lane: Zendesk's is named like what it delivers, any other one after its sink, too. */
export const jobIdOf = (subject: string, lane: Lane): JobId => jobId(sinkOf(lane) === 'zendesk' ? subject : `${subject}.${lane}`)

/** The id of the event or item that a job is about. */
export const subjectOf = ({ id, lane }: { readonly id: JobId; readonly lane: Lane }): string =>
  sinkOf(lane) === 'zendesk' ? id : id.slice(0, -`.${lane}`.length)

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

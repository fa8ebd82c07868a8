/** Uploads as an operator sees them: one row for each piece of work, from the moment it was found until a sink has it. */
import { z } from 'zod'
import { timestamp, toTimestamp, toTimestampOrNull } from './timestamp.ts'

/**
 * waiting and quarantined are audio that has no delivery job yet (events/recording.ts); the others are the job's states.
 * dead: a sink refused it for good, or it ran out of time. An operator may redrive or drop what is neither delivered nor running.
 */
export const uploadStates = ['waiting', 'quarantined', 'pending', 'running', 'delivered', 'dead', 'dropped'] as const
export type UploadState = (typeof uploadStates)[number]

/** Where deliveries go; `erasure` takes things away again. */
export const sinks = ['zendesk', 'archive', 'erasure'] as const
export type SinkName = (typeof sinks)[number]

/** One piece of delivery work. Times are epoch ms. */
export interface Upload {
  /** Comes from the event or audio item; also the idempotency key of the delivery. */
  readonly id: string
  readonly sink: SinkName
  readonly kind: 'event' | 'recording' | 'voicemail'
  readonly state: UploadState
  readonly callId: string | null
  /** Deliveries that were tried and counted. */
  readonly attempts: number
  /** The last error, or why it is dead, dropped or quarantined. */
  readonly reason: string | null
  readonly createdAt: number
  /** When a pending one is tried next; `null` for the other states. */
  readonly nextAttemptAt: number | null
  /** When the sink acknowledged it. */
  readonly deliveredAt: number | null
  /** The sink's own id for it. */
  readonly remoteId: string | null
}

/** An upload in an answer. */
export const uploadView = z.object({
  id: z.string(),
  sink: z.enum(sinks),
  kind: z.enum(['event', 'recording', 'voicemail']),
  state: z.enum(uploadStates),
  call_id: z.string().nullable(),
  attempts: z.number(),
  reason: z.string().nullable(),
  created_at: timestamp,
  next_attempt_at: timestamp.nullable(),
  delivered_at: timestamp.nullable(),
  remote_id: z.string().nullable(),
})

/** Shows an upload. */
export function viewUpload(upload: Upload): z.input<typeof uploadView> {
  return {
    id: upload.id,
    sink: upload.sink,
    kind: upload.kind,
    state: upload.state,
    call_id: upload.callId,
    attempts: upload.attempts,
    reason: upload.reason,
    created_at: toTimestamp(upload.createdAt),
    next_attempt_at: toTimestampOrNull(upload.nextAttemptAt),
    delivered_at: toTimestampOrNull(upload.deliveredAt),
    remote_id: upload.remoteId,
  }
}

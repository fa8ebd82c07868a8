/** An upload: one piece of delivery work as operators see it, whether it is a job already or audio that waits or was quarantined. */
import type { AudioItem } from '../../events/recording.ts'
import { type Job, type JobState, type SinkName, sinkOf } from '../job.ts'

/** The states of a job, and those of audio that has no job yet. */
export type UploadState = JobState['kind'] | 'waiting' | 'quarantined'

/** One piece of work. Its id comes from the event or audio item, and is the idempotency key of its delivery. Times are epoch ms. */
export interface Upload {
  readonly id: string
  readonly sink: SinkName
  readonly kind: 'event' | 'recording' | 'voicemail'
  readonly state: UploadState
  readonly callId: string | null
  readonly attempts: number
  /** The last error, or why it is dead, dropped or quarantined. */
  readonly reason: string | null
  readonly createdAt: number
  readonly nextAttemptAt: number | null
  readonly deliveredAt: number | null
  readonly remoteId: string | null
}

export const uploadOfJob = (job: Job): Upload => {
  const { state } = job
  const reason =
    state.kind === 'pending' ? state.lastError : state.kind === 'dead' || state.kind === 'dropped' ? state.reason : null
  return {
    id: job.id,
    sink: sinkOf(job.lane),
    kind: job.kind,
    state: state.kind,
    callId: job.orderKey,
    attempts: state.kind === 'dropped' ? 0 : state.attempts,
    reason,
    createdAt: job.createdAt,
    nextAttemptAt: state.kind === 'pending' ? state.runAt : null,
    deliveredAt: state.kind === 'delivered' ? state.deliveredAt : null,
    remoteId: state.kind === 'delivered' ? state.remoteId : null,
  }
}

export const uploadOfItem = (item: AudioItem): Upload => ({
  id: item.id,
  sink: 'zendesk',
  kind: item.kind,
  // Items that are queued or delivered have a job; one whose job was pruned is of no use to a desk.
  state: item.state === 'queued' ? 'pending' : item.state,
  callId: item.callId,
  attempts: 0,
  reason: item.reason,
  createdAt: item.foundAt,
  nextAttemptAt: null,
  deliveredAt: null,
  remoteId: null,
})

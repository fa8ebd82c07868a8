/** What the worker needs of a store. Every method is one durable step: when its promise resolves, a crash forgets nothing of it. */
import type { CallEvent } from '../events/event.ts'
import type { AudioItem } from '../events/recording.ts'
import type { Lane, PlannedJob } from './job.ts'
import type { Verdict } from './verdict.ts'

export type JobPayload =
  | { readonly kind: 'event'; readonly event: CallEvent }
  | { readonly kind: 'item'; readonly item: AudioItem }
  /** What is to be delivered cannot be read any more; the job can only be buried. */
  | { readonly kind: 'unreadable'; readonly reason: string }

export interface ClaimedJob extends PlannedJob {
  readonly createdAt: number
  /** When it was planned or last redriven, epoch ms: `give_up_after` counts from here. */
  readonly dueSince: number
  /** Failed deliveries so far. */
  readonly attempts: number
  readonly payload: JobPayload
}

export interface Settled {
  readonly job: ClaimedJob
  readonly verdict: Verdict
}

export interface JobQueue {
  /** Makes jobs of these lanes that a dead process was delivering pending again; answers how many. */
  recover(lanes: readonly Lane[]): Promise<number>
  /** Makes all pending jobs of these lanes due, for the clock was set back; answers how many. */
  makeDue(lanes: readonly Lane[]): Promise<number>
  /** Makes up to `limit` jobs that are due and whose turn it is running: half the oldest due, half the newest, oldest first. */
  claim(lane: Lane, limit: number): Promise<readonly ClaimedJob[]>
  /** Stores what became of running jobs, all in one transaction. */
  settle(settled: readonly Settled[]): Promise<void>
  /**
   * When the next pending job whose turn it is falls due, epoch ms. One that got its time from a clock that was set back since, while
   * nobody looked, is made due.
   */
  nextRunAt(lane: Lane): Promise<number | null>
}

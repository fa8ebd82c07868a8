/**
 * Which jobs may begin, and when to look again: the operators' pause, the slots of a lane, the pace of the sink and the rate limit, asked
 * in this order.
 *
 * 1. Lanes are claimed from in their order: events before media.
 * 2. Nothing is claimed without leave of the rate limit, so a claimed job goes out at once.
 */
import type { Allowance } from './flow/allowance.ts'
import type { Pace } from './flow/pace.ts'
import type { Lane, SinkName } from './job.ts'
import type { ClaimedJob, JobQueue } from './job-queue.ts'

const POLL_MS = 1_000

/** An operator wants a sink to get nothing until somebody resumes it. */
export interface OperatorPause {
  readonly sink: SinkName
  /** Epoch ms. */
  readonly since: number
  readonly actor: string
  readonly reason: string
}

export interface ClaimsOptions {
  /** The one that goes first first. */
  readonly lanes: readonly Lane[]
  readonly queue: JobQueue
  /** Asked before each round, so cheap; `null` when nobody has paused the sink. */
  readonly operatorPause: () => Promise<OperatorPause | null>
  readonly limit: Allowance
  readonly pace: Pace
  /** How many deliveries of a lane are under way. */
  readonly underWay: (lane: Lane) => number
  /** The pause is over: whatever else held the sink back may be mended, too. */
  readonly onResumed: () => void
  /** Begins a delivery. */
  readonly launch: (job: ClaimedJob) => void
  /** The rate limit, and not the slots, holds deliveries back. */
  readonly onLimited: () => void
  /** Epoch ms. */
  readonly now: () => number
}

export class Claims {
  readonly #options: ClaimsOptions
  #limitedUntil: number | null = null
  #operatorPause: OperatorPause | null = null

  constructor(options: ClaimsOptions) {
    this.#options = options
  }

  /** Until when the rate limit holds back what is due, as the last round found it; `null` when it does not. Epoch ms. */
  get limitedUntil(): number | null {
    return this.#limitedUntil
  }

  /** Who has paused the sink, as the last round found it. */
  get operatorPause(): OperatorPause | null {
    return this.#operatorPause
  }

  /** Fills the free slots; answers when to look again, epoch ms. Rejects when the store fails. */
  async round(): Promise<number> {
    const { lanes, pace, underWay, now } = this.#options
    this.#limitedUntil = null
    await this.#lookForPause()
    let nextAt = now() + POLL_MS
    if (this.#operatorPause !== null) return nextAt
    for (const lane of lanes) {
      const room = pace.room(lane, underWay(lane), now())
      // Without room there is nothing to wait for but an answer, or the end of the breaker's pause.
      const dueAt = room === 0 ? pace.opensAt(now()) : await this.#claimDue(lane, room)
      if (dueAt !== null) nextAt = Math.min(nextAt, Math.max(dueAt, this.#allowedAt(dueAt)))
    }
    return nextAt
  }

  async #lookForPause(): Promise<void> {
    const { operatorPause, onResumed } = this.#options
    const before = this.#operatorPause
    this.#operatorPause = await operatorPause()
    if (before !== null && this.#operatorPause === null) onResumed()
  }

  /** Launches up to `most` deliveries that are due; answers when the next one of the lane falls due. */
  async #claimDue(lane: Lane, most: number): Promise<number | null> {
    const { queue, limit, launch, now } = this.#options
    // Looked at first: a reservation that nothing uses is one that another bridge could have used.
    const dueAt = await queue.nextRunAt(lane)
    if (dueAt === null || dueAt > now()) return dueAt
    const allowed = await limit.reserve(most, now())
    if (allowed === 0) return dueAt
    let claimed = 0
    try {
      const jobs = await queue.claim(lane, allowed)
      claimed = jobs.length
      for (const job of jobs) launch(job)
    } finally {
      if (claimed < allowed) await limit.release(allowed - claimed, now())
    }
    // With every slot taken, the next look comes when one is free again.
    return claimed === most ? null : await queue.nextRunAt(lane)
  }

  /** When the limit lets the next delivery out, which is due at `dueAt`; notes when the limit is what holds it back. */
  #allowedAt(dueAt: number): number {
    const { limit, pace, onLimited, now } = this.#options
    const at = now()
    const allowedAt = limit.nextAt(at)
    if (dueAt <= at && at < allowedAt && limit.pause(at) === null) {
      this.#limitedUntil = allowedAt
      onLimited()
    }
    return Math.max(allowedAt, pace.opensAt(at) ?? 0)
  }
}

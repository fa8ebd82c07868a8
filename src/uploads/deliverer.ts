/**
 * One delivery, from the claimed job to the verdict on it. What it says of the sink as a whole goes to the pace and to the rate limit, which
 * hold the next ones back.
 */
import { type Attempt, attempt } from './attempt.ts'
import type { Prepared } from './delivery.ts'
import type { DeliveryLog } from './delivery-log.ts'
import type { DeliveryCounters } from './delivery-stats.ts'
import type { Allowance } from './flow/allowance.ts'
import type { Pace } from './flow/pace.ts'
import type { Lane } from './job.ts'
import type { ClaimedJob } from './job-queue.ts'
import type { RetryPolicy } from './retry.ts'
import type { DeliveryResult, Sink } from './sink.ts'
import { boundedWaitMs, type Judgement, judge, judgeFault, type Verdict } from './verdict.ts'

export interface DelivererOptions<D> {
  readonly sink: Sink<D>
  readonly limit: Allowance
  /** Told how each delivery ended; the worker has told it that it began. */
  readonly pace: Pace
  /** How many deliveries of a lane are under way. */
  readonly underWay: (lane: Lane) => number
  /** Asked when a delivery has ended, because it may be changed meanwhile. */
  readonly policy: () => RetryPolicy
  /** Where faults of ours and pauses are counted. */
  readonly counters: Pick<DeliveryCounters, 'faults' | 'pauses'>
  readonly log: DeliveryLog
  /** Epoch ms. */
  readonly now: () => number
  /** A clock that nobody can set, ms. */
  readonly ticks: () => number
  /** 0 … 1, as Math.random. */
  readonly random: () => number
}

/** What may be another from one delivery to the next. */
export interface DeliverBy<D> {
  readonly prepare: (job: ClaimedJob) => Prepared<D>
  /** Aborted when the bridge stops. */
  readonly stop: AbortSignal
}

export class Deliverer<D> {
  readonly #options: DelivererOptions<D>

  constructor(options: DelivererOptions<D>) {
    this.#options = options
  }

  /** Delivers once, and answers what is to become of the job. Never rejects. */
  async deliver(job: ClaimedJob, { prepare, stop }: DeliverBy<D>): Promise<Verdict> {
    const { sink, pace, underWay, ticks, now } = this.#options
    try {
      const prepared = prepare(job)
      if (prepared.kind === 'undeliverable') {
        pace.abandoned(now())
        await this.#giveBack()
        return { kind: 'dead', reason: prepared.reason }
      }
      const startedAt = ticks()
      const done = await attempt(sink, prepared.delivery, { timeoutMs: prepared.timeoutMs, stop })
      pace.ended(done, { lane: job.lane, tookMs: ticks() - startedAt, underWay: underWay(job.lane), now: now() })
      if (done.kind === 'answered' && done.result.unasked === true) await this.#giveBack()
      return this.#verdictOn(job, done)
    } catch (error) {
      pace.abandoned(now())
      return this.#verdictOn(job, { kind: 'threw', error })
    }
  }

  /** The request that was reserved with a claim did not go out. A limit that cannot be told so is a little lower for a moment. */
  async #giveBack(): Promise<void> {
    const { limit, log, now } = this.#options
    try {
      await limit.release(1, now())
    } catch (err) {
      log.warn({ err }, 'a request that was not sent could not be given back to the rate limit')
    }
  }

  #verdictOn(job: ClaimedJob, done: Attempt): Verdict {
    const { policy, now, random, log, sink, counters } = this.#options
    const on: Judgement = { attempts: job.attempts, dueSince: job.dueSince, policy: policy(), now: now(), random }
    switch (done.kind) {
      case 'stopped':
        return { kind: 'put-back' }
      case 'threw': {
        counters.faults++
        log.error({ err: done.error, job: job.id, sink: sink.name }, 'a sink threw, which is a bug; the delivery is retried')
        return judgeFault(done.error instanceof Error ? done.error.message : String(done.error), on)
      }
      case 'answered':
        this.#pauseIfAsked(done.result)
        return judge(done.result, on)
      default:
        throw new TypeError(`no such attempt: ${JSON.stringify(done satisfies never)}`)
    }
  }

  #pauseIfAsked(result: DeliveryResult): void {
    if (result.kind !== 'wait' || result.scope !== 'sink') return
    const { limit, log, now, sink, counters } = this.#options
    const at = now()
    const until = at + boundedWaitMs(result.afterMs)
    if (limit.pause(at) === null) {
      counters.pauses++
      log.warn({ sink: sink.name, reason: result.reason, until }, 'the sink asked for a pause')
    }
    limit.pauseUntil(until, result.reason)
  }
}

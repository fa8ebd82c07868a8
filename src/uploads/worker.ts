/**
 * Delivers what the outbox holds: claims jobs whose turn it is, hands them to the sink, and stores what became of them.
 *
 *              start             stop                   all slots empty, or grace over
 *   stopped ─────────▶ running ────────▶ stopping ─────────────────────────────────────▶ stopped
 *
 * 1. Each lane has slots of its own: media never delays events (claims.ts).
 * 2. A job keeps its slot until its verdict is stored; so nothing is claimed that the store cannot let go of.
 * 3. While the sink fails as a whole (flow/breaker.ts) one delivery at a time asks whether it works again; the others spend nothing.
 * 4. Rounds of claims never overlap. A round is due when something was planned (`notify`), a slot came free, a backoff or
 *    pause ended, or POLL_MS passed: another process may have redriven something.
 */
import { setMaxListeners } from 'node:events'
import { Claims, type OperatorPause } from './claims.ts'
import { ClockSteps } from './clock-steps.ts'
import { Deliverer } from './deliverer.ts'
import type { Prepared } from './delivery.ts'
import { type DeliveryLog, logVerdict } from './delivery-log.ts'
import { type DeliveryCounters, DeliveryStats } from './delivery-stats.ts'
import type { Allowance } from './flow/allowance.ts'
import { Pace } from './flow/pace.ts'
import type { JobId, Lane } from './job.ts'
import type { ClaimedJob, JobQueue, Settled } from './job-queue.ts'
import type { RetryPolicy } from './retry.ts'
import { Settlements } from './settlements.ts'
import type { Delivery, Sink } from './sink.ts'
import type { Slots } from './slots.ts'
import { StoreWatch } from './store-watch.ts'
import { conditionOf, type WorkerHealth } from './worker-health.ts'

/** How long a round may be away; also how soon after a failure of the store the next one comes. */
const POLL_MS = 1_000

export interface WorkerOptions<D> {
  readonly queue: JobQueue
  readonly sink: Sink<D>
  /** What the sink is handed for a job. */
  readonly prepare: (job: ClaimedJob) => Prepared<D>
  readonly limit: Allowance
  readonly policy: RetryPolicy
  /** The lanes that go to this sink, and how many deliveries of each may be under way. */
  readonly slots: Slots
  /** Whether an operator has paused the sink; asked before each round of claims, so cheap. Absent: nobody can. */
  readonly operatorPause?: () => Promise<OperatorPause | null>
  /** Called after the delivery and its item's new state are stored. After a crash between the two it is not called. */
  readonly onDelivered?: (job: ClaimedJob) => void | Promise<void>
  readonly log: DeliveryLog
  /** Epoch ms. */
  readonly now: () => number
  /** A clock that nobody can set, ms; `performance.now` unless said. */
  readonly ticks?: () => number
  /** 0 … 1, as Math.random. */
  readonly random: () => number
}

interface Run {
  readonly kind: 'running' | 'stopping'
  readonly abort: AbortController
}

/** `D`: what its sink takes. */
export class DeliveryWorker<D = Delivery> {
  #options: WorkerOptions<D>
  readonly #lanes: readonly Lane[]
  readonly #stats: DeliveryStats
  readonly #pace: Pace
  readonly #claims: Claims
  readonly #deliverer: Deliverer<D>
  readonly #clockSteps: ClockSteps
  readonly #settlements: Settlements
  readonly #store: StoreWatch
  readonly #inFlight = new Map<JobId, { readonly lane: Lane; readonly ended: Promise<void> }>()
  #run: Run | null = null
  #stopped: Promise<void> | null = null
  #round: Promise<void> | null = null
  #roundDue = false
  #timer: NodeJS.Timeout | null = null

  constructor(options: WorkerOptions<D>) {
    this.#options = options
    this.#lanes = [...options.slots.keys()]
    this.#stats = new DeliveryStats(this.#lanes)
    this.#store = new StoreWatch(options.log, this.#stats.counters)
    const sink = options.sink.name
    this.#pace = new Pace({
      slots: options.slots,
      random: options.random,
      onTrip: reason => {
        this.#stats.counters.trips++
        options.log.warn({ sink, reason }, 'the sink fails, one delivery at a time asks whether it works again')
      },
      onMend: () => options.log.info({ sink }, 'the sink works again'),
    })
    this.#claims = new Claims({
      lanes: this.#lanes,
      queue: options.queue,
      operatorPause: options.operatorPause ?? (async () => null),
      limit: options.limit,
      pace: this.#pace,
      onResumed: () => this.#mend(),
      underWay: lane => this.#flying(lane),
      launch: job => this.#launch(job),
      onLimited: () => {
        this.#stats.counters.limited++
      },
      now: options.now,
    })
    const ticks = options.ticks ?? (() => performance.now())
    this.#deliverer = new Deliverer({
      ...options,
      policy: () => this.#options.policy,
      ticks,
      pace: this.#pace,
      counters: this.#stats.counters,
      underWay: lane => this.#flying(lane),
    })
    this.#clockSteps = new ClockSteps({
      makeDue: async () => {
        // A verdict by the clock as it was must not be stored behind this.
        await this.#settlements.underWay()
        return await options.queue.makeDue(this.#lanes)
      },
      now: options.now,
      ticks,
      onSetBack: byMs => {
        options.log.warn({ sink, byMs }, 'the clock was set back, whatever waits is tried now')
        this.#settlements.setBack(byMs)
        options.limit.setBack()
        this.#pace.mend()
      },
      onDue: jobs => {
        options.log.warn({ sink, jobs }, 'deliveries that waited for a time of another clock are due now')
        this.notify()
      },
      onError: error => this.#store.failed(error),
    })
    this.#settlements = new Settlements({
      queue: options.queue,
      onStored: settled => this.#onStored(settled),
      onError: error => this.#store.failed(error),
    })
  }

  /** What was done since the worker was made; the object stays the same and its numbers go up. */
  get counters(): Readonly<DeliveryCounters> {
    return this.#stats.counters
  }

  /** Takes back what a dead process was delivering, and begins. Rejects when the store cannot be read. */
  async start(): Promise<void> {
    if (this.#run !== null) return
    const abort = new AbortController()
    // One listener for each delivery in flight, as many as there are slots; Node would take more than ten for a leak.
    setMaxListeners(0, abort.signal)
    this.#run = { kind: 'running', abort }
    this.#stopped = null
    try {
      const jobs = await this.#options.queue.recover(this.#lanes)
      if (jobs > 0) this.#options.log.info({ jobs }, 'deliveries that were under way when the bridge ended will be repeated')
    } catch (error) {
      this.#run = null
      throw error
    }
    this.notify()
  }

  /**
   * Claims nothing more, lets deliveries finish for `graceMs`, then aborts them and puts them back. A stopped worker may be
   * started again.
   */
  async stop(graceMs: number): Promise<void> {
    if (this.#run === null) return
    this.#stopped ??= this.#shutDown(this.#run.abort, graceMs)
    await this.#stopped
  }

  /** Something may be there to deliver. */
  notify(): void {
    if (this.#run?.kind !== 'running') return
    this.#roundDue = true
    this.#round ??= this.#rounds()
  }

  /** Ends whatever pause the sink brought about, for an operator who has repaired the cause. */
  resume(): void {
    this.#mend()
    this.notify()
  }

  /** Changes, while it runs, what it goes by. What is under way stays; with fewer slots, nothing begins until as many are free. */
  configure(changed: Partial<Pick<WorkerOptions<D>, 'policy' | 'prepare' | 'slots'>>): void {
    this.#options = { ...this.#options, ...changed }
    this.#pace.configure(this.#options.slots)
    this.notify()
  }

  /** What the worker does now, and what holds it back. */
  health(): WorkerHealth {
    const now = this.#options.now()
    const condition = conditionOf({
      run: this.#run?.kind ?? null,
      storeFailure: this.#store.failure,
      operatorPause: this.#claims.operatorPause,
      pause: this.#options.limit.pause(now),
      breaker: this.#pace.breaker,
      limitedUntil: this.#claims.limitedUntil,
      now,
    })
    const inFlight = new Map(this.#lanes.map(lane => [lane, this.#flying(lane)]))
    const { slots } = this.#options
    return { ...condition, inFlight, slots, latency: this.#stats.latency(), streak: this.#stats.streak }
  }

  #mend(): void {
    this.#options.limit.resume()
    this.#pace.mend()
  }

  #flying(lane: Lane): number {
    let count = 0
    for (const flight of this.#inFlight.values()) if (flight.lane === lane) count++
    return count
  }

  async #rounds(): Promise<void> {
    while (this.#roundDue && this.#run?.kind === 'running') {
      this.#roundDue = false
      this.#clearTimer()
      const nextAt = await this.#claimRound()
      if (this.#run?.kind === 'running') this.#wakeAt(nextAt)
    }
    // In the same turn as the last look at whether a round is due: a notify after this begins a new one.
    this.#round = null
  }

  async #claimRound(): Promise<number> {
    this.#clockSteps.look()
    try {
      const nextAt = await this.#claims.round()
      // A claim that finds nothing succeeds even on a full disk; what waits to be stored knows better.
      if (!this.#settlements.failing) this.#store.works()
      return nextAt
    } catch (error) {
      this.#store.failed(error)
      return this.#options.now() + POLL_MS
    }
  }

  #launch(job: ClaimedJob): void {
    // A worker that was told to stop meanwhile delivers what it has claimed, within the grace.
    const stop = this.#run?.abort.signal ?? AbortSignal.abort()
    this.#pace.began(this.#options.now())
    const ended = this.#deliverer
      .deliver(job, { prepare: this.#options.prepare, stop })
      .then(verdict => this.#settlements.add({ job, verdict }))
    this.#inFlight.set(job.id, { lane: job.lane, ended })
  }

  #onStored(settled: readonly Settled[]): void {
    this.#store.works()
    const { log, now } = this.#options
    for (const one of settled) {
      this.#inFlight.delete(one.job.id)
      this.#stats.record(one, now())
      logVerdict(log, one)
      if (one.verdict.kind === 'delivered') void this.#tellDelivered(one.job)
    }
    this.notify()
  }

  async #tellDelivered(job: ClaimedJob): Promise<void> {
    const { onDelivered, log } = this.#options
    try {
      await onDelivered?.(job)
    } catch (err) {
      log.error({ err, job: job.id }, 'what follows a delivery failed; the delivery itself is stored')
    }
  }

  async #shutDown(abort: AbortController, graceMs: number): Promise<void> {
    this.#run = { kind: 'stopping', abort }
    this.#clearTimer()
    await this.#round
    await this.#clockSteps.settled()
    const flights = [...this.#inFlight.values()].map(flight => flight.ended)
    const grace = setTimeout(() => abort.abort(new Error('the bridge is stopping')), graceMs)
    await Promise.all(flights)
    clearTimeout(grace)
    const lost = await this.#settlements.drain()
    if (lost > 0)
      this.#options.log.error({ jobs: lost }, 'ended deliveries could not be stored and will be repeated at the next start')
    this.#inFlight.clear()
    this.#run = null
  }

  #wakeAt(at: number): void {
    this.#clearTimer()
    const delayMs = Math.min(POLL_MS, Math.max(1, at - this.#options.now()))
    this.#timer = setTimeout(() => this.notify(), delayMs)
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}

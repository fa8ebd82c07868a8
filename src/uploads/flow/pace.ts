/** How much of a sink's work may be under way, learned from how the last deliveries went: the breaker and the concurrency of each lane. */
import type { Attempt } from '../attempt.ts'
import type { Lane } from '../job.ts'
import { firstSlots, type Slots } from '../slots.ts'
import { Breaker, type BreakerState } from './breaker.ts'
import { AdaptiveConcurrency } from './concurrency.ts'

export interface PaceOptions {
  /** The most that may be under way at once. */
  readonly slots: Slots
  readonly random: () => number
  /** The sink fails as a whole; it works again. */
  readonly onTrip: (reason: string) => void
  readonly onMend: () => void
}

export class Pace {
  readonly #options: PaceOptions
  readonly #breaker: Breaker
  readonly #concurrency: ReadonlyMap<Lane, AdaptiveConcurrency>

  constructor(options: PaceOptions) {
    this.#options = options
    this.#breaker = new Breaker(options.random)
    const first = firstSlots(options.slots)
    this.#concurrency = new Map([...options.slots].map(([lane, most]) => [lane, new AdaptiveConcurrency(most, first.get(lane))]))
  }

  get breaker(): BreakerState {
    return this.#breaker.state
  }

  /** What may be under way at once in a lane, at present. */
  limit(lane: Lane): number {
    return this.#concurrency.get(lane)?.limit ?? 0
  }

  /** Changes the most that may be under way at once, while it runs. Lanes that are not named stay as they are. */
  configure(slots: Slots): void {
    for (const [lane, most] of slots) this.#concurrency.get(lane)?.configure(most)
  }

  /** How many deliveries of a lane may begin now, with `underWay` of them flying. `now` is epoch ms. */
  room(lane: Lane, underWay: number, now: number): number {
    return Math.max(0, Math.min(this.limit(lane) - underWay, this.#breaker.room(now)))
  }

  /** When time alone makes room again, epoch ms; `null` when it does not. */
  opensAt(now: number): number | null {
    return this.#breaker.opensAt(now)
  }

  began(now: number): void {
    this.#breaker.began(now)
  }

  /** A delivery has ended; `underWay` counts it still. */
  ended(
    done: Attempt,
    at: { readonly lane: Lane; readonly tookMs: number; readonly underWay: number; readonly now: number },
  ): void {
    if (done.kind !== 'answered' || done.result.unasked === true) {
      this.abandoned(at.now)
      return
    }
    const { result } = done
    this.#concurrency.get(at.lane)?.ended({ tookMs: at.tookMs, failed: result.kind === 'retry', underWay: at.underWay })
    const before = this.#breaker.state.kind
    if (result.kind === 'retry') this.#breaker.failed(result.reason, at.now)
    else this.#breaker.succeeded()
    const { state } = this.#breaker
    if (before === 'closed' && state.kind === 'open') this.#options.onTrip(state.reason)
    if (before !== 'closed' && state.kind === 'closed') this.#options.onMend()
  }

  /** What had begun ended without asking the sink anything: whether that works is for the next one to find out. */
  abandoned(now: number): void {
    this.#breaker.abandoned(now)
  }

  /** An operator says that the sink works again. */
  mend(): void {
    this.#breaker.succeeded()
  }
}

/**
 * A circuit breaker for a whole sink: when everything fails, one delivery at a time asks whether that is over, and all others wait
 * without spending an attempt.
 *
 *             TRIP_AFTER failures in a row              it succeeds
 *   closed ──────────────────────────────▶ open ◀─┐  ┌──────────────▶ closed
 *                                            │    │  │
 *                          its time is over  ▼    │  │
 *                                          probing ──┘
 *                                            └────┘ it fails: open again, for longer
 *
 * A failure is a delivery that found the sink out of order (`retry`). A refusal, or a request to wait, is an answer: the sink works.
 */

/** One job that always fails (a bug there) shares the way with others that succeed: then it never trips. */
const TRIP_AFTER = 5
const FIRST_MS = 1_000
/** An outage that is over is noticed within this. */
const LONGEST_MS = 30_000

export type BreakerState =
  | { readonly kind: 'closed'; readonly failures: number }
  /** `openings` in a row: how long it stays shut doubles with each. Times are epoch ms. */
  | { readonly kind: 'open'; readonly until: number; readonly openings: number; readonly reason: string }
  | { readonly kind: 'probing'; readonly openings: number; readonly reason: string }

export class Breaker {
  readonly #random: () => number
  #state: BreakerState = { kind: 'closed', failures: 0 }

  /** `random` answers 0 … 1: bridges that fail together must not probe together. */
  constructor(random: () => number) {
    this.#random = random
  }

  get state(): BreakerState {
    return this.#state
  }

  /** How many deliveries may begin now, besides those under way. `now` is epoch ms. */
  room(now: number): number {
    switch (this.#state.kind) {
      case 'closed':
        return Number.POSITIVE_INFINITY
      case 'open':
        return now < this.#state.until ? 0 : 1
      case 'probing':
        return 0
      default:
        return this.#state satisfies never
    }
  }

  /** When `room` will say more than 0, as far as that is a matter of time; `null` when an answer decides, or it does already. */
  opensAt(now: number): number | null {
    return this.#state.kind === 'open' && now < this.#state.until ? this.#state.until : null
  }

  /** A delivery begins: the first one after the pause is the probe. */
  began(now: number): void {
    if (this.#state.kind !== 'open' || now < this.#state.until) return
    this.#state = { kind: 'probing', openings: this.#state.openings, reason: this.#state.reason }
  }

  /** The sink answered something that shows that it works. */
  succeeded(): void {
    this.#state = { kind: 'closed', failures: 0 }
  }

  /** A delivery found the sink out of order. */
  failed(reason: string, now: number): void {
    switch (this.#state.kind) {
      case 'closed': {
        const failures = this.#state.failures + 1
        this.#state = failures < TRIP_AFTER ? { kind: 'closed', failures } : this.#opened(1, reason, now)
        return
      }
      case 'probing':
        this.#state = this.#opened(this.#state.openings + 1, reason, now)
        return
      case 'open':
        return // one of those that were under way when it tripped
      default:
        this.#state satisfies never
    }
  }

  /** A delivery ended without an answer from the sink (the bridge stops, or a bug of ours): the next one is the probe. */
  abandoned(now: number): void {
    if (this.#state.kind === 'probing') this.#state = { ...this.#state, kind: 'open', until: now }
  }

  #opened(openings: number, reason: string, now: number): BreakerState {
    const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(openings - 1, 20))
    // At least half of it: a breaker that opens at once is none.
    return { kind: 'open', until: now + Math.ceil(longest * (0.5 + this.#random() / 2)), openings, reason }
  }
}

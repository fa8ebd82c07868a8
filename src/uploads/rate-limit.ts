/**
 * How many requests a sink may get now: a token bucket, and a gate that a sink shuts itself (Retry-After, credentials refused).
 *
 * 1. In any 60 s no more than `perMinute` tokens are given out, whatever came before: the bucket holds BURST of a minute's
 *    requests and refills with the rest.
 * 2. It starts with that small burst only: a bridge that restarts does not know what it spent in the minute before.
 * 3. While the gate is shut nothing is given out, and a longer pause replaces a shorter one, never the other way round.
 */

const BURST = 0.05
const MINUTE_MS = 60_000

export interface Pause {
  /** Epoch ms. */
  readonly until: number
  readonly reason: string
}

export class RateLimit {
  readonly #burst: number
  readonly #perMs: number
  #tokens: number
  #filledAt: number
  #pause: Pause | null = null

  /** `perMinute` may be Infinity: then only pauses hold requests back. `now` is epoch ms. */
  constructor(options: { readonly perMinute: number; readonly now: number }) {
    const { perMinute } = options
    if (!(perMinute >= 1)) throw new RangeError(`requests a minute must be 1 or more, not ${perMinute}`)
    this.#burst = Math.max(1, Math.floor(perMinute * BURST))
    this.#perMs = (perMinute > this.#burst ? perMinute - this.#burst : perMinute) / MINUTE_MS
    this.#tokens = this.#burst
    this.#filledAt = options.now
  }

  /** How many requests may go out at this moment: a whole number, or Infinity. */
  available(now: number): number {
    if (this.pause(now) !== null) return 0
    this.#fill(now)
    // A sum of thousands of small refills ends at 0.9999999; without the margin that token would come a timer too late.
    return Math.floor(this.#tokens + 1e-6)
  }

  /** Takes tokens that `available` has just offered. */
  take(count: number, now: number): void {
    this.#fill(now)
    this.#tokens = Math.max(0, this.#tokens - count)
  }

  /** Shuts the gate until `until` (epoch ms). */
  pauseUntil(until: number, reason: string): void {
    if (this.#pause === null || until > this.#pause.until) this.#pause = { until, reason }
  }

  /** Opens the gate before its time, for an operator who has repaired the cause. */
  resume(): void {
    this.#pause = null
  }

  /** The pause that holds now, if any. */
  pause(now: number): Pause | null {
    if (this.#pause !== null && now >= this.#pause.until) this.#pause = null
    return this.#pause
  }

  /** When the next request may go out, epoch ms: `now` when it may at once. */
  nextAt(now: number): number {
    if (this.available(now) >= 1) return now
    const fillsAt = this.#tokens >= 1 ? now : now + Math.ceil((1 - this.#tokens) / this.#perMs)
    return Math.max(fillsAt, this.#pause?.until ?? 0)
  }

  #fill(now: number): void {
    if (this.#burst === Number.POSITIVE_INFINITY) return
    // A clock that was set back gives no tokens, and takes none away.
    const elapsedMs = Math.max(0, now - this.#filledAt)
    this.#filledAt = now
    this.#tokens = Math.min(this.#burst, this.#tokens + elapsedMs * this.#perMs)
  }
}

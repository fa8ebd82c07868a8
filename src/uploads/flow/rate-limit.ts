/**
 * How many requests a sink may get now: a token bucket that paces, a window that counts, and a gate that a sink shuts itself
 * (Retry-After, credentials refused).
 *
 * 1. In any 60 s no more than `perMinute` requests are given out, whatever came before: the window counts them.
 * 2. A backlog goes out evenly, at what the window lets through for good (99.5 % of `perMinute`): the bucket refills with that, so that
 *    no burst comes back a minute later. It holds BURST of a minute's requests, so that a few live events never wait for each other.
 * 3. It starts with one token: a bridge that restarts does not know what it spent in the minute before.
 * 4. A server that says it allows less is believed (`observe`); one that says more never raises the limit that was configured.
 * 5. While the gate is shut nothing is given out, and a longer pause replaces a shorter one, never the other way round.
 */
import type { Allowance, Pause } from './allowance.ts'
import { SendWindow, WINDOW_MS } from './send-window.ts'

const BURST = 0.05

export class RateLimit implements Allowance {
  #configured: number
  /** What the server said it allows; Infinity when it said nothing. */
  #server = Number.POSITIVE_INFINITY
  #perMinute: number
  #window: SendWindow | null
  #tokens = 1
  #filledAt: number
  /** At the last look the window had no room. */
  #wasFull = false
  #pause: Pause | null = null

  /** `perMinute` may be Infinity: then only pauses hold requests back. `now` is epoch ms. */
  constructor(options: { readonly perMinute: number; readonly now: number }) {
    const { perMinute } = options
    if (!(perMinute >= 1)) throw new RangeError(`requests a minute must be 1 or more, not ${perMinute}`)
    this.#configured = perMinute
    this.#perMinute = perMinute
    this.#window = windowFor(perMinute)
    this.#filledAt = options.now
  }

  /** What may go out in a minute at present: what was configured, or less when the server said so. */
  get perMinute(): number {
    return this.#perMinute
  }

  /** Changes what was configured, while it runs. What went out in the last minute still counts, so nothing bursts. */
  configure(perMinute: number): void {
    if (!(perMinute >= 1)) throw new RangeError(`requests a minute must be 1 or more, not ${perMinute}`)
    this.#configured = perMinute
    this.#allow(Math.min(perMinute, this.#server))
  }

  /** How many requests may go out at this moment: a whole number, or Infinity. */
  available(now: number): number {
    if (this.pause(now) !== null) return 0
    if (this.#window === null) return Number.POSITIVE_INFINITY
    this.#fill(now)
    // A sum of thousands of small refills ends at 0.9999999; without the margin that token would come a timer too late.
    return Math.min(this.#window.room(now), Math.floor(this.#tokens + 1e-6))
  }

  reserve(wanted: number, now: number): number {
    const count = Math.min(wanted, this.available(now))
    this.#window?.note(count, now)
    this.#tokens -= this.#window === null ? 0 : count
    this.#wasFull ||= this.#window !== null && this.#window.room(now) === 0
    return count
  }

  release(count: number): void {
    this.#window?.takeBack(count)
    this.#tokens += this.#window === null ? 0 : count
  }

  /** What the server's headers said of its limit, and of how much of it is left. */
  observe(said: { readonly limit: number | null; readonly remaining: number | null }): void {
    if (said.limit !== null && said.limit >= 1 && Number.isFinite(this.#configured)) {
      this.#server = said.limit
      this.#allow(Math.min(this.#configured, said.limit))
    }
    // Others use the account, too: what they have spent is not ours to send.
    if (said.remaining !== null) this.#tokens = Math.min(this.#tokens, said.remaining)
  }

  pauseUntil(until: number, reason: string): void {
    if (this.#pause === null || until > this.#pause.until) this.#pause = { until, reason }
  }

  resume(): void {
    this.#pause = null
  }

  setBack(): void {
    this.resume()
  }

  pause(now: number): Pause | null {
    if (this.#pause !== null && now >= this.#pause.until) this.#pause = null
    return this.#pause
  }

  nextAt(now: number): number {
    if (this.available(now) >= 1) return now
    const perMs = this.#perMinute / WINDOW_MS
    const fillsAt = this.#tokens >= 1 ? now : now + Math.ceil((1 - this.#tokens) / perMs)
    return Math.max(fillsAt, this.#window?.roomAt(now) ?? now, this.#pause?.until ?? 0)
  }

  #allow(perMinute: number): void {
    if (perMinute === this.#perMinute) return
    this.#perMinute = perMinute
    const window = windowFor(perMinute)
    if (window !== null) this.#window?.moveTo(window)
    this.#window = window
  }

  #fill(now: number): void {
    // A clock that was set back gives no tokens, and takes none away.
    const elapsedMs = Math.max(0, now - this.#filledAt)
    this.#filledAt = now
    const burst = Math.max(1, Math.floor(this.#perMinute * BURST))
    // What the window held back is not saved up: a burst of a minute ago would come again as one, minute after minute.
    const most = this.#wasFull ? 1 : burst
    this.#tokens = Math.min(most, this.#tokens + (elapsedMs * this.#perMinute) / WINDOW_MS)
    this.#wasFull = this.#window !== null && this.#window.room(now) === 0
  }
}

const windowFor = (perMinute: number): SendWindow | null =>
  Number.isFinite(perMinute) ? new SendWindow(Math.floor(perMinute)) : null

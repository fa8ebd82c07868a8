/** What the worker asks before it sends: a rate limit of its own (rate-limit.ts), or one that bridges share (store/shared-rate-limit.ts). */

export interface Pause {
  /** Epoch ms. */
  readonly until: number
  readonly reason: string
}

/** Times are epoch ms. */
export interface Allowance {
  /** Takes up to `wanted` requests, which go out at once; answers how many may. Infinity is no answer. */
  reserve(wanted: number, now: number): number | Promise<number>
  /** Gives back what was reserved and not sent after all. */
  release(count: number, now: number): void | Promise<void>
  /** When the next request may go out, as far as is known: `now` when it may at once. */
  nextAt(now: number): number
  /** Shuts the gate until `until`; a longer pause replaces a shorter one, never the other way round. */
  pauseUntil(until: number, reason: string): void
  /** The pause that holds now, if any. */
  pause(now: number): Pause | null
  /** Opens the gate before its time, for an operator who has repaired the cause. */
  resume(): void
  /** This bridge's clock was set back: no pause that holds by it lasts for as long as it was ahead. */
  setBack(): void
}

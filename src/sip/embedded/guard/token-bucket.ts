/** A token bucket: how often something may happen, in the long run and at once. Pure; the clock is an argument. */

export interface Rate {
  /** In the long run. */
  readonly perSecond: number
  /** At once, after a pause. */
  readonly burst: number
}

/** What one bucket holds; `null` stands for a full one. */
export interface Bucket {
  readonly tokens: number
  readonly at: number
}

/** Takes one token: the bucket afterwards, and whether there was one. `now`: ms; a clock that goes back neither gives nor takes tokens. */
export function take(bucket: Bucket | null, rate: Rate, now: number): { readonly bucket: Bucket; readonly taken: boolean } {
  const tokens = bucket === null ? rate.burst : refilled(bucket, rate, now)
  const taken = tokens >= 1
  return { bucket: { tokens: taken ? tokens - 1 : tokens, at: now }, taken }
}

function refilled({ tokens, at }: Bucket, { perSecond, burst }: Rate, now: number): number {
  return Math.min(burst, tokens + (Math.max(0, now - at) / 1000) * perSecond)
}

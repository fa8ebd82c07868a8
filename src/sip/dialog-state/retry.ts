/** How long a subscription waits for what, and what ends it. Pure. */

/** All in ms, but for `maxTries`. */
export const pauses = {
  /** The first pause after a failure; it doubles with each. */
  firstMs: 1_000,
  longestMs: 300_000,
  /** After a refusal that only somebody who changes a configuration can undo. */
  refusedMs: 300_000,
  /** RFC 6665 section 4.1.2.4, timer N: 64 × T1. */
  firstNotifyMs: 32_000,
  /** A subscription that stood so long begins its backoff anew. */
  steadyMs: 60_000,
  /** Between two requests for a full document. */
  betweenFullMs: 5_000,
  /** Seconds are rounded on both sides. */
  roundingMs: 2_000,
  /** For an unsubscribe. */
  leaveMs: 2_000,
  /** The longest Min-Expires that is obeyed. */
  longestIntervalMs: 86_400_000,
  /** Repetitions of one request with credentials or a longer interval. */
  maxTries: 4,
} as const

/** The pause after that many failures in a row before: half of it is certain, half of it random. `random` is from 0 up to 1. */
export function backoffMs(failures: number, random: number): number {
  const whole = Math.min(pauses.firstMs * 2 ** Math.min(failures, 30), pauses.longestMs)
  return whole / 2 + (whole / 2) * random
}

/**
 * Whether a refresh that was refused with that status leaves nothing to refresh (RFC 6665 section 4.1.2.2). After a 408 as well: it
 * may come from a PBX that is gone (RFC 3261 section 12.2.1.2).
 */
export function subscriptionIsGone(status: number): boolean {
  return goneStatuses.has(status) || status === 408
}

const goneStatuses: ReadonlySet<number> = new Set([404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604])

import { z } from 'zod'

/** A time in an answer: RFC 3339, UTC, milliseconds. */
export const timestamp = z.string().meta({ format: 'date-time' })

/** Epoch ms to RFC 3339, UTC. Throws a RangeError for what is no time (a fault of ours: times come from the store). */
export function toTimestamp(at: number): string {
  return new Date(at).toISOString()
}

/** Like `toTimestamp`; what has not happened yet stays `null`. */
export function toTimestampOrNull(at: number | null): string | null {
  return at === null ? null : toTimestamp(at)
}

/**
 * How much audio may lie on the disk: a floor of free space that is left to the database, and the most that the spool may hold. Pure.
 *
 *            less free than the floor, or more in the spool than its maximum
 *   room ──────────────────────────────────────────────────────────────────────▶ short
 *        ◀──────────────────────────────────────────────────────────────────────
 *            a tenth more free, a tenth less in the spool, and what was refused fits
 */

export interface SpaceLimits {
  /** Bytes of the disk that stay free. */
  readonly minFreeBytes: number
  /** Bytes that the spool may hold; `null`: as many as the disk. */
  readonly maxSpoolBytes: number | null
}

export interface SpaceFound {
  /** Bytes of the disk that this user may still write. */
  readonly freeBytes: number
  /** Bytes of the spool's files. */
  readonly spoolBytes: number
}

export interface Shortage {
  readonly cause: 'disk' | 'spool' | 'unmeasured'
  /** What is wrong and what to do. */
  readonly reason: string
  /** The largest file, in bytes, that there was no room for; 0 when there was none. */
  readonly wanted: number
}

/** What asks for room: an MP3 that is to be made, or a recording that comes by HTTP. */
export const purposes = ['encoding', 'uploads'] as const
export type Purpose = (typeof purposes)[number]

/** What uploads leave to encoding. */
const uploadsLeave = 0.2
/** How far it has to get better before it is well, so that it does not go back and forth with every file. */
const margin = 0.1

/**
 * Uploads stop first: a recording that came by HTTP leaves the spool only once it is encoded and delivered, so a spool full of them
 * would never get empty.
 */
export function limitsFor(purpose: Purpose, { minFreeBytes, maxSpoolBytes }: SpaceLimits): SpaceLimits {
  if (purpose === 'encoding') return { minFreeBytes, maxSpoolBytes }
  return {
    minFreeBytes: minFreeBytes * (1 + uploadsLeave),
    maxSpoolBytes: maxSpoolBytes === null ? null : maxSpoolBytes * (1 - uploadsLeave),
  }
}

/** Why nothing (or not this file of `wanted` bytes) may be added now; `null` when it may. `before` is the last answer. */
export function shortageOf(found: SpaceFound, limits: SpaceLimits, wanted: number, before: Shortage | null): Shortage | null {
  const wasShort = before !== null && before.cause !== 'unmeasured'
  const needed = wasShort ? Math.max(wanted, before.wanted) : wanted
  const slack = wasShort ? margin : 0
  const { minFreeBytes, maxSpoolBytes } = limits
  const missing = minFreeBytes * (1 + slack) + needed - found.freeBytes
  if (missing > 0) {
    const words = `${inBytes(found.freeBytes)} are free, and ${inBytes(minFreeBytes)} are kept free (spool.min_free)`
    return { cause: 'disk', reason: `${words}: make room for ${inBytes(missing)} on that disk`, wanted: needed }
  }
  if (maxSpoolBytes === null) return null
  // A file that fits only into an empty spool needs no slack on top.
  const most = Math.max(maxSpoolBytes * (1 - slack), Math.min(needed, maxSpoolBytes))
  if (found.spoolBytes + needed <= most) return null
  const words = `the spool holds ${inBytes(found.spoolBytes)} of at most ${inBytes(maxSpoolBytes)} (spool.max)`
  return { cause: 'spool', reason: `${words}: it empties as audio is delivered; or raise spool.max`, wanted: needed }
}

/** Whether a file of this size fits into an empty spool. */
export function fitsAtAll(wanted: number, { maxSpoolBytes }: SpaceLimits): boolean {
  return maxSpoolBytes === null || wanted <= maxSpoolBytes
}

/** As people write it: `1.5 GB`. */
export function inBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power] ?? 'B'}`
}

/** Decides from what was seen of a file, and when, that its writer is done with it. Pure. */
import type { Progress } from '../audio/audio-file.ts'

export interface SettleTimes {
  /** How long a file whose content does not tell must stay the same, ms. */
  readonly settleMs: number
  /** How long one whose header says "still open" must: its writer has died, or pauses. */
  readonly unfinishedAfterMs: number
}

export interface Sighting {
  /** When we first saw the file as it is now (size and mtime). */
  readonly since: number
  readonly mtimeMs: number
}

/** A recorder that updates its header while it writes would seem done at each update: even then a second of quiet is asked for. */
const quietMs = 1_000

/** 0 when the file is finished now; else how long to wait before looking again, ms. */
export function waitForFinish(progress: Progress, seen: Sighting, now: number, times: SettleTimes): number {
  const needed = { finished: Math.min(quietMs, times.settleMs), settling: times.settleMs, unfinished: times.unfinishedAfterMs }[
    progress
  ]
  const watchedFor = now - seen.since
  // What was written hours ago need not be watched as long again. But the writer's clock may be another machine's: a file is
  // still seen twice, `settleMs` apart, before its mtime alone is believed.
  const quietFor = watchedFor >= Math.min(times.settleMs, needed) ? Math.max(watchedFor, now - seen.mtimeMs) : watchedFor
  if (quietFor >= needed) return 0
  const rest = watchedFor < times.settleMs ? Math.min(times.settleMs, needed) - watchedFor : needed - quietFor
  return Math.min(10_000, Math.max(20, rest))
}

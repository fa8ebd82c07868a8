/**
 * Audio is kept for as long as `archive.retention` says, then deleted with the record beside it; what is held stays until the hold is
 * taken away, and what is not delivered everywhere until it is.
 *
 * Owns the time of the next sweep and the one that runs; there is never more than one. Several bridges may sweep one archive: whoever
 * comes second finds nothing. Deletion is the archive's, and so is one more look at the hold right before it.
 */
import { type Archive, ArchiveError, type ListedAudio } from './archive.ts'

/** Why audio stays although it is old enough: a legal hold, or somebody has still to be sent it. */
export type Keeping = 'held' | 'needed'

export interface RetentionOptions {
  readonly archive: Pick<Archive, 'list' | 'delete' | 'isHeld'>
  /** At least this long after a recording began, and up to a day longer (days of UTC), it is deleted. */
  readonly retentionMs: number
  /** From the end of a sweep to the next. */
  readonly everyMs: number
  /** Deletions of one sweep, so that it ends; the next goes on. */
  readonly atMost: number
  /** Epoch ms. */
  readonly clock: () => number
  /** What the bridge knows of audio, beside the archive's own holds; `null`: it may go. A rejection ends the sweep. */
  readonly keeping: (audio: ListedAudio) => Promise<Keeping | null>
  /** Told of each deletion before it is made: the audit log, so that nothing is deleted unsaid. A rejection ends the sweep. */
  readonly onDeleting: (audio: ListedAudio) => Promise<void>
  readonly log: {
    info(fields: object, msg: string): void
    warn(fields: object, msg: string): void
    error(fields: object, msg: string): void
  }
}

export interface Sweep {
  readonly deleted: readonly string[]
  readonly held: number
  /** Not delivered yet. */
  readonly needed: number
  /** Why audio could not be deleted, the first few. */
  readonly failures: readonly string[]
  /** Whether everything that is old enough was looked at. */
  readonly complete: boolean
}

/** A store that refuses this many one after the other is not asked about the rest today. */
const failuresInARow = 5

/** What is older than this (epoch ms) goes. Pure. */
export const expiredBefore = (now: number, retentionMs: number): number => now - retentionMs

export class Retention {
  readonly #options: RetentionOptions
  #timer: NodeJS.Timeout | null = null
  #stopping: AbortController | null = null
  #running: Promise<void> = Promise.resolve()

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  /** The first sweep is at once. Idempotent. */
  start(): void {
    if (this.#stopping !== null) return
    const stopping = new AbortController()
    this.#stopping = stopping
    this.#run(stopping.signal)
  }

  /** Ends the sweep that runs; resolves once it has. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping?.abort(new Error('the bridge is stopping'))
    this.#stopping = null
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    await this.#running
  }

  /** Deletes what is old enough. Rejects when the archive cannot be listed, `keeping` or `onDeleting` does, or the signal is aborted. */
  async sweep(signal: AbortSignal): Promise<Sweep> {
    const { archive, retentionMs, atMost, clock } = this.#options
    const deleted: string[] = []
    const failures: string[] = []
    const kept: Record<Keeping, number> = { held: 0, needed: 0 }
    let refusedInARow = 0
    for await (const audio of archive.list(expiredBefore(clock(), retentionMs), signal)) {
      if (deleted.length >= atMost || refusedInARow >= failuresInARow) return { deleted, ...kept, failures, complete: false }
      try {
        const outcome = await this.#expire(audio, signal)
        refusedInARow = 0
        if (outcome === 'deleted') deleted.push(audio.key)
        else if (outcome !== 'absent') kept[outcome] += 1
      } catch (cause) {
        if (!(cause instanceof ArchiveError)) throw cause
        refusedInARow += 1
        if (failures.length < failuresInARow) failures.push(cause.message)
      }
    }
    return { deleted, ...kept, failures, complete: failures.length === 0 }
  }

  async #expire(audio: ListedAudio, signal: AbortSignal): Promise<'deleted' | 'absent' | Keeping> {
    const { archive, keeping, onDeleting } = this.#options
    const kept = await keeping(audio)
    if (kept !== null) return kept
    if (await archive.isHeld(audio.key, signal)) return 'held'
    await onDeleting(audio)
    return await archive.delete(audio.key, signal)
  }

  #run(signal: AbortSignal): void {
    this.#running = this.#sweepAndTell(signal).then(() => {
      if (signal.aborted) return
      this.#timer = setTimeout(() => this.#run(signal), this.#options.everyMs)
      this.#timer.unref()
    })
  }

  async #sweepAndTell(signal: AbortSignal): Promise<void> {
    const { log } = this.#options
    try {
      const { deleted, held, needed, failures, complete } = await this.sweep(signal)
      if (failures.length > 0)
        log.warn({ failures, deleted: deleted.length }, 'archived audio that is old enough cannot be deleted')
      else if (deleted.length > 0)
        log.info({ deleted: deleted.length, held, needed, complete }, 'archived audio deleted after its retention')
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof ArchiveError) log.warn({ reason: error.message }, 'the archive cannot be swept now')
      else log.error({ error }, 'a sweep of the archive failed inside the bridge')
    }
  }
}

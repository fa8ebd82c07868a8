/**
 * Deletes recordings in the watched folders once they are old enough (`recordings.retention`), every sink has them, and nobody holds
 * them. Never anything else: no voicemail, no file that changed since, none behind a link (after-upload.ts).
 *
 * Owns the time of the next sweep and the one that runs; there is never more than one. A file is named in the audit log before it is
 * deleted.
 */
import { lstat } from 'node:fs/promises'
import type { AudioItem, RecordingId } from '../../events/recording.ts'
import { sourceFile } from '../audio/byte-source.ts'
import { describe, isGone } from '../failure.ts'
import type { SourceFile } from '../ledger.ts'
import type { Log } from '../log.ts'
import { applyAfterUpload } from './after-upload.ts'
import { isInside } from './spool.ts'

/** What the sweep needs remembered; the outbox's store implements it. */
export interface SourceLedger {
  /** Files of delivered items that nobody holds, last changed before `before` (epoch ms), the oldest first, after the one named; an error for an item that cannot be read. */
  delivered(query: {
    readonly before: number
    readonly after: SourceFile | null
    readonly limit: number
  }): Promise<readonly { readonly file: SourceFile; readonly item: AudioItem | Error }[]>
  /** Whether it is still delivered and nobody holds it, now. */
  mayGo(id: RecordingId): Promise<boolean>
  /** The file is gone. */
  forget(file: SourceFile): Promise<void>
}

export interface SourceRetentionOptions {
  readonly ledger: SourceLedger
  /** The watched recordings folders, absolute. */
  readonly roots: readonly string[]
  /** So long after a file was last changed it is deleted, ms. */
  readonly retentionMs: number
  /** From the end of a sweep to the next, ms. */
  readonly everyMs: number
  /** Epoch ms. */
  readonly clock: () => number
  /** Told of each deletion before it is made: the audit log. A rejection ends the sweep. */
  readonly onDeleting: (file: SourceFile, item: AudioItem) => Promise<void>
  readonly log: Log
}

const pageSize = 200

export class SourceRetention {
  readonly #options: SourceRetentionOptions
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> = Promise.resolve()
  #started = false
  #stopping = false

  constructor(options: SourceRetentionOptions) {
    this.#options = options
  }

  /** The first sweep is at once. Idempotent. */
  start(): void {
    if (this.#started) return
    this.#started = true
    this.#stopping = false
    this.#run()
  }

  /** Ends the sweep that runs after its present file; resolves once it has. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    await this.#running
    this.#started = false
  }

  /** Deletes what is old enough; answers how many. Rejects when the ledger or `onDeleting` does. */
  async sweep(): Promise<number> {
    const { ledger, retentionMs, clock } = this.#options
    const before = clock() - retentionMs
    let deleted = 0
    let after: SourceFile | null = null
    for (;;) {
      const page = await ledger.delivered({ before, after, limit: pageSize })
      for (const { file, item } of page) {
        if (this.#stopping) return deleted
        after = file
        if (item instanceof Error) this.#options.log.error({ reason: item.message }, 'recording that is old enough left in place')
        else if (await this.#expire(file, item)) deleted += 1
      }
      if (page.length < pageSize) return deleted
    }
  }

  /** False: it stays, or was gone before. */
  async #expire(file: SourceFile, item: AudioItem): Promise<boolean> {
    const { ledger, roots, onDeleting, log } = this.#options
    if (item.kind !== 'recording' || !roots.some(root => isInside(root, file.path))) return false
    if (!(await isThere(file))) {
      await ledger.forget(file)
      return false
    }
    // Somebody may have come to hold it since the page was read.
    if (!(await ledger.mayGo(item.id))) return false
    await onDeleting(file, item)
    const source: AudioItem = { ...item, sourcePath: file.path, sourceSize: file.size, sourceMtimeMs: file.mtimeMs }
    try {
      const result = await applyAfterUpload(source, { kind: 'delete' }, roots)
      if (result.kind === 'left') {
        log.warn({ id: item.id, file: file.path, reason: result.reason }, 'recording that is old enough left in place')
        return false
      }
    } catch (error) {
      // One file that cannot be deleted keeps no other.
      log.error({ id: item.id, file: file.path, reason: describe(error) }, 'recording that is old enough could not be deleted')
      return false
    }
    await ledger.forget(file)
    return true
  }

  #run(): void {
    this.#running = this.#sweepAndTell().then(() => {
      if (!this.#stopping) this.#timer = setTimeout(() => this.#run(), this.#options.everyMs)
    })
  }

  async #sweepAndTell(): Promise<void> {
    const { log } = this.#options
    try {
      const deleted = await this.sweep()
      if (deleted > 0) log.info({ deleted }, 'recordings deleted after their retention')
    } catch (error) {
      log.error({ reason: describe(error) }, 'recordings that are old enough cannot be looked at now')
    }
  }
}

/** That very file: another one may have its name by now. */
async function isThere({ path, size, mtimeMs }: SourceFile): Promise<boolean> {
  try {
    const now = sourceFile(path, await lstat(path))
    return now.size === size && now.mtimeMs === mtimeMs
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

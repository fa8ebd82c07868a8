/**
 * Looks at single files until they are finished, and hands each of them over once. Owned by the watcher of their folder.
 *
 * Invariants
 * 1 A file is handed over only after two looks found it the same, and `settling.ts` said that its writer is done.
 * 2 What is handed over and not taken is forgotten, for a later rescan to bring back.
 * 3 At most `lookers` files are open at a time, at most `mostUnsettled` (`seen-files.ts`) are remembered as unfinished.
 */
import { lstat } from 'node:fs/promises'
import { sourceFile } from '../audio/byte-source.ts'
import { describe, isGone } from '../failure.ts'
import type { SourceFile } from '../ledger.ts'
import type { FolderReader } from './folder-reader.ts'
import { SeenFiles } from './seen-files.ts'
import { type SettleTimes, waitForFinish } from './settling.ts'

export interface FileLooksOptions extends SettleTimes {
  readonly reader: FolderReader
  /** Whether this very file was taken in before (the ledger's). */
  readonly isKnownFile: (file: SourceFile) => Promise<boolean>
  /** Files that were last written longer ago than this are history, not news: left alone. `null`: all are taken. */
  readonly maxAgeMs?: number | null
  readonly clock: () => number
}

const lookers = 4

export type Look = 'settled' | 'unsettled' | 'too old' | 'gone'

export class FileLooks {
  readonly #options: FileLooksOptions
  readonly #relative: (path: string) => string
  readonly #onProblem: (path: string, reason: string) => void
  readonly #seen = new SeenFiles()
  readonly #looking = new Map<string, Promise<Look>>()
  #handedOver = 0
  #failed = 0

  /** `relative` makes an absolute path what the reader takes; `onProblem` hears of each file that cannot be read. */
  constructor(options: FileLooksOptions, relative: (path: string) => string, onProblem: (path: string, reason: string) => void) {
    this.#options = options
    this.#relative = relative
    this.#onProblem = onProblem
  }

  /** How many files are not finished, how many were handed over, and how many could not be read or taken. */
  get counts(): { readonly unsettled: number; readonly handedOver: number; readonly failed: number } {
    return { unsettled: this.#seen.unsettled, handedOver: this.#handedOver, failed: this.#failed }
  }

  /** Something happened to the file: looks at it now, or soon. */
  touch(path: string): void {
    // A file that is being written sends thousands of these: for one that is watched already its next turn is soon enough.
    if (!this.#seen.has(path) && !this.#looking.has(path) && this.#looking.size < lookers) void this.look(path)
    else this.#seen.touch(path, this.#options.clock())
  }

  /** Looks at all files whose time has come, `lookers` at a time. Waits for room, not for the last looks. */
  async lookAtDue(signal: AbortSignal): Promise<void> {
    for (const path of this.#seen.due(this.#options.clock())) {
      if (signal.aborted) return
      await this.room()
      void this.look(path)
    }
  }

  /** Until another file may be looked at. */
  async room(): Promise<void> {
    while (this.#looking.size >= lookers) await Promise.race(this.#looking.values())
  }

  /** Until every look that is under way is over. */
  async over(): Promise<void> {
    await Promise.all(this.#looking.values())
  }

  /** One look at a file at a time; another one joins it. Never rejects. */
  look(path: string): Promise<Look> {
    const running = this.#looking.get(path)
    if (running !== undefined) return running
    const look = this.#lookAt(path)
      .catch((error: unknown): Look => {
        this.#seen.forget(path)
        if (isGone(error)) return 'gone'
        this.#failed += 1
        this.#onProblem(path, describe(error))
        return 'unsettled'
      })
      .finally(() => this.#looking.delete(path))
    this.#looking.set(path, look)
    return look
  }

  async #lookAt(path: string): Promise<Look> {
    const { reader, isKnownFile, clock, maxAgeMs = null } = this.#options
    const stats = await lstat(path)
    if (!stats.isFile()) {
      this.#seen.forget(path)
      return 'gone'
    }
    const file = sourceFile(path, stats)
    if (this.#seen.isSettled(file)) return 'settled'
    const now = clock()
    if (maxAgeMs !== null && now - file.mtimeMs > maxAgeMs) return 'too old'
    const before = this.#seen.before(path)
    if (before === null && (await isKnownFile(file))) {
      this.#seen.settle(file)
      return 'settled'
    }
    const same = before?.size === file.size && before.mtimeMs === file.mtimeMs
    const seen = { size: file.size, mtimeMs: file.mtimeMs, since: same ? before.since : now }
    const wait = waitForFinish(await reader.progress(path), seen, now, this.#options)
    if (wait > 0) {
      this.#seen.remember(path, { ...seen, lookAt: now + wait })
      return 'unsettled'
    }
    const result = await reader.take(file, this.#relative(path))
    switch (result.kind) {
      case 'taken':
      case 'quarantined':
      case 'known':
        this.#handedOver += 1
        this.#seen.settle(file)
        return 'settled'
      case 'unsettled':
        this.#seen.remember(path, { ...seen, since: now, lookAt: now + this.#options.settleMs })
        return 'unsettled'
      case 'failed':
        // Its reason was logged where it arose. The rescan comes back to it.
        this.#failed += 1
        this.#seen.forget(path)
        return 'unsettled'
      case 'gone':
        this.#seen.forget(path)
        return 'gone'
      default:
        return result satisfies never
    }
  }
}

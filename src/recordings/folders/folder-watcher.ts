/**
 * Watches one folder tree and brings each of its files to be looked at (`file-looks.ts`, which hands it over once it is finished).
 *
 * Invariants
 * 1 The rescan is the truth (at the start, and every `rescanEveryMs`); events only make it quicker.
 * 2 A rescan is over when every file that it found was looked at; a slow file slows the walk.
 */
import { lstat } from 'node:fs/promises'
import { basename, relative, sep } from 'node:path'
import { describe, isGone } from '../failure.ts'
import type { Log } from '../log.ts'
import { FileLooks, type FileLooksOptions } from './file-looks.ts'
import { FolderEvents } from './folder-events.ts'
import { isTemporary, walkFolder } from './folder-walk.ts'
import { Problems } from './problems.ts'

export interface FolderWatcherOptions extends FileLooksOptions {
  /** Absolute. */
  readonly folder: string
  /** Network shares send no events for what other machines write: look at all of it every `pollEveryMs` instead. */
  readonly polling: boolean
  /** Default 60,000 ms. */
  readonly rescanEveryMs?: number
  /** Default 5,000 ms. */
  readonly pollEveryMs?: number
  readonly log: Log
}

export interface FolderStatus {
  readonly folder: string
  /** Why the folder, or a part of it, cannot be read or watched now; `null` when all is well. */
  readonly problem: string | null
  /** Files that are not finished. */
  readonly unsettled: number
  /** In the last rescan: files whose name is none of ours, and files older than `maxAgeMs`. */
  readonly ignored: number
  readonly tooOld: number
  /** Handed over since the start, and what could not be read or taken. */
  readonly handedOver: number
  readonly failed: number
  readonly lastRescanAt: number | null
}

const mostToWalk = 1_000
const tickMs = 250

interface ScanCounts {
  ignored: number
  tooOld: number
}

export class FolderWatcher {
  readonly #options: FolderWatcherOptions
  #events: FolderEvents
  readonly #looks: FileLooks
  /** Paths of which an event told that are no files of ours; perhaps new folders. */
  readonly #toWalk = new Set<string>()
  #stopping: AbortController | null = null
  #timer: NodeJS.Timeout | null = null
  #scanning: Promise<void> | null = null
  #looking: Promise<void> | null = null
  #rescanAt = 0
  readonly #problems: Problems
  #ignored = 0
  #tooOld = 0
  #toldIgnored = false
  #lastRescanAt: number | null = null

  constructor(options: FolderWatcherOptions) {
    this.#options = options
    this.#problems = new Problems(options.log)
    this.#looks = new FileLooks(
      options,
      path => this.#relative(path),
      (path, reason) => this.#problems.report(path, reason),
    )
    this.#events = this.#listen()
  }

  /** Begins with a whole scan. A folder that is not there (yet) is a problem that `status` shows, not an error. */
  start(): void {
    if (this.#stopping !== null) return
    this.#stopping = new AbortController()
    this.#events = this.#listen()
    this.#rescanAt = 0
    this.#timer = setInterval(() => this.#tick(), tickMs)
    this.#tick()
  }

  /** Waits for the looks that are under way. */
  async stop(): Promise<void> {
    if (this.#stopping === null) return
    this.#stopping.abort()
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    this.#events.close()
    await Promise.all([this.#scanning, this.#looking])
    await this.#looks.over()
    this.#stopping = null
  }

  status(): FolderStatus {
    return {
      folder: this.#options.folder,
      problem: this.#problems.first,
      ignored: this.#ignored,
      tooOld: this.#tooOld,
      ...this.#looks.counts,
      lastRescanAt: this.#lastRescanAt,
    }
  }

  #listen(): FolderEvents {
    return new FolderEvents(
      path => this.#onEvent(path),
      (folder, reason) => this.#problems.report(folder, reason),
    )
  }

  #tick(): void {
    const signal = this.#stopping?.signal
    if (signal === undefined) return
    const now = this.#options.clock()
    if (this.#scanning === null && (now >= this.#rescanAt || this.#toWalk.size > 0)) {
      this.#scanning = (now >= this.#rescanAt ? this.#rescan() : this.#walkNew()).finally(() => {
        this.#scanning = null
      })
    }
    this.#looking ??= this.#looks.lookAtDue(signal).finally(() => {
      this.#looking = null
    })
  }

  async #rescan(): Promise<void> {
    const { folder, log, polling, clock, pollEveryMs = 5_000, rescanEveryMs = 60_000 } = this.#options
    this.#problems.beginScan()
    this.#toWalk.clear()
    const counts: ScanCounts = { ignored: 0, tooOld: 0 }
    await this.#walk(folder, counts)
    this.#rescanAt = clock() + (polling ? pollEveryMs : rescanEveryMs)
    if (this.#stopping?.signal.aborted !== false) return
    this.#lastRescanAt = clock()
    this.#ignored = counts.ignored
    this.#tooOld = counts.tooOld
    this.#problems.endScan(folder)
    if (this.#ignored > 0 && !this.#toldIgnored) {
      this.#toldIgnored = true
      log.info({ folder, ignored: this.#ignored }, 'files that do not match are ignored')
    }
  }

  /** A new folder: what was moved in with it sends no events of its own. */
  async #walkNew(): Promise<void> {
    const paths = [...this.#toWalk]
    this.#toWalk.clear()
    for (const path of paths) {
      try {
        if ((await lstat(path)).isDirectory()) await this.#walk(path, { ignored: 0, tooOld: 0 })
      } catch (error) {
        if (isGone(error)) this.#events.forget(path)
        else this.#problems.report(path, describe(error))
      }
    }
  }

  /** Has every file below looked at. */
  async #walk(folder: string, counts: ScanCounts): Promise<void> {
    const signal = this.#stopping?.signal
    if (signal === undefined) return
    const visitor = {
      enter: async (path: string) => {
        if (!this.#options.polling) await this.#events.watch(path)
      },
      file: async (path: string) => {
        const leader = this.#leaderOf(path)
        if (leader === null) {
          counts.ignored += 1
          return
        }
        await this.#looks.room()
        // Not awaited, and never rejects.
        void this.#looks.look(leader).then(look => {
          if (look === 'too old') counts.tooOld += 1
        })
      },
      unreadable: (path: string, error: unknown) => {
        if (isGone(error)) this.#events.forget(path)
        if (!isGone(error) || path === this.#options.folder) this.#problems.report(path, describe(error))
      },
    }
    await walkFolder(folder, visitor, signal)
    await this.#looks.over()
  }

  #onEvent(path: string): void {
    if (this.#stopping?.signal.aborted !== false || isTemporary(basename(path))) return
    const leader = this.#leaderOf(path)
    if (leader === null) {
      // Full: the next rescan walks it.
      if (this.#toWalk.size < mostToWalk) this.#toWalk.add(path)
      return
    }
    this.#looks.touch(leader)
  }

  #leaderOf(path: string): string | null {
    const { folder, reader } = this.#options
    const leader = reader.leader(this.#relative(path))
    return leader === null ? null : `${folder}${sep}${leader.split('/').join(sep)}`
  }

  #relative(path: string): string {
    return relative(this.#options.folder, path).split(sep).join('/')
  }
}

/**
 * Watches one folder tree and hands over each of its files once it is finished.
 *
 * Invariants
 * 1 The rescan is the truth (at the start, and every `rescanEveryMs`); events only make it quicker.
 * 2 A file is handed over only after two looks found it the same, and `settling.ts` said that its writer is done.
 * 3 What is handed over and not taken stays, and is looked at again by a later rescan.
 * 4 At most `lookers` files are open at a time, at most `mostUnsettled` are remembered as unfinished.
 */
import { lstat } from 'node:fs/promises'
import { basename, relative, sep } from 'node:path'
import type { Progress } from '../audio/audio-file.ts'
import { sourceFile } from '../audio/byte-source.ts'
import type { TakeResult } from '../candidate.ts'
import { describe, isGone } from '../failure.ts'
import type { SourceFile } from '../ledger.ts'
import type { Log } from '../log.ts'
import { FolderEvents } from './folder-events.ts'
import { isTemporary, walkFolder } from './folder-walk.ts'
import { Problems } from './problems.ts'
import { SeenFiles } from './seen-files.ts'
import { type SettleTimes, waitForFinish } from './settling.ts'

/** What is in the folder, and what to do with it. `relativePath` has `/` on every system. */
export interface FolderReader {
  /** The path (relative as well) of the file that stands for all files of an item; `null` when it is nothing of ours. */
  leader(relativePath: string): string | null
  /** Throws the file system's error. */
  progress(path: string): Promise<Progress>
  take(file: SourceFile, relativePath: string): Promise<TakeResult>
}

export interface FolderWatcherOptions extends SettleTimes {
  /** Absolute. */
  readonly folder: string
  readonly reader: FolderReader
  /** Whether this very file was taken in before (the ledger's). */
  readonly isKnownFile: (file: SourceFile) => Promise<boolean>
  /** Network shares send no events for what other machines write: look at all of it every `pollEveryMs` instead. */
  readonly polling: boolean
  /** Default 60,000 ms. */
  readonly rescanEveryMs?: number
  /** Default 5,000 ms. */
  readonly pollEveryMs?: number
  /** Files that were last written longer ago than this are history, not news: counted and left alone. `null`: all are taken. */
  readonly maxAgeMs?: number | null
  readonly clock: () => number
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

const lookers = 4
const mostToWalk = 1_000
const tickMs = 250

type Look = 'settled' | 'unsettled' | 'too old' | 'gone'

interface ScanCounts {
  ignored: number
  tooOld: number
}

export class FolderWatcher {
  readonly #options: FolderWatcherOptions
  #events: FolderEvents
  readonly #seen = new SeenFiles()
  readonly #looking = new Map<string, Promise<Look>>()
  /** Paths of which an event told that are no files of ours; perhaps new folders. */
  readonly #toWalk = new Set<string>()
  #stopping: AbortController | null = null
  #timer: NodeJS.Timeout | null = null
  #scanning: Promise<void> | null = null
  #draining: Promise<void> | null = null
  #rescanAt = 0
  readonly #problems: Problems
  #ignored = 0
  #tooOld = 0
  #toldIgnored = false
  #handedOver = 0
  #failed = 0
  #lastRescanAt: number | null = null

  constructor(options: FolderWatcherOptions) {
    this.#options = options
    this.#problems = new Problems(options.log)
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
    await Promise.all([this.#scanning, this.#draining])
    await Promise.all(this.#looking.values())
    this.#stopping = null
  }

  status(): FolderStatus {
    return {
      folder: this.#options.folder,
      problem: this.#problems.first,
      unsettled: this.#seen.unsettled,
      ignored: this.#ignored,
      tooOld: this.#tooOld,
      handedOver: this.#handedOver,
      failed: this.#failed,
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
    const now = this.#options.clock()
    if (this.#scanning === null && (now >= this.#rescanAt || this.#toWalk.size > 0)) {
      this.#scanning = (now >= this.#rescanAt ? this.#rescan() : this.#walkNew()).finally(() => {
        this.#scanning = null
      })
    }
    this.#draining ??= this.#drain(now).finally(() => {
      this.#draining = null
    })
  }

  /** Looks at all files whose time has come, `lookers` at a time. */
  async #drain(now: number): Promise<void> {
    for (const path of this.#seen.due(now)) {
      if (this.#stopping?.signal.aborted !== false) return
      await this.#room()
      void this.#look(path)
    }
  }

  async #room(): Promise<void> {
    while (this.#looking.size >= lookers) await Promise.race(this.#looking.values())
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

  /** Looks at every file below, `lookers` at a time. */
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
        await this.#room()
        // Not awaited, and never rejects.
        void this.#look(leader).then(look => {
          if (look === 'too old') counts.tooOld += 1
        })
      },
      unreadable: (path: string, error: unknown) => {
        if (isGone(error)) this.#events.forget(path)
        if (!isGone(error) || path === this.#options.folder) this.#problems.report(path, describe(error))
      },
    }
    await walkFolder(folder, visitor, signal)
    await Promise.all(this.#looking.values())
  }

  #onEvent(path: string): void {
    if (this.#stopping?.signal.aborted !== false || isTemporary(basename(path))) return
    const leader = this.#leaderOf(path)
    if (leader === null) {
      // Full: the next rescan walks it.
      if (this.#toWalk.size < mostToWalk) this.#toWalk.add(path)
      return
    }
    // A file that is being written sends thousands of these: for one that is watched already the next tick is soon enough.
    if (!this.#seen.has(leader) && !this.#looking.has(leader) && this.#looking.size < lookers) void this.#look(leader)
    else this.#seen.touch(leader, this.#options.clock())
  }

  /** One look at a file at a time; another one joins it. Never rejects. */
  #look(path: string): Promise<Look> {
    const running = this.#looking.get(path)
    if (running !== undefined) return running
    const look = this.#lookAt(path)
      .catch((error: unknown): Look => {
        this.#seen.forget(path)
        if (isGone(error)) return 'gone'
        this.#failed += 1
        this.#problems.report(path, describe(error))
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

  #leaderOf(path: string): string | null {
    const { folder, reader } = this.#options
    const leader = reader.leader(this.#relative(path))
    return leader === null ? null : `${folder}${sep}${leader.split('/').join(sep)}`
  }

  #relative(path: string): string {
    return relative(this.#options.folder, path).split(sep).join('/')
  }
}

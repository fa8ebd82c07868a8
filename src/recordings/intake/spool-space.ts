/**
 * Watches the disk and the spool, and says whether there is room for more audio (space.ts decides).
 *
 * 1. Whoever writes into the spool holds room for it first, so that what is under way together does not outgrow the limits.
 * 2. The free space is looked at before each file, the spool's files only now and then: what was added since is counted on top.
 * 3. A disk that cannot be measured gets nothing more.
 *
 * Asked by the waiting room (MP3s) and the HTTP intake (uploads); the Audio owns it.
 */
import { statfs } from 'node:fs/promises'
import { describe } from '../failure.ts'
import type { Log } from '../log.ts'
import {
  fitsAtAll,
  limitsFor,
  type Purpose,
  purposes,
  type Shortage,
  type SpaceFound,
  type SpaceLimits,
  shortageOf,
} from './space.ts'
import type { Spool } from './spool.ts'

export interface SpoolSpaceOptions {
  readonly spool: Spool
  /** On the disk whose free space counts, absolute. */
  readonly folder: string
  readonly limits: SpaceLimits
  /** Epoch ms. */
  readonly clock: () => number
  readonly log: Log
  /** How often the disk is looked at, ms. Default 5,000. */
  readonly pollMs?: number
}

export interface SpaceStatus {
  /** `null` before the first look, or when the last one failed. */
  readonly found: SpaceFound | null
  readonly shortages: Readonly<Record<Purpose, Shortage | null>>
}

/** Room that is held for one file. End it, whatever becomes of the file. */
export interface Hold {
  /** Holds this many bytes more; answers why not, and then holds no more than before. */
  more(bytes: number): Promise<Shortage | null>
  /** So much of it is on the disk by now. */
  wrote(bytes: number): void
  /** The file is there with this many bytes, or not at all (0). */
  end(keptBytes: number): void
}

/** Counting the spool's files may take this share of the time. */
const countingShare = 0.05

export class SpoolSpace {
  /** Files that found no room. */
  readonly counters: Record<`${Purpose}PutOff`, number> = { encodingPutOff: 0, uploadsPutOff: 0 }
  readonly #options: SpoolSpaceOptions
  #limits: SpaceLimits
  readonly #shortages: Record<Purpose, Shortage | null> = { encoding: null, uploads: null }
  readonly #listeners = new Set<() => void>()
  #freeBytes: number | null = null
  /** The spool's files when they were last counted, and what was added since. */
  #counted: number | null = null
  #added = 0
  /** Of files under way, and how much of that the disk has already. */
  #held = 0
  #written = 0
  #countedAt = 0
  #countAt = 0
  #timer: NodeJS.Timeout | null = null
  #looking: Promise<void> | null = null

  constructor(options: SpoolSpaceOptions) {
    this.#options = options
    this.#limits = options.limits
  }

  /** Looks once, then regularly. Never rejects: a disk that cannot be measured is a shortage. */
  async start(): Promise<void> {
    if (this.#timer !== null) return
    this.#timer = setInterval(() => void this.#look(), this.#options.pollMs ?? 5_000)
    await this.#look()
  }

  /** Changes the limits while it runs. What waited for room and now has it goes on at once. */
  async configure(limits: SpaceLimits): Promise<void> {
    this.#limits = limits
    await this.#look()
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    await this.#looking
  }

  /** Calls the listener whenever there is room for encoding again. */
  onRoom(listener: () => void): void {
    this.#listeners.add(listener)
  }

  status(): SpaceStatus {
    return { found: this.#found(), shortages: { ...this.#shortages } }
  }

  /** Why there is no room, as far as is known; `null` when there may be. */
  shortage(purpose: Purpose): Shortage | null {
    return this.#shortages[purpose]
  }

  /** Whether a file of this size could ever have room. */
  fitsAtAll(purpose: Purpose, bytes: number): boolean {
    return fitsAtAll(bytes, limitsFor(purpose, this.#limits))
  }

  /** Something has left the spool: whoever waits for room need not wait for the next regular look. */
  freed(): void {
    if (this.#timer !== null && purposes.some(purpose => this.#shortages[purpose] !== null)) void this.#look()
  }

  /** Begins to hold room for one file: nothing until `more` is called. */
  hold(purpose: Purpose): Hold {
    let held = 0
    let written = 0
    return {
      more: async bytes => {
        if (this.#counted === null) await this.#look()
        await this.#lookAtDisk()
        const shortage = this.#judge(purpose, bytes)
        if (shortage !== null) {
          this.counters[`${purpose}PutOff`] += 1
          return shortage
        }
        held += bytes
        this.#held += bytes
        return null
      },
      wrote: bytes => {
        written += bytes
        this.#written += bytes
      },
      end: keptBytes => {
        this.#held -= held
        this.#written -= written
        held = 0
        written = 0
        this.#added += keptBytes
      },
    }
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookAtAll().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async #lookAtAll(): Promise<void> {
    await this.#lookAtDisk()
    const now = this.#options.clock()
    // The last condition: a clock that was set back must not keep an old count.
    if (this.#counted === null || now >= this.#countAt || now < this.#countedAt) await this.#count()
    for (const purpose of purposes) this.#judge(purpose, 0)
  }

  async #lookAtDisk(): Promise<void> {
    try {
      const { bavail, bsize } = await statfs(this.#options.folder)
      this.#freeBytes = bavail * bsize
    } catch (error) {
      this.#freeBytes = null
      this.#unmeasured(error)
    }
  }

  async #count(): Promise<void> {
    const { spool, clock } = this.#options
    const began = clock()
    const addedBefore = this.#added
    try {
      this.#counted = await spool.bytes()
      this.#added -= addedBefore
    } catch (error) {
      this.#counted = null
      this.#unmeasured(error)
    }
    this.#countedAt = clock()
    this.#countAt = this.#countedAt + Math.max(0, this.#countedAt - began) / countingShare
  }

  #found(): SpaceFound | null {
    if (this.#freeBytes === null || this.#counted === null) return null
    return { freeBytes: this.#freeBytes - (this.#held - this.#written), spoolBytes: this.#counted + this.#added + this.#held }
  }

  #judge(purpose: Purpose, wanted: number): Shortage | null {
    const found = this.#found()
    const before = this.#shortages[purpose]
    if (found === null) return before
    const limits = limitsFor(purpose, this.#limits)
    const shortage = shortageOf(found, limits, wanted, before)
    // One file that could never fit must not keep the others out.
    if (shortage === null || fitsAtAll(shortage.wanted, limits)) this.#become(purpose, shortage)
    return shortage
  }

  /** Invariant 3. */
  #unmeasured(error: unknown): void {
    const reason = `the disk of data_dir cannot be measured: ${describe(error)}`
    for (const purpose of purposes) this.#become(purpose, { cause: 'unmeasured', reason, wanted: 0 })
  }

  #become(purpose: Purpose, shortage: Shortage | null): void {
    const before = this.#shortages[purpose]
    this.#shortages[purpose] = shortage
    if ((before === null) === (shortage === null)) return
    const { log } = this.#options
    if (shortage !== null) {
      log.warn({ for: purpose, cause: shortage.cause, reason: shortage.reason }, 'no room for more audio')
      return
    }
    log.info({ for: purpose }, 'room for audio again')
    if (purpose === 'encoding') for (const listener of this.#listeners) listener()
  }
}

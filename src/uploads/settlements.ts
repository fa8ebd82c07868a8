/**
 * Group commit: verdicts that come within one turn of the event loop are stored in one transaction, because a commit costs an
 * fsync whether it holds one verdict or a hundred.
 *
 * 1. A verdict stays here until it is stored; while the store fails it is tried again every RETRY_MS.
 * 2. What is here never outgrows the worker's slots: a job keeps its slot until its verdict is stored.
 * 3. A verdict lost with the process only means that the delivery is repeated, with the same key.
 */
import type { JobQueue, Settled } from './job-queue.ts'
import type { Verdict } from './verdict.ts'

const RETRY_MS = 1_000

export interface SettlementsOptions {
  readonly queue: JobQueue
  readonly onStored: (settled: readonly Settled[]) => void
  readonly onError: (error: unknown) => void
}

export class Settlements {
  readonly #options: SettlementsOptions
  #waiting: Settled[] = []
  #immediate: NodeJS.Immediate | null = null
  #retry: NodeJS.Timeout | null = null
  #storing: Promise<void> | null = null

  constructor(options: SettlementsOptions) {
    this.#options = options
  }

  /** Whether verdicts wait because the last attempt to store them failed. */
  get failing(): boolean {
    return this.#retry !== null
  }

  /** Stores the verdict soon, and tells `onStored` when it is. */
  add(settled: Settled): void {
    this.#waiting.push(settled)
    if (this.#storing !== null || this.#retry !== null) return
    this.#immediate ??= setImmediate(() => void this.#store())
  }

  /** The clock was set back by so many ms: what waits to be stored was judged by the clock as it was. */
  setBack(byMs: number): void {
    this.#waiting = this.#waiting.map(settled => ({ ...settled, verdict: earlier(settled.verdict, byMs) }))
  }

  /** Resolves when what is being stored at this moment is stored, or has failed to be. */
  async underWay(): Promise<void> {
    await this.#storing
  }

  /** Tries to store everything now, once; answers how many verdicts could not be stored, and forgets those. */
  async drain(): Promise<number> {
    this.#clearTimers()
    await this.#storing
    this.#clearTimers()
    await this.#store()
    this.#clearTimers()
    const lost = this.#waiting.length
    this.#waiting = []
    return lost
  }

  #store(): Promise<void> {
    this.#clearTimers()
    if (this.#waiting.length === 0) return Promise.resolve()
    this.#storing ??= this.#storeAll()
    return this.#storing
  }

  async #storeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#options.queue.settle(batch)
      } catch (error) {
        this.#waiting = [...batch, ...this.#waiting]
        this.#options.onError(error)
        this.#retry = setTimeout(() => void this.#store(), RETRY_MS)
        break
      }
      this.#options.onStored(batch)
    }
    // In the same turn as the last look at what waits: a verdict that comes after this schedules a round of its own.
    this.#storing = null
  }

  #clearTimers(): void {
    if (this.#immediate !== null) clearImmediate(this.#immediate)
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#immediate = null
    this.#retry = null
  }
}

const earlier = (verdict: Verdict, byMs: number): Verdict =>
  'runAt' in verdict ? { ...verdict, runAt: verdict.runAt - byMs } : verdict

/**
 * Clears the spool, and sources as configured, of what is finished: at once where this bridge has delivered it, and in regular rounds
 * what another bridge delivered, an operator gave up, or a crash left behind.
 *
 * 1. A file goes only after the ledger has said that its item is finished.
 * 2. A round looks at a bounded number of files and the next one goes on from there, so it costs the same with a million of them.
 * 3. One item is cleared by one at a time.
 */
import type { AudioItem, RecordingId } from '../../events/recording.ts'
import { type ClearingOptions, clearFinished } from './clearing.ts'

export interface TidyingOptions extends ClearingOptions {
  /** From the end of a round to the next, ms. */
  readonly everyMs: number
  /** Told of each item that was cleared. */
  readonly onCleared: (item: AudioItem) => void
  /** Told of an item that could not be cleared, or (`null`) that something could not be looked at; a later round tries again. */
  readonly onFailed: (item: AudioItem | null, error: unknown) => void
}

const filesOfARound = 1_000

export class Tidying {
  readonly #options: TidyingOptions
  readonly #clearing = new Set<RecordingId>()
  #found: AsyncGenerator<RecordingId> | null = null
  #timer: NodeJS.Timeout | null = null
  #round: Promise<void> = Promise.resolve()
  #stopped = true

  constructor(options: TidyingOptions) {
    this.#options = options
  }

  /** Clears what is finished since the last run, all of it, and removes what was never taken in. Throws when the spool is of no use. */
  async start(): Promise<void> {
    const { spool, ledger } = this.#options
    await spool.prepare()
    for await (const id of spool.found()) {
      const item = await ledger.get(id)
      // An upload that was not acknowledged; now, before there are new ones.
      if (item === null) await spool.remove(id)
      else await this.#clear(item)
    }
    this.#stopped = false
    this.#next()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    await this.#round
    await this.#found?.return(undefined)
    this.#found = null
  }

  /** A sink has it: cleared if no other one still needs it. Never rejects. */
  async look(id: RecordingId): Promise<void> {
    try {
      const item = await this.#options.ledger.get(id)
      if (item !== null) await this.#clear(item)
    } catch (error) {
      this.#options.onFailed(null, error)
    }
  }

  #next(): void {
    this.#timer = setTimeout(() => {
      this.#round = this.#lookAround().finally(() => {
        if (!this.#stopped) this.#next()
      })
    }, this.#options.everyMs)
  }

  async #lookAround(): Promise<void> {
    try {
      this.#found ??= this.#options.spool.found()
      for (let n = 0; n < filesOfARound && !this.#stopped; n += 1) {
        const next = await this.#found.next()
        if (next.done === true) {
          this.#found = null
          return
        }
        await this.look(next.value)
      }
    } catch (error) {
      this.#found = null
      this.#options.onFailed(null, error)
    }
  }

  async #clear(item: AudioItem): Promise<void> {
    if (this.#clearing.has(item.id)) return
    this.#clearing.add(item.id)
    try {
      if ((await clearFinished(item, this.#options)) === 'cleared') this.#options.onCleared(item)
    } catch (error) {
      this.#options.onFailed(item, error)
    } finally {
      this.#clearing.delete(item.id)
    }
  }
}

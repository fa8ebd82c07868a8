/**
 * Writes what the calls learned into the journal, in order, before anyone hears of it. One append is under way at a time; what
 * comes meanwhile gathers and goes with the next one (group commit), several changes of one call as one.
 *
 *            write             window over            append ok
 *   idle ───────────▶ gathering ─────────▶ writing ─────────────▶ gathering, or idle when nothing waits
 *                                           ▲   │ append failed
 *                              backoff over │   ▼
 *                             (same batch)  waiting
 *
 * Invariants
 *  1. Changes of a call are appended in the order they were written; a failed batch is repeated as it was, never overtaken.
 *  2. `onStored` hears of an event only after its append has resolved.
 *  3. At most `maxPending` changes are held; `hasRoom` tells before a call is advanced, so that no accepted change is ever dropped.
 *
 * The tracker is the only caller.
 */
import type { CallEvent } from './event.ts'
import type { CallChange, CallJournal } from './journal.ts'
import type { EventLog } from './log.ts'

export interface ChangeWriterOptions {
  readonly journal: Pick<CallJournal, 'append'>
  readonly log: EventLog
  readonly clock: { now(): number }
  /** Called with the events of each batch, in order, once they are stored. */
  readonly onStored: (events: readonly CallEvent[]) => void
  /** How long a change waits for company, in ms; default 5. A full batch waits for nobody. */
  readonly gatherMs?: number
  /** Calls in one append; default 500. */
  readonly maxBatch?: number
  /** Changes held in memory while the journal is slow or refuses; default 50,000. */
  readonly maxPending?: number
  /** Backoff after a failed append, in ms: doubles from `retryBaseMs` (100) up to `retryCapMs` (5,000). */
  readonly retryBaseMs?: number
  readonly retryCapMs?: number
}

export interface WriterHealth {
  readonly state: 'ok' | 'behind'
  /** Why the journal is behind; `null` when it is not. */
  readonly reason: string | null
  /** Changes that are not stored yet. */
  readonly pending: number
}

interface Waiting {
  readonly change: CallChange
  /** How many changes were merged into this one. */
  readonly weight: number
}

interface Trouble {
  readonly since: number
  readonly attempts: number
  readonly reason: string
}

export class ChangeWriter {
  readonly counters = { appends: 0, appendFailures: 0, changesStored: 0, eventsStored: 0, listenerFailures: 0 }
  readonly #options: Required<ChangeWriterOptions>
  /** What waits to be written, by call id, in the order of each call's first change. */
  readonly #gathered = new Map<string, Waiting>()
  #pending = 0
  #trouble: Trouble | null = null
  /** Settles when nothing is left to write; `null` when idle. */
  #draining: Promise<void> | null = null
  /** Ends the pause that is under way. */
  #wake: () => void = () => {}
  #isGathering = false
  #hurried = false
  #closed = false

  constructor(options: ChangeWriterOptions) {
    this.#options = { gatherMs: 5, maxBatch: 500, maxPending: 50_000, retryBaseMs: 100, retryCapMs: 5000, ...options }
  }

  /** Changes that are not stored yet. */
  get pending(): number {
    return this.#pending
  }

  get hasRoom(): boolean {
    return this.#pending < this.#options.maxPending
  }

  /** Takes a change over; returns at once. */
  write(change: CallChange): void {
    const { id } = change.call
    const earlier = this.#gathered.get(id)
    const events = earlier === undefined ? change.events : [...earlier.change.events, ...change.events]
    this.#gathered.set(id, { change: { ...change, events }, weight: (earlier?.weight ?? 0) + 1 })
    this.#pending += 1
    if (this.#isGathering && this.#gathered.size >= this.#options.maxBatch) this.#wake()
    this.#draining ??= this.#drain()
  }

  health(): WriterHealth {
    const pending = this.#pending
    const { maxPending, clock } = this.#options
    const held = this.hasRoom
      ? `${pending} changes wait in memory, and would be lost with the process; beyond ${maxPending} no signal is taken`
      : `${pending} changes wait in memory, and no signal is taken until some are stored`
    if (this.#trouble !== null) {
      const { since, attempts, reason } = this.#trouble
      const seconds = Math.round((clock.now() - since) / 1000)
      return { state: 'behind', reason: `the journal has refused ${attempts} times in ${seconds} s: ${reason}; ${held}`, pending }
    }
    if (this.hasRoom) return { state: 'ok', reason: null, pending }
    return { state: 'behind', reason: `the journal is too slow: ${held}`, pending }
  }

  /** Writes without waiting for company; resolves with `true` once all is stored, with `false` when `signal` aborts first. */
  async flush(signal: AbortSignal): Promise<boolean> {
    if (this.#draining === null) return true
    if (signal.aborted) return false
    this.#hurried = true
    this.#wake()
    let onAbort = () => {}
    const aborted = new Promise<boolean>(resolve => {
      onAbort = () => resolve(false)
      signal.addEventListener('abort', onAbort, { once: true })
    })
    try {
      return await Promise.race([this.#draining.then(() => true), aborted])
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#hurried = false
    }
  }

  /** Stops for good; what is not stored then stays unstored. Flush first. */
  close(): void {
    this.#closed = true
    this.#wake()
  }

  async #drain(): Promise<void> {
    while (this.#gathered.size > 0 && !this.#closed) {
      if (this.#gathered.size < this.#options.maxBatch && !this.#hurried) {
        this.#isGathering = true
        await this.#pause(this.#options.gatherMs)
        this.#isGathering = false
      }
      await this.#store(this.#takeBatch())
    }
    this.#draining = null
  }

  #takeBatch(): readonly Waiting[] {
    const batch: Waiting[] = []
    for (const [id, waiting] of this.#gathered) {
      if (batch.length >= this.#options.maxBatch) break
      this.#gathered.delete(id)
      batch.push(waiting)
    }
    return batch
  }

  async #store(batch: readonly Waiting[]): Promise<void> {
    const changes = batch.map(waiting => waiting.change)
    while (!this.#closed) {
      this.counters.appends += 1
      try {
        await this.#options.journal.append(changes)
      } catch (error) {
        await this.#pause(this.#refused(error))
        continue
      }
      this.#stored(changes)
      this.#pending -= batch.reduce((sum, { weight }) => sum + weight, 0)
      return
    }
  }

  #stored(changes: readonly CallChange[]): void {
    const events = changes.flatMap(change => change.events)
    this.counters.changesStored += changes.length
    this.counters.eventsStored += events.length
    if (this.#trouble !== null) this.#options.log.info({ attempts: this.#trouble.attempts }, 'call journal stores again')
    this.#trouble = null
    if (events.length === 0) return
    try {
      this.#options.onStored(events)
    } catch (error) {
      // The events are stored, so nothing is lost: who failed to listen reads them there. But it is a bug of ours.
      this.counters.listenerFailures += 1
      this.#options.log.error({ err: error, events: events.length }, 'listener failed on stored events')
    }
  }

  /** Returns how long to wait before the next attempt, in ms. */
  #refused(error: unknown): number {
    this.counters.appendFailures += 1
    const reason = error instanceof Error ? error.message : String(error)
    const attempts = (this.#trouble?.attempts ?? 0) + 1
    this.#trouble = { since: this.#trouble?.since ?? this.#options.clock.now(), attempts, reason }
    const { retryBaseMs, retryCapMs } = this.#options
    const delayMs = Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(attempts - 1, 20))
    this.#options.log.error(
      { err: error, attempts, delayMs, pending: this.#pending },
      'call journal refused a batch, it will be repeated',
    )
    return delayMs
  }

  #pause(ms: number): Promise<void> {
    if (this.#closed) return Promise.resolve()
    return new Promise(resolve => {
      const done = () => {
        clearTimeout(timer)
        this.#wake = () => {}
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#wake = done
    })
  }
}

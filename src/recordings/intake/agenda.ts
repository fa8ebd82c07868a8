/**
 * When to look at which waiting item again. Only ids and times are held, a bounded number of them; the items are in the ledger,
 * from which `intake.ts` fills it up again.
 */
import type { RecordingId } from '../../events/recording.ts'

interface Entry {
  readonly id: RecordingId
  readonly keys: readonly string[]
  /** When this process first saw it waiting. */
  readonly since: number
  at: number
  attempts: number
  running: boolean
  /** Woken while it ran: look again at once. */
  woken: boolean
}

/** An item whose turn it is. */
export interface Turn {
  readonly id: RecordingId
  readonly since: number
  /** Failed attempts so far. */
  readonly attempts: number
}

export class Agenda {
  readonly #capacity: number
  readonly #entries = new Map<RecordingId, Entry>()
  readonly #byKey = new Map<string, Set<RecordingId>>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#entries.size
  }

  /** False when there is no room: the ledger still has the item, and a later refill finds it. */
  add(id: RecordingId, keys: readonly string[], now: number): boolean {
    if (this.#entries.has(id)) return true
    if (this.#entries.size >= this.#capacity) return false
    this.#entries.set(id, { id, keys, since: now, at: now, attempts: 0, running: false, woken: false })
    for (const key of keys) {
      const ids = this.#byKey.get(key)
      if (ids === undefined) this.#byKey.set(key, new Set([id]))
      else ids.add(id)
    }
    return true
  }

  /** True when an item waits for this key; its turn comes at once. */
  wake(key: string, now: number): boolean {
    const ids = this.#byKey.get(key)
    if (ids === undefined) return false
    for (const id of ids) this.wakeItem(id, now)
    return true
  }

  /** The turn of this item comes at once. */
  wakeItem(id: RecordingId, now: number): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    entry.woken = entry.running
    entry.at = now
  }

  /** The turn of every item comes at once. */
  wakeAll(now: number): void {
    for (const id of this.#entries.keys()) this.wakeItem(id, now)
  }

  /** Takes the item whose turn has come longest ago; give it back with `later` or `done`. */
  next(now: number): Turn | null {
    let first: Entry | null = null
    for (const entry of this.#entries.values()) {
      if (!entry.running && entry.at <= now && (first === null || entry.at < first.at)) first = entry
    }
    if (first === null) return null
    first.running = true
    return { id: first.id, since: first.since, attempts: first.attempts }
  }

  /** Keeps an item from getting its turn until `later`; false when it is being worked on. One that is not here needs no keeping. */
  hold(id: RecordingId): boolean {
    const entry = this.#entries.get(id)
    if (entry?.running === true) return false
    if (entry !== undefined) entry.running = true
    return true
  }

  later(id: RecordingId, at: number, failed: boolean): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    entry.running = false
    entry.at = entry.woken ? 0 : at
    entry.woken = false
    if (failed) entry.attempts += 1
  }

  done(id: RecordingId): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    for (const key of entry.keys) {
      const ids = this.#byKey.get(key)
      ids?.delete(id)
      if (ids?.size === 0) this.#byKey.delete(key)
    }
  }
}

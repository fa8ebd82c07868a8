/**
 * Lets requests to one PBX out a few at a time: at most `slots` under way, `spacingMs` between two. First come, first served.
 * A PBX that just started gets two thousand subscriptions over some seconds, not at once.
 */

export interface PaceOptions {
  readonly slots: number
  readonly spacingMs: number
  /** Any clock in ms that only goes on. */
  readonly now: () => number
}

interface Waiting {
  /** Gets what frees its slot again; to be called once. */
  readonly run: (leave: () => void) => void
}

export class Pace {
  readonly #now: () => number
  #slots: number
  #spacingMs: number
  readonly #queue = new Set<Waiting>()
  #taken = 0
  #freeAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | null = null

  constructor(options: PaceOptions) {
    this.#now = options.now
    this.#slots = options.slots
    this.#spacingMs = options.spacingMs
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#queue.size
  }

  /** Calls `run` when its turn has come, perhaps at once; it has to call what it is given when it is done. Answers how to step back. */
  enter(run: (leave: () => void) => void): () => void {
    const waiting: Waiting = { run }
    this.#queue.add(waiting)
    this.#next()
    return () => void this.#queue.delete(waiting)
  }

  /** For the end, when there is no time to be considerate: more at once, without pauses. */
  hurry(slots: number): void {
    this.#slots = slots
    this.#spacingMs = 0
    this.#freeAt = Number.NEGATIVE_INFINITY
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#next()
  }

  /** Forgets who waits. */
  stop(): void {
    this.#queue.clear()
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #next(): void {
    if (this.#timer !== null || this.#taken >= this.#slots || this.#queue.size === 0) return
    const pause = this.#freeAt - this.#now()
    if (pause > 0) {
      this.#timer = setTimeout(() => {
        this.#timer = null
        this.#next()
      }, pause)
      return
    }
    const [first] = this.#queue
    if (first === undefined) return
    this.#queue.delete(first)
    this.#taken += 1
    this.#freeAt = this.#now() + this.#spacingMs
    let isIn = true
    first.run(() => {
      if (!isIn) return
      isIn = false
      this.#taken -= 1
      this.#next()
    })
    this.#next()
  }
}

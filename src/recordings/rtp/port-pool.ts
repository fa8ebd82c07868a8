/**
 * Which pairs of UDP ports may be used for RTP (even) and its RTCP (the next odd one), and which are in use. A pair that was given back rests
 * for a while: packets of the call before may still be on their way, and would end up in another call's recording. Pure but for its state.
 */

export interface PortPoolOptions {
  /** Inclusive; only whole pairs are used. Both 0: whatever the system gives (tests). */
  readonly first: number
  readonly last: number
  readonly quarantineMs: number
  /** Ms, of a clock that never goes back. */
  readonly now: () => number
}

export class PortPool {
  readonly #options: PortPoolOptions
  /** Free pairs, by their even port, the longest free first. */
  readonly #free: number[] = []
  readonly #leased = new Set<number>()
  /** In the order of `until`. */
  readonly #resting: { readonly port: number; readonly until: number }[] = []

  constructor(options: PortPoolOptions) {
    this.#options = options
    const { first, last } = options
    if (first === 0 && last === 0) return
    for (let port = first + (first % 2); port + 1 <= last; port += 2) this.#free.push(port)
  }

  /** The system chooses the ports. */
  get unbounded(): boolean {
    return this.#options.first === 0 && this.#options.last === 0
  }

  get size(): number {
    return this.#free.length + this.#leased.size + this.#resting.length
  }

  get leased(): number {
    return this.#leased.size
  }

  /** The even port of a pair; `null` when all are in use or rest. */
  lease(): number | null {
    const now = this.#options.now()
    while ((this.#resting[0]?.until ?? Number.POSITIVE_INFINITY) <= now) {
      const rested = this.#resting.shift()
      if (rested !== undefined) this.#free.push(rested.port)
    }
    const port = this.#free.shift()
    if (port === undefined) return null
    this.#leased.add(port)
    return port
  }

  /** Also for a pair that somebody else's process turned out to use. A port that is not leased is ignored. */
  release(port: number): void {
    if (this.#leased.delete(port)) this.#resting.push({ port, until: this.#options.now() + this.#options.quarantineMs })
  }
}

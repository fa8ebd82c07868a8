/**
 * The rate limit for whoever is not the worker: a delivery that takes several requests, the agents' status. The worker takes a
 * token for each job that it claims; every further request waits here for one of its own, so all together stay within the limit.
 *
 * There are two lines: what a person waits for, and what can wait (uploads). The second moves when the first is empty; within a line
 * it is first come, first served.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Allowance } from './allowance.ts'

/** So that a pause that an operator ends early is noticed. */
const LONGEST_NAP_MS = 1_000

interface Waiter {
  readonly go: () => void
  readonly fail: (reason: unknown) => void
}

export class Permits {
  readonly #limit: Allowance
  readonly #now: () => number
  readonly #first = new Set<Waiter>()
  readonly #later = new Set<Waiter>()
  /** Ends the nap that nobody waits for any more. */
  #nap: AbortController | null = null
  #serving = false

  constructor({ limit, now }: { readonly limit: Allowance; readonly now: () => number }) {
    this.#limit = limit
    this.#now = now
  }

  /** Resolves when one more request may go out, and counts it. Rejects with the signal's reason when that is aborted first. */
  async acquire(signal: AbortSignal, { later = false }: { readonly later?: boolean } = {}): Promise<void> {
    signal.throwIfAborted()
    const line = later ? this.#later : this.#first
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        line.delete(waiter)
        if (this.#waiting === 0) this.#nap?.abort()
        reject(signal.reason)
      }
      const leave = (): void => signal.removeEventListener('abort', onAbort)
      const waiter: Waiter = {
        go: () => {
          leave()
          resolve()
        },
        fail: reason => {
          leave()
          reject(reason)
        },
      }
      signal.addEventListener('abort', onAbort, { once: true })
      line.add(waiter)
      void this.#serve()
    })
  }

  get #waiting(): number {
    return this.#first.size + this.#later.size
  }

  #next(): Waiter | null {
    for (const line of [this.#first, this.#later]) {
      for (const waiter of line) {
        line.delete(waiter)
        return waiter
      }
    }
    return null
  }

  /** Gives out permits until nobody waits. One at a time, so none is overtaken within its line. */
  async #serve(): Promise<void> {
    if (this.#serving) return
    this.#serving = true
    try {
      while (this.#waiting > 0) await this.#serveOne()
    } finally {
      this.#serving = false
    }
  }

  async #serveOne(): Promise<void> {
    const now = this.#now()
    try {
      if ((await this.#limit.reserve(1, now)) < 1) return await this.#napUntil(this.#limit.nextAt(now))
      const next = this.#next()
      if (next === null) await this.#limit.release(1, now)
      else next.go()
    } catch (error) {
      // The limit is in a database that is gone: whoever asked hears of it and comes again.
      this.#next()?.fail(error)
    }
  }

  async #napUntil(at: number): Promise<void> {
    const nap = new AbortController()
    this.#nap = nap
    const ms = Math.min(LONGEST_NAP_MS, Math.max(1, at - this.#now()))
    try {
      await wait(ms, undefined, { signal: nap.signal })
    } catch (error) {
      if (!nap.signal.aborted) throw error
    } finally {
      this.#nap = null
    }
  }
}

/**
 * The rate limit for whoever is not the worker: a delivery that takes several requests, the agents' status. The worker takes a
 * token for each job that it claims; every further request waits here for one of its own, so all together stay within the limit.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Allowance } from './allowance.ts'

/** So that a pause that an operator ends early is noticed. */
const LONGEST_NAP_MS = 1_000

export class Permits {
  readonly #limit: Allowance
  readonly #now: () => number
  /** One waiter at a time asks for tokens, in the order they came: none is overtaken for ever. */
  #turn: Promise<void> = Promise.resolve()

  constructor({ limit, now }: { readonly limit: Allowance; readonly now: () => number }) {
    this.#limit = limit
    this.#now = now
  }

  /** Resolves when one more request may go out, and counts it. Rejects with the signal's reason when that is aborted first. */
  async acquire(signal: AbortSignal): Promise<void> {
    const mine = this.#turn.then(() => this.#take(signal))
    this.#turn = mine.catch(() => {}) // the waiter hears of it; those behind it go on
    await mine
  }

  async #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    for (let now = this.#now(); (await this.#limit.reserve(1, now)) < 1; now = this.#now()) {
      const napMs = Math.min(LONGEST_NAP_MS, Math.max(1, this.#limit.nextAt(now) - now))
      await wait(napMs, undefined, { signal })
    }
  }
}

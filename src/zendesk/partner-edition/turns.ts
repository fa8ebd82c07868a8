/** One at a time for each key, in the order they came: so that two calls of one caller do not both find that there is no ticket. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Runs `work` once those before it with the same key have ended. Rejects with the signal's reason when that is aborted while it waits. */
  async take<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve()
    const mine = before.then(async () => {
      signal.throwIfAborted()
      return await work()
    })
    const ended = mine.catch(() => {}) // whoever asked hears of it; those behind go on
    this.#last.set(key, ended)
    try {
      return await mine
    } finally {
      if (this.#last.get(key) === ended) this.#last.delete(key)
    }
  }
}

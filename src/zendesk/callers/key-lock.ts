/** One at a time for each key, in the order they came: two calls of one number must not both make its user. */

export class KeyLock {
  readonly #tails = new Map<string, Promise<void>>()

  /** Runs `work` after everybody who asked for the key before, however theirs ended. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    const mine = before.then(work)
    const tail = mine.then(
      () => {},
      () => {},
    )
    this.#tails.set(key, tail)
    try {
      return await mine
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    }
  }
}

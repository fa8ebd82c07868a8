/** A map of at most so many entries: when it is full, the one that was set longest ago goes. */
export class BoundedMap<K, V> {
  readonly #limit: number
  readonly #onEvicted: (key: K, value: V) => void
  readonly #entries = new Map<K, V>()

  /** `onEvicted` hears of each entry that had to go for another one. */
  constructor(limit: number, onEvicted: (key: K, value: V) => void = () => {}) {
    this.#limit = limit
    this.#onEvicted = onEvicted
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)
  }

  set(key: K, value: V): void {
    this.#entries.delete(key)
    if (this.#entries.size >= this.#limit) {
      const [oldest] = this.#entries
      if (oldest !== undefined) {
        this.#entries.delete(oldest[0])
        this.#onEvicted(...oldest)
      }
    }
    this.#entries.set(key, value)
  }

  delete(key: K): void {
    this.#entries.delete(key)
  }

  entries(): IterableIterator<[K, V]> {
    return this.#entries.entries()
  }
}

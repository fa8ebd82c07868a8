/** Does something again and again, never twice at once. */
export class Repeating {
  readonly #everyMs: number
  readonly #work: () => Promise<void>
  #timer: NodeJS.Timeout | null = null
  #round: Promise<void> = Promise.resolve()
  #stopped = false

  /** `work` must not reject. The pause between two rounds is `everyMs`. */
  constructor(everyMs: number, work: () => Promise<void>) {
    this.#everyMs = everyMs
    this.#work = work
    this.#wait()
  }

  /** Resolves when the round under way is over. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    await this.#round
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#round = this.#work().then(() => {
        if (!this.#stopped) this.#wait()
      })
    }, this.#everyMs)
  }
}

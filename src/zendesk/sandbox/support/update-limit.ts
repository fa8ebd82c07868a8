/** How often one user may update one ticket: a sliding window of ten minutes. In memory: a restart forgives. */

const windowMs = 600_000

export class UpdateLimit {
  readonly #perWindow: () => number
  /** When the updates of `ticket:user` were, oldest first; emptied ones are forgotten. */
  readonly #updates = new Map<string, readonly number[]>()

  /** `perWindow` is asked at each update. */
  constructor(perWindow: () => number) {
    this.#perWindow = perWindow
  }

  /** Counts an update at `now` (epoch ms), unless there were too many: a refused one costs nothing. */
  admit(ticketId: number, userId: number, now: number): boolean {
    const key = `${ticketId}:${userId}`
    const recent = (this.#updates.get(key) ?? []).filter(at => at > now - windowMs)
    const admitted = recent.length < this.#perWindow()
    this.#updates.delete(key)
    this.#updates.set(key, admitted ? [...recent, now] : recent)
    this.#forgetOld(now)
    return admitted
  }

  /** The map is in the order of the last use. */
  #forgetOld(now: number): void {
    for (const [key, times] of this.#updates) {
      if ((times.at(-1) ?? 0) > now - windowMs) return
      this.#updates.delete(key)
    }
  }
}

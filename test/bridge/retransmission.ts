/** What UDP asks of a user agent: to repeat itself until it is answered (RFC 3261 section 17.1). Quicker than T1 of 500 ms. */

const firstMs = 150
const longestMs = 600
/** Enough for a bridge that is killed several times in a row. */
const giveUpMs = 30_000

export class Retransmission {
  readonly #send: () => void
  readonly #onGiveUp: () => void
  readonly #giveUpAt = Date.now() + giveUpMs
  #timer: NodeJS.Timeout | null = null

  /** Sends at once, and again until `stop`; tells `onGiveUp` when it does not come. */
  constructor(send: () => void, onGiveUp: () => void) {
    this.#send = send
    this.#onGiveUp = onGiveUp
    this.#round(firstMs)
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #round(waitMs: number): void {
    this.#send()
    this.#timer = setTimeout(() => {
      if (Date.now() > this.#giveUpAt) this.#onGiveUp()
      else this.#round(Math.min(longestMs, waitMs * 2))
    }, waitMs)
  }
}

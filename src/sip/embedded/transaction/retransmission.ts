/**
 * Sends again at doubling intervals until it is stopped or its time is up: timers A and B, E and F, G and H of RFC 3261 section 17, each
 * pair in one timer. Over a reliable transport only the second of each pair runs.
 */
export interface RetransmissionSchedule {
  readonly reliable: boolean
  readonly firstMs: number
  /** The longest interval; Infinity lets it double for ever. */
  readonly capMs: number
  readonly giveUpMs: number
}

export class Retransmission {
  readonly #schedule: RetransmissionSchedule
  readonly #sendAgain: () => void
  readonly #giveUp: () => void
  #intervalMs: number
  #elapsedMs = 0
  #timer: NodeJS.Timeout

  /** Runs from now on; the first sending is the caller's. */
  constructor(schedule: RetransmissionSchedule, sendAgain: () => void, giveUp: () => void) {
    this.#schedule = schedule
    this.#sendAgain = sendAgain
    this.#giveUp = giveUp
    this.#intervalMs = schedule.reliable ? Number.POSITIVE_INFINITY : schedule.firstMs
    this.#timer = this.#arm()
  }

  /** From the next time on at the longest interval (RFC 3261 17.1.2.2, a provisional response to a non-INVITE). */
  slowDown(): void {
    if (!this.#schedule.reliable) this.#intervalMs = this.#schedule.capMs
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #arm(): NodeJS.Timeout {
    const waitMs = Math.min(this.#intervalMs, this.#schedule.giveUpMs - this.#elapsedMs)
    return setTimeout(() => this.#fire(waitMs), waitMs)
  }

  #fire(waitedMs: number): void {
    this.#elapsedMs += waitedMs
    if (this.#elapsedMs >= this.#schedule.giveUpMs) {
      this.#giveUp()
      return
    }
    this.#intervalMs = Math.min(this.#intervalMs * 2, this.#schedule.capMs)
    this.#sendAgain()
    this.#timer = this.#arm()
  }
}

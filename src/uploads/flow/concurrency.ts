/**
 * How many deliveries may be under way at once: additive increase, multiplicative decrease. A sink that gets slower with each one
 * more is asked for fewer; one that keeps its pace gets more, up to what was configured. Pure but for what it remembers.
 *
 * Answers are judged in rounds: as many as may be under way at once. A round with a failure halves the limit; one that took clearly
 * longer than usual takes a tenth; a good one that used all there was adds one.
 *
 * Deliveries differ (one request or five, a file of a second or an hour), so what is usual is learned from whole rounds and leans to
 * the quick ones: towards a quicker round by an eighth of the way, towards a slower one by a hundred-and-twenty-eighth. The best time ever seen is
 * no measure: it is that of a delivery that had next to nothing to do, and holds all others back for it.
 */

/** A round that takes this many times as long as usual waits in a queue of the sink's, and SLOW_AT_LEAST is worth noticing. */
const SLOW = 2
const SLOW_AT_LEAST_MS = 100
const TOWARDS_QUICKER = 1 / 8
const TOWARDS_SLOWER = 1 / 128

export class AdaptiveConcurrency {
  #most: number
  #limit: number
  #usualMs: number | null = null
  #round = { answers: 0, sumMs: 0, failed: false, full: false }

  /** `first`: what it begins with; all that was configured, unless said: a sink that is well gets its full pace at once. */
  constructor(most: number, first = most) {
    this.#most = Math.max(1, Math.floor(most))
    this.#limit = Math.min(this.#most, Math.max(1, Math.floor(first)))
  }

  /** Changes what was configured, while it runs: less holds at once, more is felt for, unless nothing had been held back. */
  configure(most: number): void {
    const wasFull = this.#limit === this.#most
    this.#most = Math.max(1, Math.floor(most))
    this.#limit = wasFull ? this.#most : Math.min(this.#limit, this.#most)
  }

  /** Deliveries that may be under way at once: a whole number, at least 1. */
  get limit(): number {
    return this.#limit
  }

  /** A delivery has ended: how long it took, whether the sink failed, and how many were under way when it ended, itself included. */
  ended(answer: { readonly tookMs: number; readonly failed: boolean; readonly underWay: number }): void {
    const round = this.#round
    round.answers++
    round.sumMs += answer.tookMs
    round.failed ||= answer.failed
    round.full ||= answer.underWay >= this.#limit
    if (round.answers < this.#limit && !answer.failed) return
    this.#judge(round)
    this.#round = { answers: 0, sumMs: 0, failed: false, full: false }
  }

  #judge(round: { readonly answers: number; readonly sumMs: number; readonly failed: boolean; readonly full: boolean }): void {
    if (round.failed) {
      this.#limit = Math.max(1, Math.floor(this.#limit / 2))
      return
    }
    const tookMs = round.sumMs / round.answers
    const usualMs = this.#usualMs ?? tookMs
    if (tookMs > SLOW * usualMs + SLOW_AT_LEAST_MS) this.#limit = Math.max(1, Math.floor(this.#limit * 0.9))
    else if (round.full) this.#limit = Math.min(this.#most, this.#limit + 1)
    this.#usualMs = usualMs + (tookMs - usualMs) * (tookMs < usualMs ? TOWARDS_QUICKER : TOWARDS_SLOWER)
  }
}

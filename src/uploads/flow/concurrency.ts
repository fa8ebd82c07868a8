/**
 * How many deliveries may be under way at once: additive increase, multiplicative decrease. A sink that gets slower with each one
 * more is asked for fewer; one that keeps its pace gets more, up to what was configured. Pure but for what it remembers.
 *
 * Answers are judged in rounds: as many as may be under way at once. A round with a failure halves the limit; one that took clearly
 * longer than the best takes a tenth; a good one that used all there was adds one.
 */

/** A round that takes this many times as long as the best one waits in a queue of the sink's, and SLOW_AT_LEAST is worth noticing. */
const SLOW = 2
const SLOW_AT_LEAST_MS = 100
/** The best time is forgotten slowly: a sink that became slower for good must not be held back for ever. */
const FORGET = 1.001

export class AdaptiveConcurrency {
  readonly #most: number
  #limit: number
  #bestMs = Number.POSITIVE_INFINITY
  #round = { answers: 0, sumMs: 0, failed: false, full: false }

  /** Begins with all that was configured: a sink that is well gets its full pace at once. */
  constructor(most: number) {
    this.#most = Math.max(1, Math.floor(most))
    this.#limit = this.#most
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
    const slow = tookMs > SLOW * this.#bestMs + SLOW_AT_LEAST_MS
    if (slow) this.#limit = Math.max(1, Math.floor(this.#limit * 0.9))
    else if (round.full) this.#limit = Math.min(this.#most, this.#limit + 1)
    this.#bestMs = Math.min(this.#bestMs * FORGET, tookMs)
  }
}

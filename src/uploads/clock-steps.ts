/**
 * What was scheduled by a clock that is set back afterwards must not wait until that time comes round again: an hour of a machine that kept
 * local time, years of one whose battery was empty. So when the clock goes back, whatever waits is due at once; that costs an attempt, at
 * most. A clock that is set forward needs nothing: what waits falls due earlier.
 *
 * While the process runs, the wall clock is compared with one that nobody can set, once a round of claims. What happened while it did not run,
 * or within a transaction, shows in the jobs: they got their time from a clock that was ahead of this one (store/jobs.ts, `nextRunAt`).
 */

/** Less than this is what NTP does all day, and no wait is worth less. */
const TOLERANCE_MS = 1_000

export interface ClockStepsOptions {
  /** Makes all jobs due that wait; answers how many. */
  readonly makeDue: () => Promise<number>
  /** The wall clock, epoch ms. */
  readonly now: () => number
  /** A clock that nobody can set, ms since whenever. */
  readonly ticks: () => number
  /** The clock went back, by so many ms. */
  readonly onSetBack: (byMs: number) => void
  /** Jobs that waited are due now. */
  readonly onDue: (jobs: number) => void
  /** The store failed; the next look tries again. */
  readonly onError: (error: unknown) => void
}

export class ClockSteps {
  readonly #options: ClockStepsOptions
  #last: { readonly now: number; readonly ticks: number }
  /** Jobs may have a time that will not come. */
  #isDoubtful = false
  #making: Promise<void> | null = null

  constructor(options: ClockStepsOptions) {
    this.#options = options
    this.#last = { now: options.now(), ticks: options.ticks() }
  }

  /** To be called at least every few seconds. Returns at once. */
  look(): void {
    const now = this.#options.now()
    const ticks = this.#options.ticks()
    const setBackMs = ticks - this.#last.ticks - (now - this.#last.now)
    this.#last = { now, ticks }
    if (setBackMs > TOLERANCE_MS) {
      this.#isDoubtful = true
      this.#options.onSetBack(Math.round(setBackMs))
    }
    if (this.#isDoubtful) this.#making ??= this.#makeDue()
  }

  /** Resolves when nothing is asked of the store any more. */
  async settled(): Promise<void> {
    await this.#making
  }

  async #makeDue(): Promise<void> {
    const { makeDue, onDue, onError } = this.#options
    this.#isDoubtful = false
    try {
      const jobs = await makeDue()
      if (jobs > 0) onDue(jobs)
    } catch (error) {
      this.#isDoubtful = true
      onError(error)
    } finally {
      this.#making = null
    }
  }
}

import type { Period } from './facts.ts'

/** The rows of a period that moves on: what it loses is let go, what it gains is read, so that every row is read once. */
export class SlidingRows<Row> {
  readonly #read: (period: Period) => Promise<readonly Row[]>
  readonly #startedAt: (row: Row) => number
  #rows: readonly Row[] = []
  #readTo = Number.NEGATIVE_INFINITY

  /** `read` answers the rows that began in a period, by their start. */
  constructor(read: (period: Period) => Promise<readonly Row[]>, startedAt: (row: Row) => number) {
    this.#read = read
    this.#startedAt = startedAt
  }

  /** The rows of the period, which begins and ends no earlier than the one before. */
  async cover({ since, until }: Period): Promise<readonly Row[]> {
    const from = Math.max(since, this.#readTo)
    const more = from < until ? await this.#read({ since: from, until }) : []
    this.#rows = [...this.#rows.filter(row => this.#startedAt(row) >= since), ...more]
    this.#readTo = Math.max(from, until)
    return this.#rows
  }
}

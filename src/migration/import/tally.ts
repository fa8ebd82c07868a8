/** What an import did with each row: counts, and a bounded number of examples of what was refused. */
import type { Refusal } from '../historic-call.ts'

export interface RefusalCount {
  readonly reason: string
  readonly fix: string
  readonly count: number
  /** The first ones. */
  readonly examples: readonly Refusal[]
}

const mostExamples = 5
const mostReasons = 100

export class Tally {
  rows = 0
  /** Calls that the rows made. */
  calls = 0
  /** Stored for the first time by this run. */
  stored = 0
  /** Stored by this or an earlier run already. */
  known = 0
  /** Reported by the bridge when they happened. */
  live = 0
  refused = 0
  readonly #reasons = new Map<string, { fix: string; count: number; examples: Refusal[] }>()

  refuse(refusal: Refusal): void {
    this.refused += 1
    const name = this.#reasons.has(refusal.reason) || this.#reasons.size < mostReasons ? refusal.reason : 'other reasons'
    const known = this.#reasons.get(name) ?? { fix: refusal.fix, count: 0, examples: [] }
    known.count += 1
    if (known.examples.length < mostExamples) known.examples.push(refusal)
    this.#reasons.set(name, known)
  }

  /** The most frequent first. */
  refusals(): readonly RefusalCount[] {
    return [...this.#reasons].map(([reason, rest]) => ({ reason, ...rest })).sort((a, b) => b.count - a.count)
  }
}

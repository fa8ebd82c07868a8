/** CDRs of a file that is given as the truth for one run, in memory: only those of the period, and a bounded number of them. */
import { type Cdr, mergeCdrs } from '../events/cdr.ts'
import type { CdrFacts, Period } from './facts.ts'

/** Some 300 MB. */
const most = 500_000

export class CdrList implements CdrFacts {
  readonly #period: Period
  readonly #byId = new Map<string, Cdr>()
  #sorted: readonly Cdr[] | null = null
  #covered: Period | null = null

  /** Records of calls that began outside of the period are only asked which time they cover. */
  constructor(period: Period) {
    this.#period = period
  }

  get size(): number {
    return this.#byId.size
  }

  /** Throws when there are more than memory is meant for. */
  add(cdr: Cdr): void {
    const { startedAt, endedAt } = cdr
    const { since, until } = this.#covered ?? { since: startedAt, until: endedAt }
    this.#covered = { since: Math.min(since, startedAt), until: Math.max(until, endedAt) }
    if (startedAt < this.#period.since || startedAt >= this.#period.until) return
    const known = this.#byId.get(cdr.id)
    if (known === undefined && this.#byId.size >= most)
      throw new RangeError(`there are more than ${most} calls in the records of this time: ask for a shorter one`)
    this.#byId.set(cdr.id, known === undefined ? cdr : mergeCdrs(known, cdr))
    this.#sorted = null
  }

  async sliceEnd({ since, until }: Period, count: number): Promise<number> {
    const all = this.#inOrder()
    const cdr = all[firstFrom(all, since) + count]
    return cdr === undefined || cdr.startedAt >= until ? until : Math.max(cdr.startedAt, since + 1)
  }

  async cdrs({ since, until }: Period): Promise<readonly Cdr[]> {
    const all = this.#inOrder()
    return all.slice(firstFrom(all, since), firstFrom(all, until))
  }

  async covered(): Promise<Period | null> {
    return this.#covered
  }

  #inOrder(): readonly Cdr[] {
    this.#sorted ??= [...this.#byId.values()].sort((a, b) => a.startedAt - b.startedAt)
    return this.#sorted
  }
}

/** The index of the first that began then or later. */
function firstFrom(cdrs: readonly Cdr[], at: number): number {
  let low = 0
  let high = cdrs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((cdrs[middle]?.startedAt ?? Number.POSITIVE_INFINITY) < at) low = middle + 1
    else high = middle
  }
  return low
}

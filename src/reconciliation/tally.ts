/** Findings as they are found: all counted, the first of each kind kept. Memory does not grow with what is wrong. */
import { type Finding, type FindingKind, findingKinds } from './finding.ts'

export interface KindCount {
  readonly count: number
  /** Since when the oldest of them is so, epoch ms; `null` when there is none. */
  readonly oldestSince: number | null
}

export type FindingCounts = Readonly<Record<FindingKind, KindCount>>

export class FindingTally {
  readonly #mostOfAKind: number
  readonly #kept = new Map<FindingKind, Finding[]>()
  readonly #counts = new Map<FindingKind, KindCount>()

  constructor(mostOfAKind: number) {
    this.#mostOfAKind = mostOfAKind
  }

  add(finding: Finding): void {
    const { kind, since } = finding
    const before = this.countOf(kind)
    const oldestSince = Math.min(since, before.oldestSince ?? Number.POSITIVE_INFINITY)
    this.#counts.set(kind, { count: before.count + 1, oldestSince })
    const kept = this.#kept.get(kind) ?? []
    if (kept.length < this.#mostOfAKind) kept.push(finding)
    this.#kept.set(kind, kept)
  }

  /** Everything that another tally counted, too. */
  addAll(other: FindingTally): void {
    for (const kind of findingKinds) {
      const more = other.countOf(kind)
      if (more.count === 0) continue
      const own = this.countOf(kind)
      const oldestSince = Math.min(more.oldestSince ?? Number.POSITIVE_INFINITY, own.oldestSince ?? Number.POSITIVE_INFINITY)
      this.#counts.set(kind, { count: own.count + more.count, oldestSince })
      const kept = [...(this.#kept.get(kind) ?? []), ...(other.#kept.get(kind) ?? [])]
      this.#kept.set(kind, kept.slice(0, this.#mostOfAKind))
    }
  }

  countOf(kind: FindingKind): KindCount {
    return this.#counts.get(kind) ?? { count: 0, oldestSince: null }
  }

  get total(): number {
    return findingKinds.reduce((sum, kind) => sum + this.countOf(kind).count, 0)
  }

  counts(): FindingCounts {
    // Every kind is a key of it.
    return Object.fromEntries(findingKinds.map(kind => [kind, this.countOf(kind)])) as Record<FindingKind, KindCount>
  }

  /** Those that were kept, by kind, the oldest of each first. */
  findings(): readonly Finding[] {
    return findingKinds.flatMap(kind => [...(this.#kept.get(kind) ?? [])].sort((a, b) => a.since - b.since))
  }
}

/** Extensions in calls that belong to no configured agent: a forgotten colleague, or a queue, a fax, a door. Bounded. */
import type { CallEvent } from '../../events/event.ts'

export interface UnmappedExtension {
  readonly extension: string
  /** Ended calls that it was part of, since the start. */
  readonly calls: number
  /** Epoch ms. */
  readonly lastSeenAt: number
}

const most = 1_000

export class UnmappedExtensions {
  readonly #mapped: ReadonlySet<string>
  readonly #seen = new Map<string, UnmappedExtension>()

  constructor(mapped: readonly string[]) {
    this.#mapped = new Set(mapped)
  }

  /** Counts those of a call that has ended; answers the ones that were never seen before. */
  count({ type, call, occurredAt }: CallEvent): readonly string[] {
    if (type !== 'call.ended') return []
    const parties = [call.from, call.to, ...call.legs.map(leg => leg.to)]
    const fresh: string[] = []
    for (const extension of new Set(parties.flatMap(({ kind, value }) => (kind === 'extension' ? [value] : [])))) {
      const before = this.#seen.get(extension)
      if (this.#mapped.has(extension) || (before === undefined && this.#seen.size >= most)) continue
      if (before === undefined) fresh.push(extension)
      this.#seen.set(extension, { extension, calls: (before?.calls ?? 0) + 1, lastSeenAt: occurredAt })
    }
    return fresh
  }

  get size(): number {
    return this.#seen.size
  }

  /** Busiest first. */
  list(): readonly UnmappedExtension[] {
    return [...this.#seen.values()].sort((a, b) => b.calls - a.calls || a.extension.localeCompare(b.extension))
  }
}

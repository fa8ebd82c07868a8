/**
 * Rows become calls. The rows of one call stand near each other, because a PBX writes them when the call ends; so a call is complete
 * once enough other calls were heard of since. A row that comes even later makes the call once more, which changes nothing.
 * All that goes by count, not by time: files may be given in any order, and clocks are set back.
 */
import type { Found, Place } from '../historic-call.ts'

export interface OpenCall<Part> {
  readonly key: string
  readonly place: Place
  readonly parts: Part[]
}

/** A PBX with this many calls at a time is none that a bridge stands beside. */
const openCalls = 5_000
/** A queue that rings fifty phones for an hour makes some thousands of rows; what is more says nothing new. */
const mostParts = 4_096

export class CallWindow<Part> {
  readonly #toCall: (open: OpenCall<Part>) => Found
  readonly #capacity: number
  /** In the order of their newest row. */
  readonly #open = new Map<string, OpenCall<Part>>()

  constructor(toCall: (open: OpenCall<Part>) => Found, capacity: number = openCalls) {
    this.#toCall = toCall
    this.#capacity = capacity
  }

  /** A row of a call; answers the calls that are complete by that. */
  add(key: string, part: Part, place: Place): readonly Found[] {
    const open = this.#open.get(key) ?? { key, place, parts: [] }
    if (open.parts.length < mostParts) open.parts.push(part)
    this.#open.delete(key)
    this.#open.set(key, open)
    if (this.#open.size <= this.#capacity) return []
    const [oldest] = this.#open.keys()
    return oldest === undefined ? [] : this.complete(oldest)
  }

  /** No more rows of this call will come. */
  complete(key: string): readonly Found[] {
    const open = this.#open.get(key)
    this.#open.delete(key)
    return open === undefined ? [] : [this.#toCall(open)]
  }

  /** No more rows at all. */
  end(): readonly Found[] {
    const found = [...this.#open.values()].map(open => this.#toCall(open))
    this.#open.clear()
    return found
  }
}

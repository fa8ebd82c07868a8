/**
 * Puts the segments of captured TCP connections in order, a direction at a time, and tells where bytes are missing. Bounded.
 *
 *   unknown ──SYN, or the first segment of a connection older than the capture──▶ in order ──gap too long──▶ in order behind the gap
 *                                                                                    └──FIN, RST──▶ unknown
 */
import type { Skip } from './frame.ts'

export interface Segment {
  /** `address port address port`: names the direction. */
  readonly key: string
  readonly sequence: number
  readonly syn: boolean
  /** FIN or RST. */
  readonly end: boolean
  readonly payload: Buffer
}

/** What a segment brings: bytes that follow the last ones, or (`fresh`) bytes at the begin of a stream or behind a gap. */
export interface Delivered {
  readonly fresh: boolean
  readonly bytes: Buffer
}

interface Direction {
  /** The sequence number of the byte that comes next. */
  next: number
  fresh: boolean
  /** Segments that came ahead of a missing one. */
  readonly early: { readonly sequence: number; readonly payload: Buffer }[]
  earlyBytes: number
}

const MAX_DIRECTIONS = 4096
const MAX_EARLY = 64
const MAX_EARLY_BYTES = 262_144

export class TcpStreams {
  readonly #directions = new Map<string, Direction>()
  readonly #skip: Skip

  constructor(skip: Skip) {
    this.#skip = skip
  }

  /** The bytes that this segment makes available, in order. */
  take(segment: Segment): Delivered[] {
    const { key, sequence, syn, payload } = segment
    const start = (sequence + (syn ? 1 : 0)) >>> 0
    const known = syn ? undefined : this.#directions.get(key)
    const direction = known ?? this.#begin(key, start)
    const delivered = payload.length === 0 ? [] : this.#place(direction, start, payload)
    if (segment.end) this.#directions.delete(key)
    return delivered
  }

  #begin(key: string, next: number): Direction {
    const direction: Direction = { next, fresh: true, early: [], earlyBytes: 0 }
    const [oldest] = this.#directions.keys()
    if (this.#directions.size >= MAX_DIRECTIONS && oldest !== undefined) this.#directions.delete(oldest)
    this.#directions.delete(key)
    this.#directions.set(key, direction)
    return direction
  }

  #place(direction: Direction, sequence: number, payload: Buffer): Delivered[] {
    const delivered: Delivered[] = []
    if (ahead(sequence, direction.next) > 0) {
      direction.early.push({ sequence, payload })
      direction.earlyBytes += payload.length
      if (direction.early.length <= MAX_EARLY && direction.earlyBytes <= MAX_EARLY_BYTES) return delivered
      // The missing bytes were not captured: go on behind them.
      this.#skip('tcp-gap')
      const nearest = direction.early.reduce((best, each) => (ahead(each.sequence, best.sequence) < 0 ? each : best))
      direction.next = nearest.sequence
      direction.fresh = true
    } else append(direction, sequence, payload, delivered)
    while (this.#takeEarly(direction, delivered));
    return delivered
  }

  /** Appends one segment that came early and is due now; whether there was one. */
  #takeEarly(direction: Direction, delivered: Delivered[]): boolean {
    const i = direction.early.findIndex(each => ahead(each.sequence, direction.next) <= 0)
    const [due] = i === -1 ? [] : direction.early.splice(i, 1)
    if (due === undefined) return false
    direction.earlyBytes -= due.payload.length
    append(direction, due.sequence, due.payload, delivered)
    return true
  }
}

/** Appends what is new in a segment: a retransmission may hold nothing new, or overlap. */
function append(direction: Direction, sequence: number, payload: Buffer, delivered: Delivered[]): void {
  const known = ahead(direction.next, sequence)
  if (known >= payload.length) return
  const bytes = payload.subarray(known)
  direction.next = (direction.next + bytes.length) >>> 0
  delivered.push({ fresh: direction.fresh, bytes })
  direction.fresh = false
}

/** How far `a` is ahead of `b` in the circle of sequence numbers (RFC 9293 section 3.4); negative when it is behind. */
function ahead(a: number, b: number): number {
  return (a - b) | 0
}

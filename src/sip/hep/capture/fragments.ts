/**
 * Puts fragmented IP packets together: a large INVITE over UDP comes in two or three. Bounded: a packet that does not complete is given up
 * for newer ones, and one whose pieces overlap is given up at once, since two readers would read it differently (RFC 5722).
 */
import type { Skip } from './frame.ts'
import type { IpPacket } from './ip.ts'

const MAX_PENDING = 256
const MAX_PIECES = 64
const MAX_PACKET_BYTES = 65_535

interface Pending {
  readonly pieces: { readonly offset: number; readonly bytes: Buffer }[]
  /** The length of all, known with the last piece. */
  total: number | null
}

export class Fragments {
  readonly #pending = new Map<string, Pending>()
  readonly #skip: Skip

  constructor(skip: Skip) {
    this.#skip = skip
  }

  /** The packet, once it is whole; `null` while pieces are missing. */
  take(packet: IpPacket): IpPacket | null {
    const { fragment } = packet
    if (fragment === null) return packet
    const key = `${packet.source} ${packet.destination} ${packet.protocol} ${fragment.id}`
    const pending = this.#pendingFor(key)
    const { offset, more } = fragment
    const { length } = packet.payload
    // The same piece captured on two interfaces.
    if (pending.pieces.some(piece => piece.offset === offset && piece.bytes.equals(packet.payload))) return null
    const overlaps = pending.pieces.some(piece => offset < piece.offset + piece.bytes.length && piece.offset < offset + length)
    if (overlaps || length === 0 || offset + length > MAX_PACKET_BYTES || pending.pieces.length === MAX_PIECES) {
      this.#pending.delete(key)
      this.#skip('ip-fragments-damaged')
      return null
    }
    pending.pieces.push({ offset, bytes: packet.payload })
    if (!more) pending.total = offset + length
    const have = pending.pieces.reduce((sum, piece) => sum + piece.bytes.length, 0)
    if (have !== pending.total) return null
    this.#pending.delete(key)
    const pieces = pending.pieces.sort((a, b) => a.offset - b.offset).map(piece => piece.bytes)
    return { ...packet, payload: Buffer.concat(pieces), fragment: null }
  }

  /** Counts what never became whole. */
  end(): void {
    for (const key of this.#pending.keys()) this.#giveUp(key)
  }

  #pendingFor(key: string): Pending {
    const known = this.#pending.get(key)
    if (known !== undefined) return known
    const [oldest] = this.#pending.keys()
    if (this.#pending.size >= MAX_PENDING && oldest !== undefined) this.#giveUp(oldest)
    const pending: Pending = { pieces: [], total: null }
    this.#pending.set(key, pending)
    return pending
  }

  #giveUp(key: string): void {
    this.#pending.delete(key)
    this.#skip('ip-fragments-incomplete')
  }
}

/**
 * Which packets belong to the source that a stream now listens to, and their numbers without wrap-around (RFC 3550 A.1). Pure but for the
 * state it holds.
 *
 * A packet that does not go on where the source is (another SSRC, or a number far away) is on probation: it is kept, and when the next one
 * follows it, both begin a new source. One stray packet therefore changes nothing, and a new source loses nothing.
 * A source that was replaced comes back only once the new one is silent, so that two that overlap in a transfer do not take turns.
 */
import type { RtpPacket } from './packet.ts'

export interface ArrivedPacket {
  readonly packet: RtpPacket
  /** Epoch ms. */
  readonly at: number
  /** Sequence number without wrap-around; counts from the first packet's within one source. */
  readonly number: number
}

export type Acceptance =
  | { readonly kind: 'goes-on'; readonly arrived: ArrivedPacket }
  /** All that was held of the source before comes first. */
  | { readonly kind: 'begins'; readonly arrived: readonly ArrivedPacket[] }
  | { readonly kind: 'on-probation' }
  /** Of a source that was replaced and still sends. */
  | { readonly kind: 'ignored' }

/** Further ahead than a minute of lost packets, or further behind than anything late, is another sequence. */
const mostAhead = 3_000
const mostBehind = 500
/** How long the current source is silent before the one it replaced may come back, ms. */
const silentMs = 500

export class SourceSequence {
  #current: { readonly ssrc: number; highest: number; lastAt: number } | null = null
  #replaced: number | null = null
  #candidate: { readonly packet: RtpPacket; readonly at: number } | null = null

  /** `null` before the first packet. */
  get ssrc(): number | null {
    return this.#current?.ssrc ?? null
  }

  accept(packet: RtpPacket, at: number): Acceptance {
    const current = this.#current
    if (current === null) return this.#begin([{ packet, at }])
    if (packet.ssrc === current.ssrc) {
      const ahead = signed16(packet.sequence - current.highest)
      if (ahead <= mostAhead && ahead >= -mostBehind) {
        const number = current.highest + ahead
        current.highest = Math.max(current.highest, number)
        current.lastAt = at
        return { kind: 'goes-on', arrived: { packet, at, number } }
      }
    } else if (packet.ssrc === this.#replaced && at - current.lastAt < silentMs) {
      return { kind: 'ignored' }
    }
    const candidate = this.#candidate
    if (candidate !== null && follows(candidate.packet, packet)) return this.#begin([candidate, { packet, at }])
    this.#candidate = { packet, at }
    return { kind: 'on-probation' }
  }

  /** Forgets the source: the next packet is the first again (after a re-offer). */
  reset(): void {
    this.#current = null
    this.#replaced = null
    this.#candidate = null
  }

  #begin(packets: readonly { readonly packet: RtpPacket; readonly at: number }[]): Acceptance {
    const first = packets[0]?.packet.sequence ?? 0
    const arrived = packets.map(({ packet, at }) => ({ packet, at, number: first + signed16(packet.sequence - first) }))
    const last = arrived.at(-1)
    if (last !== undefined) {
      const before = this.#current?.ssrc ?? null
      this.#replaced = before === last.packet.ssrc ? this.#replaced : before
      this.#current = { ssrc: last.packet.ssrc, highest: last.number, lastAt: last.at }
    }
    this.#candidate = null
    return { kind: 'begins', arrived }
  }
}

function follows(before: RtpPacket, packet: RtpPacket): boolean {
  return before.ssrc === packet.ssrc && signed16(packet.sequence - before.sequence) === 1
}

function signed16(value: number): number {
  return (value << 16) >> 16
}

/**
 * Cuts a byte stream (TCP) into HEPv3 packets by the length that each one carries. Total and bounded: it holds less than one packet.
 *
 *   in step ──bytes that begin no packet──▶ searching ──"HEP3"──▶ in step
 *                                               └──MAX_SKIPPED_BYTES without one──▶ lost: only closing the connection helps
 */
import { HEP_HEADER_BYTES, startsHep } from './packet.ts'

export type HepFramed =
  /** A whole packet, not yet decoded. */
  | { readonly kind: 'packet'; readonly bytes: Buffer }
  /** So many bytes belonged to no packet; the stream is in step again. */
  | { readonly kind: 'skipped'; readonly bytes: number }
  /** No packet begins anywhere: whoever sends this speaks no HEPv3. */
  | { readonly kind: 'lost' }

/** Twice the largest packet: a stream that has not found its step by then has none. */
export const MAX_SKIPPED_BYTES = 131_072

const MAGIC = Buffer.from('HEP3')
const NOTHING = Buffer.alloc(0)

export class HepStreamFraming {
  #bytes: Buffer = NOTHING
  #skipped = 0
  #lost = false

  /** Whether a packet has begun and not ended. */
  get partial(): boolean {
    return this.#bytes.length > 0
  }

  /** Everything that the chunk completes, in order. Once lost, further bytes are ignored. */
  push(chunk: Buffer): HepFramed[] {
    const framed: HepFramed[] = []
    if (this.#lost || chunk.length === 0) return framed
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    let at = 0
    for (;;) {
      at = this.#findPacket(at)
      if (this.#skipped > MAX_SKIPPED_BYTES) return this.#giveUp(framed)
      if (this.#bytes.length - at < HEP_HEADER_BYTES) break
      const length = this.#bytes.readUInt16BE(at + 4)
      if (length < HEP_HEADER_BYTES) {
        // "HEP3" that heads no packet: payload text, or noise.
        at += MAGIC.length
        this.#skipped += MAGIC.length
        continue
      }
      if (this.#bytes.length - at < length) break
      if (this.#skipped > 0) framed.push({ kind: 'skipped', bytes: this.#skipped })
      this.#skipped = 0
      framed.push({ kind: 'packet', bytes: this.#bytes.subarray(at, at + length) })
      at += length
    }
    // An empty view would keep the whole chunk alive on an idle connection.
    this.#bytes = at === this.#bytes.length ? NOTHING : this.#bytes.subarray(at)
    return framed
  }

  /** The index where a packet begins or may begin with bytes to come; what lies before is counted as skipped. */
  #findPacket(from: number): number {
    const bytes = this.#bytes
    if (startsHep(bytes, from)) return from
    const found = bytes.indexOf(MAGIC, from)
    let at = found
    if (found === -1) {
      at = Math.max(from, bytes.length - MAGIC.length + 1)
      while (at < bytes.length && !MAGIC.subarray(0, bytes.length - at).equals(bytes.subarray(at))) at++
    }
    this.#skipped += at - from
    return at
  }

  #giveUp(framed: HepFramed[]): HepFramed[] {
    this.#lost = true
    this.#bytes = NOTHING
    framed.push({ kind: 'lost' })
    return framed
  }
}

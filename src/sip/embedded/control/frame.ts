/**
 * The framing of drachtio's control protocol: `<length>#<payload>`, where length counts the payload's bytes in decimal. Frames follow
 * each other without a separator and may be split or joined by TCP at any byte. The payload is one leader line of `|`-separated
 * tokens, optionally followed by CRLF and a SIP message.
 */

/** The largest payload accepted, in bytes. A SIP message with its leader stays far below it. */
export const MAX_FRAME_BYTES = 1 << 20

/** As many digits as MAX_FRAME_BYTES has: a longer length can't be a legal one. */
const MAX_LENGTH_DIGITS = String(MAX_FRAME_BYTES).length

const ZERO = 0x30
const HASH = 0x23

export type FrameResult =
  | { readonly ok: true; readonly frames: readonly Buffer[] }
  | { readonly ok: false; readonly reason: 'length-not-a-number' | 'frame-too-long' }

/**
 * Cuts a byte stream into payloads. Total: bytes that are no frame give a reason, after which the decoder stays broken, as nothing
 * tells where the next frame would begin. Holds at most one unfinished payload (MAX_FRAME_BYTES).
 */
export class FrameDecoder {
  #broken: FrameResult | null = null
  #digits = 0
  #length = 0
  /** The payload that is being filled, `null` while a length is being read. */
  #payload: Buffer | null = null
  #filled = 0

  /** The payloads that `chunk` completes, in order. A payload is a view of the chunk where it lies in it whole. */
  push(chunk: Buffer): FrameResult {
    if (this.#broken !== null) return this.#broken
    const frames: Buffer[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#payload !== null) {
        const copied = chunk.copy(this.#payload, this.#filled, at)
        at += copied
        this.#filled += copied
        if (this.#filled === this.#payload.length) {
          frames.push(this.#payload)
          this.#payload = null
        }
        continue
      }
      const byte = chunk[at++]
      if (byte !== HASH || this.#digits === 0) {
        const reason = this.#refuseDigit(byte)
        if (reason === null) continue
        this.#broken = { ok: false, reason }
        return this.#broken
      }
      const length = this.#length
      this.#digits = 0
      this.#length = 0
      if (at + length <= chunk.length) {
        frames.push(chunk.subarray(at, at + length))
        at += length
      } else {
        this.#payload = Buffer.allocUnsafe(length)
        this.#filled = 0
      }
    }
    return { ok: true, frames }
  }

  #refuseDigit(byte: number | undefined): 'length-not-a-number' | 'frame-too-long' | null {
    const digit = byte === undefined ? -1 : byte - ZERO
    if (digit < 0 || digit > 9) return 'length-not-a-number'
    this.#digits++
    this.#length = this.#length * 10 + digit
    return this.#digits > MAX_LENGTH_DIGITS || this.#length > MAX_FRAME_BYTES ? 'frame-too-long' : null
  }
}

/** One frame: the leader, and behind CRLF the message's bytes when there is one. */
export function encodeFrame(leader: string, message: Buffer | null = null): Buffer {
  const leaderBytes = Buffer.byteLength(leader)
  const length = message === null ? leaderBytes : leaderBytes + 2 + message.length
  const head = `${length}#${leader}${message === null ? '' : '\r\n'}`
  return message === null ? Buffer.from(head) : Buffer.concat([Buffer.from(head), message])
}

/** A payload's leader tokens and what lies behind the leader line; `rest` is `null` when there is nothing. */
export function splitPayload(payload: Buffer): { readonly tokens: readonly string[]; readonly rest: Buffer | null } {
  const end = payload.indexOf('\r\n')
  const leader = payload.toString('utf8', 0, end === -1 ? payload.length : end)
  return { tokens: leader.split('|'), rest: end === -1 ? null : payload.subarray(end + 2) }
}

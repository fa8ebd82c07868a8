/** Random identifiers of SIP (tags, Call-IDs) and of the control protocol (transaction and message ids). */

/** A source of random bytes, such as node:crypto's `randomBytes`. */
export type RandomBytes = (size: number) => Buffer

const POOL_BYTES = 4096
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Makes identifiers; draws random bytes in blocks, since one call for each id would cost more than the id. */
export class IdSource {
  readonly #random: RandomBytes
  #pool: Buffer = Buffer.alloc(0)
  #at = 0

  constructor(random: RandomBytes) {
    this.#random = random
  }

  /** A version 4 UUID (RFC 9562). */
  uuid(): string {
    const bytes = Buffer.from(this.#take(16))
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
    const hex = bytes.toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }

  /** 13 characters of base 62, about 77 bits: RFC 3261 19.3 asks a tag for 32 that nobody can guess. */
  tag(): string {
    let text = ''
    for (const byte of this.#take(13)) text += BASE62[byte % 62]
    return text
  }

  /** A number from 1 to 2^31 - 1, where RSeq may begin (RFC 3262 section 3). */
  sequence(): number {
    return (this.#take(4).readUInt32BE() % 0x7fff_ffff) + 1
  }

  #take(size: number): Buffer {
    if (this.#at + size > this.#pool.length) {
      this.#pool = this.#random(POOL_BYTES)
      this.#at = 0
    }
    this.#at += size
    return this.#pool.subarray(this.#at - size, this.#at)
  }
}

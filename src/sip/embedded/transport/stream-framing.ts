/**
 * Cuts a byte stream into SIP messages by Content-Length (RFC 3261 section 18.3) and recognises the keep-alives of RFC 5626 section 4.4.1.
 * Total and bounded: it holds at most one message. After `malformed` the place in the stream is lost, and only closing it helps.
 */
import type { SipMessage } from '../../message/message.ts'
import {
  findEndOfHead,
  MAX_HEAD_BYTES,
  MAX_MESSAGE_BYTES,
  type MalformedReason,
  type ParsedHead,
  parseHead,
  withBody,
} from '../../message/parse.ts'

export type Framed =
  | { readonly kind: 'message'; readonly message: SipMessage }
  /** CRLFCRLF between messages: to be answered with CRLF. */
  | { readonly kind: 'ping' }
  /** `bytes`: what has come of it, for an answer. */
  | { readonly kind: 'malformed'; readonly reason: MalformedReason; readonly bytes: Buffer }

const CR = 13
const LF = 10
const NOTHING = Buffer.alloc(0)

export class StreamFraming {
  #bytes: Buffer = NOTHING
  /** The head of the message whose body is still coming. */
  #head: ParsedHead | null = null
  #bodyLength = 0
  /** Where the search for the end of the head goes on: a head that comes byte by byte is searched once. */
  #searched = 0
  #lost = false

  /** Whether a message has begun and not ended. */
  get partial(): boolean {
    return this.#head !== null || (this.#bytes.length > 0 && this.#bytes[0] !== CR)
  }

  /** Everything that the chunk completes, in order. Once malformed, further bytes are ignored. */
  push(chunk: Buffer): Framed[] {
    const framed: Framed[] = []
    if (this.#lost) return framed
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    for (let next = this.#next(); next !== null; next = this.#next()) {
      framed.push(next)
      if (next.kind === 'malformed') {
        this.#lost = true
        this.#bytes = NOTHING
        this.#head = null
        break
      }
    }
    return framed
  }

  #next(): Framed | null {
    if (this.#head === null) {
      const between = this.#skipBetweenMessages()
      if (between !== null) return between
      const problem = this.#readHead()
      if (problem !== null) return { kind: 'malformed', reason: problem, bytes: this.#bytes }
    }
    const head = this.#head
    if (head === null || this.#bytes.length < this.#bodyLength) return null
    const body = this.#bytes.subarray(0, this.#bodyLength)
    this.#consume(this.#bodyLength)
    this.#head = null
    return { kind: 'message', message: withBody(head, body) }
  }

  #skipBetweenMessages(): Framed | null {
    while (this.#bytes[0] === CR && this.#bytes[1] === LF) {
      if (this.#bytes[2] === CR && this.#bytes[3] === LF) {
        this.#consume(4)
        return { kind: 'ping' }
      }
      // The second half of a ping may be on its way; a lone CRLF before anything else is skipped.
      if (this.#bytes.length < 4 && (this.#bytes.length === 2 || this.#bytes[2] === CR)) return null
      this.#consume(2)
    }
    return null
  }

  #readHead(): MalformedReason | null {
    if (this.#bytes.length === 0) return null
    const end = findEndOfHead(this.#bytes, Math.max(0, this.#searched - 3))
    if (end === -1) {
      this.#searched = this.#bytes.length
      return this.#bytes.length > MAX_HEAD_BYTES ? 'too-long' : null
    }
    const head = parseHead(this.#bytes.subarray(0, end))
    if (!head.ok) return head.reason
    if (head.contentLength === null) return 'content-length'
    if (end + head.contentLength > MAX_MESSAGE_BYTES) return 'too-long'
    this.#consume(end)
    this.#head = head
    this.#bodyLength = head.contentLength
    return null
  }

  #consume(count: number): void {
    // An empty view would keep the whole chunk alive on an idle connection.
    this.#bytes = count === this.#bytes.length ? NOTHING : this.#bytes.subarray(count)
    this.#searched = 0
  }
}

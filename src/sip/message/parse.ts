/**
 * Bytes to a SIP message (RFC 3261 sections 7 and 18.3). Total: whatever arrives gets a message or a reason, never an exception, in time
 * linear in its length. Strict where two readers could disagree about where a message ends or whom it concerns (line ends,
 * Content-Length, repeated single headers), tolerant of what real PBXs do elsewhere (compact names, folding, odd spacing, Latin-1).
 */
import { isUtf8 } from 'node:buffer'
import { parseCSeq } from './cseq.ts'
import type { HeaderField, SipMessage } from './message.ts'

/** Why bytes are no SIP message. A closed set, so that it can label a metric. */
export type MalformedReason =
  | 'empty'
  | 'too-long'
  | 'headers-not-ended'
  | 'start-line'
  | 'version'
  | 'status'
  | 'header-line'
  | 'too-many-headers'
  | 'missing-via'
  | 'missing-from'
  | 'missing-to'
  | 'missing-call-id'
  | 'missing-cseq'
  | 'duplicate-header'
  | 'cseq'
  | 'content-length'
  | 'truncated-body'

export interface Malformed {
  readonly ok: false
  readonly reason: MalformedReason
}

/** Everything of a message but its body; `contentLength` is `null` when the header is absent. */
export interface ParsedHead {
  readonly ok: true
  readonly message: SipMessage
  readonly contentLength: number | null
}

export type ParseResult = { readonly ok: true; readonly message: SipMessage } | Malformed

/** Bounds on what is accepted, in bytes and fields. A UDP datagram can't hold more than 65,507 bytes. */
export const MAX_MESSAGE_BYTES = 65_536
export const MAX_HEAD_BYTES = 16_384
const MAX_HEADERS = 256

const END_OF_HEAD = Buffer.from('\r\n\r\n')
const NO_BODY = Buffer.alloc(0)
const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/
/** An absolute URI without blanks, quotes or angle brackets: whether its scheme means something to us is not the parser's business. */
const REQUEST_URI = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"]+$/

/** RFC 3261 section 7.3.3 and the IANA registry. */
const COMPACT: Readonly<Record<string, string>> = {
  a: 'Accept-Contact',
  b: 'Referred-By',
  c: 'Content-Type',
  d: 'Request-Disposition',
  e: 'Content-Encoding',
  f: 'From',
  i: 'Call-ID',
  j: 'Reject-Contact',
  k: 'Supported',
  l: 'Content-Length',
  m: 'Contact',
  n: 'Identity-Info',
  o: 'Event',
  r: 'Refer-To',
  s: 'Subject',
  t: 'To',
  u: 'Allow-Events',
  v: 'Via',
  x: 'Session-Expires',
  y: 'Identity',
}

const malformed = (reason: MalformedReason): Malformed => ({ ok: false, reason })

/**
 * Parses one datagram: bytes beyond Content-Length are dropped, fewer bytes than it promises are malformed, and without it the body
 * is the rest (RFC 3261 18.3). Blank lines before the start line are skipped (7.5). The body is a view of `bytes`, not a copy.
 */
export function parseMessage(bytes: Buffer): ParseResult {
  if (bytes.length > MAX_MESSAGE_BYTES) return malformed('too-long')
  const start = skipBlankLines(bytes, 0)
  if (start === bytes.length) return malformed('empty')
  const end = findEndOfHead(bytes, start)
  if (end === -1) return malformed('headers-not-ended')
  const head = parseHead(bytes.subarray(start, end))
  if (!head.ok) return head
  const length = head.contentLength ?? bytes.length - end
  if (length > bytes.length - end) return malformed('truncated-body')
  return { ok: true, message: withBody(head, length === 0 ? NO_BODY : bytes.subarray(end, end + length)) }
}

/** The index behind the CR and LF bytes at `from`. */
function skipBlankLines(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at] === 13 || bytes[at] === 10) at++
  return at
}

/** The index behind the blank line that ends the header section, -1 when it has not come (yet). */
export function findEndOfHead(bytes: Buffer, from: number): number {
  const blankLine = bytes.indexOf(END_OF_HEAD, from)
  return blankLine === -1 ? -1 : blankLine + END_OF_HEAD.length
}

/** The message of a head, with its body. */
export function withBody(head: ParsedHead, body: Buffer): SipMessage {
  return { ...head.message, body }
}

/** Parses start line and headers, blank line included, and checks the headers that every message has (RFC 3261 8.1.1). */
export function parseHead(bytes: Buffer): ParsedHead | Malformed {
  if (bytes.length > MAX_HEAD_BYTES) return malformed('too-long')
  // Old PBXs put Latin-1 into display names; it is passed on as the UTF-8 that RFC 3261 asks for.
  let text = bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1')
  // A NUL may stand behind a backslash in a quoted string (RFC 4475 3.1.1.2), and nowhere else.
  if (text.includes('\0') && /(?:^|[^\\])\0/.test(text)) return malformed('header-line')
  if (text.includes('\r\n ') || text.includes('\r\n\t')) text = text.replace(/\r\n[ \t]+/g, ' ')

  const headers: HeaderField[] = []
  const required = new RequiredHeaders()
  let lineStart = text.indexOf('\r\n') + 2
  const startLine = text.slice(0, lineStart - 2)
  for (;;) {
    const lineEnd = text.indexOf('\r\n', lineStart)
    if (lineEnd === lineStart || lineEnd === -1) break
    if (headers.length === MAX_HEADERS) return malformed('too-many-headers')
    const field = parseField(text, lineStart, lineEnd)
    if (field === null) return malformed('header-line')
    const problem = required.take(field)
    if (problem !== null) return malformed(problem)
    headers.push(field)
    lineStart = lineEnd + 2
  }
  // With every CRLF consumed, a CR or LF that is left is a line end for a sloppy reader and none for us.
  if (hasStrayLineEnd(startLine) || headers.some(field => hasStrayLineEnd(field.value))) return malformed('header-line')

  const message = parseStartLine(startLine, headers)
  if (typeof message === 'string') return malformed(message)
  const problem = required.missing(message)
  return problem === null ? { ok: true, message, contentLength: required.contentLength } : malformed(problem)
}

const hasStrayLineEnd = (text: string): boolean => text.includes('\n') || text.includes('\r')

function parseStartLine(line: string, headers: readonly HeaderField[]): SipMessage | MalformedReason {
  const first = line.indexOf(' ')
  if (first === -1) return 'start-line'
  const head = line.slice(0, first)
  if (head.length === 7 && head.slice(0, 4).toUpperCase() === 'SIP/') {
    if (!isVersion2(head)) return 'version'
    // "SIP/2.0 200" without the blank and the reason phrase is seen in the wild.
    const digits = /^[1-6]\d\d(?= |$)/.exec(line.slice(first + 1))?.[0]
    if (digits === undefined) return 'status'
    const status = Number(digits)
    return { kind: 'response', status, reason: line.slice(first + 5), headers, body: NO_BODY }
  }
  const last = line.lastIndexOf(' ')
  if (last === first) return 'start-line'
  const version = line.slice(last + 1)
  if (!isVersion2(version)) return /^SIP\/\d+\.\d+$/i.test(version) ? 'version' : 'start-line'
  const uri = line.slice(first + 1, last)
  if (!TOKEN.test(head) || !REQUEST_URI.test(uri)) return 'start-line'
  return { kind: 'request', method: head, uri, headers, body: NO_BODY }
}

const isVersion2 = (text: string): boolean => text === 'SIP/2.0' || (text.length === 7 && text.toUpperCase() === 'SIP/2.0')

function parseField(text: string, start: number, end: number): HeaderField | null {
  const colon = text.indexOf(':', start)
  if (colon === -1 || colon >= end) return null
  const name = trimmed(text, start, colon)
  if (!TOKEN.test(name)) return null
  return { name: name.length === 1 ? (COMPACT[name.toLowerCase()] ?? name) : name, value: trimmed(text, colon + 1, end) }
}

function trimmed(text: string, start: number, end: number): string {
  let from = start
  let to = end
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

const isBlank = (code: number): boolean => code === 32 || code === 9

/** Watches the header fields go by: which of the mandatory ones came, none of the single ones twice. */
class RequiredHeaders {
  contentLength: number | null = null
  #via = false
  #from = false
  #to = false
  #callId = false
  #cseq: string | null = null

  take({ name, value }: HeaderField): MalformedReason | null {
    switch (name.length) {
      case 2:
        if (name.toLowerCase() !== 'to') return null
        if (this.#to) return 'duplicate-header'
        this.#to = value !== ''
        return null
      case 3:
        if (name.toLowerCase() === 'via' && value !== '') this.#via = true
        return null
      case 4:
        return this.#takeFromOrCSeq(name.toLowerCase(), value)
      case 7:
        if (name.toLowerCase() !== 'call-id') return null
        if (this.#callId) return 'duplicate-header'
        this.#callId = value !== ''
        return null
      case 14:
        return name.toLowerCase() === 'content-length' ? this.#takeContentLength(value) : null
      default:
        return null
    }
  }

  missing(message: SipMessage): MalformedReason | null {
    if (!this.#via) return 'missing-via'
    if (!this.#from) return 'missing-from'
    if (!this.#to) return 'missing-to'
    if (!this.#callId) return 'missing-call-id'
    if (this.#cseq === null) return 'missing-cseq'
    const cseq = parseCSeq(this.#cseq)
    if (cseq === null || (message.kind === 'request' && cseq.method !== message.method)) return 'cseq'
    return null
  }

  #takeFromOrCSeq(name: string, value: string): MalformedReason | null {
    if (name === 'from') {
      if (this.#from) return 'duplicate-header'
      this.#from = value !== ''
    } else if (name === 'cseq') {
      if (this.#cseq !== null) return 'duplicate-header'
      this.#cseq = value
    }
    return null
  }

  /** The same length said twice is harmless; two different ones would let two readers see two messages. */
  #takeContentLength(value: string): MalformedReason | null {
    if (!/^\d{1,10}$/.test(value)) return 'content-length'
    const length = Number(value)
    if (this.contentLength !== null && this.contentLength !== length) return 'content-length'
    this.contentLength = length
    return null
  }
}

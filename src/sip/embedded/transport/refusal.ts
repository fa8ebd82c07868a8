/**
 * The answer to a request that is no SIP message, where enough of it can be read to answer (RFC 3261 21.4.1, 21.5.6, 21.5.7; the cases are those of
 * RFC 4475 section 3.1.2): whoever sent it learns what is wrong with it, and does not repeat it for 32 s. Total.
 */
import { firstValue } from '../../message/headers.ts'
import type { HeaderField, SipRequest } from '../../message/message.ts'
import { MAX_HEAD_BYTES, type MalformedReason } from '../../message/parse.ts'
import { parseVia, type Via } from '../../message/via.ts'

export interface Refusal {
  /** What could be read of it: the headers that a response repeats. No body, and a URI without meaning. */
  readonly request: SipRequest
  /** Of the topmost Via; `null` when it can't be read (another version's), and only the packet's source says where to answer. */
  readonly via: Via | null
  readonly status: 400 | 505 | 513
  readonly reason: string
}

const REASONS: Readonly<Record<MalformedReason, string>> = {
  empty: 'Bad Request',
  'too-long': 'Message Too Large',
  'headers-not-ended': 'Bad Request: Headers Without End',
  'start-line': 'Bad Request: Request Line',
  version: 'Version Not Supported',
  status: 'Bad Request',
  'header-line': 'Bad Request: Header Line',
  'too-many-headers': 'Bad Request: Too Many Headers',
  'missing-via': 'Bad Request: Via Missing',
  'missing-from': 'Bad Request: From Missing',
  'missing-to': 'Bad Request: To Missing',
  'missing-call-id': 'Bad Request: Call-ID Missing',
  'missing-cseq': 'Bad Request: CSeq Missing',
  'duplicate-header': 'Bad Request: Header Repeated',
  cseq: 'Bad Request: CSeq',
  'content-length': 'Bad Request: Content-Length',
  'truncated-body': 'Bad Request: Body Shorter Than Content-Length',
}

/** What a response repeats (RFC 3261 8.2.6.2), by long and compact name; all but Via once. */
const REPEATED: ReadonlyMap<string, string> = new Map([
  ['via', 'Via'],
  ['v', 'Via'],
  ['from', 'From'],
  ['f', 'From'],
  ['to', 'To'],
  ['t', 'To'],
  ['call-id', 'Call-ID'],
  ['i', 'Call-ID'],
  ['cseq', 'CSeq'],
])

const NO_BODY = Buffer.alloc(0)

/** `null` for what is a response, an ACK, or says too little about itself. `bytes`: what has come of the message. */
export function refusalOf(bytes: Buffer, reason: MalformedReason): Refusal | null {
  const [startLine = '', ...lines] = headLines(bytes)
  if (/^SIP\//i.test(startLine)) return null
  const headers = repeatedHeaders(lines)
  const cseq = headers.find(({ name }) => name === 'CSeq')?.value ?? ''
  // The request line may be what is broken.
  const method = /\s([A-Za-z0-9\-.!%*_+`'~]+)$/.exec(cseq)?.[1]
  if (method === undefined || method === 'ACK' || startLine.startsWith('ACK ')) return null
  const request: SipRequest = { kind: 'request', method, uri: 'sip:unreadable.invalid', headers, body: NO_BODY }
  const via = parseVia(firstValue(request, 'Via') ?? '')
  // From, To or Call-ID may be what is missing (RFC 4475 3.3.1).
  if (!headers.some(({ name }) => name === 'Via')) return null
  const status = reason === 'too-long' ? 513 : reason === 'version' ? 505 : 400
  return { request, via, status, reason: REASONS[reason] }
}

/** The lines of the head as far as they have come, unfolded; one that is cut off is left out. */
function headLines(bytes: Buffer): string[] {
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, MAX_HEAD_BYTES)).replace(/^[\r\n]+/, '')
  const end = text.indexOf('\r\n\r\n')
  const whole = end === -1 ? text.slice(0, Math.max(0, text.lastIndexOf('\r\n'))) : text.slice(0, end)
  return whole.replace(/\r\n[ \t]+/g, ' ').split('\r\n')
}

function repeatedHeaders(lines: readonly string[]): HeaderField[] {
  const headers: HeaderField[] = []
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = REPEATED.get(line.slice(0, Math.max(0, colon)).trim().toLowerCase())
    const value = line.slice(colon + 1).trim()
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not go back
    if (name === undefined || value === '' || /[\u0000-\u0008\u000a-\u001f]/.test(value)) continue
    if (name === 'Via' || !headers.some(field => field.name === name)) headers.push({ name, value })
  }
  return headers
}

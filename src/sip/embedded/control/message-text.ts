/**
 * The SIP text that an application sends over the control protocol: a start line, header lines that may be few or none, a body up to
 * the end of the frame. It is a wish, not a message: the server adds what SIP needs (Via, tags, Call-ID, CSeq, Contact, lengths).
 */
import { sameName } from '../../message/headers.ts'
import type { HeaderField } from '../../message/message.ts'

/** What the application asked to be sent; headers that are the server's own business are gone already. */
export interface AppMessage {
  readonly startLine: string
  readonly headers: readonly HeaderField[]
  readonly body: Buffer
}

/** The server's own: how a message is routed and delimited is not for the application to say. */
const SERVER_HEADERS = new Set(['via', 'route', 'record-route', 'rseq', 'content-length', 'max-breadth'])

const COMPACT: ReadonlyMap<string, string> = new Map([
  ['c', 'Content-Type'],
  ['e', 'Content-Encoding'],
  ['f', 'From'],
  ['i', 'Call-ID'],
  ['k', 'Supported'],
  ['l', 'Content-Length'],
  ['m', 'Contact'],
  ['o', 'Event'],
  ['r', 'Refer-To'],
  ['b', 'Referred-By'],
  ['s', 'Subject'],
  ['t', 'To'],
  ['u', 'Allow-Events'],
  ['v', 'Via'],
  ['x', 'Session-Expires'],
])

/** Names whose usual spelling is not simply a capital after each dash. */
const SPELLING: ReadonlyMap<string, string> = new Map(
  [
    'Call-ID',
    'CSeq',
    'MIME-Version',
    'RAck',
    'RSeq',
    'SIP-ETag',
    'SIP-If-Match',
    'WWW-Authenticate',
    'P-Asserted-Identity',
    'Min-SE',
  ].map(name => [name.toLowerCase(), name]),
)

/** How a header name is spelt on the wire; applications write most of them in lower case. Names that begin with X- stay as they are. */
export function spellHeader(name: string): string {
  if (name.startsWith('X-') || name.startsWith('x-')) return name
  const lower = name.toLowerCase()
  return (
    SPELLING.get(lower) ??
    COMPACT.get(lower) ??
    name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
  )
}

const HEADER_LINE = /^([A-Za-z0-9\-.!%*_+`'~]+)[ \t]*:[ \t]*(.*)$/s

/** Reads the text. Total: header lines that are none are dropped, as are the server's own. */
export function parseAppMessage(text: Buffer): AppMessage {
  const blank = text.indexOf('\r\n\r\n')
  const head = text.toString('utf8', 0, blank === -1 ? text.length : blank)
  const body = blank === -1 ? Buffer.alloc(0) : text.subarray(blank + 4)
  const [startLine = '', ...lines] = head.split(/\r\n(?![ \t])/)
  const headers: HeaderField[] = []
  for (const line of lines) {
    const match = HEADER_LINE.exec(line)
    const name = match?.[1]
    const value = match?.[2]
    if (name === undefined || value === undefined) continue
    const spelt = spellHeader(name)
    if (!SERVER_HEADERS.has(spelt.toLowerCase())) headers.push({ name: spelt, value: value.replace(/\s*\r\n\s*/g, ' ').trim() })
  }
  return { startLine: startLine.trim(), headers, body }
}

/** The first value of that name; `null` when the application gave none. */
export function appHeader(message: { readonly headers: readonly HeaderField[] }, name: string): string | null {
  return message.headers.find(field => sameName(field.name, name))?.value ?? null
}

/** The method and URI of a request's start line; `null` when it is none. */
export function parseRequestLine(startLine: string): { readonly method: string; readonly uri: string } | null {
  const match = /^([A-Za-z0-9\-.!%*_+`'~]+) +(\S+) +SIP\/2\.0$/.exec(startLine)
  const method = match?.[1]
  const uri = match?.[2]
  return method === undefined || uri === undefined ? null : { method, uri }
}

/** The status (100 to 699) and reason of a response's start line; `null` when it is none. */
export function parseStatusLine(startLine: string): { readonly status: number; readonly reason: string } | null {
  const match = /^SIP\/2\.0 +([1-6]\d\d)(?: +(.*))?$/.exec(startLine)
  return match === null ? null : { status: Number(match[1]), reason: match[2] ?? '' }
}

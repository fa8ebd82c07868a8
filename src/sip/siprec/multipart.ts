/**
 * The parts of a multipart body (RFC 2046 section 5.1), from its raw bytes. Total and linear. drachtio-srf has a parser of its own,
 * which keeps the last boundary, cuts parts at their first blank line and drops their headers; hence this one.
 *
 * Tolerated, because recorders' clients do it: bare line feeds, no last boundary, blanks behind a boundary, header names without a
 * blank after the colon, parts without a Content-Type, a preamble and an epilogue, an empty line missing before the body's end.
 */
import { parseParams } from '../message/params.ts'

export interface BodyPart {
  /** In lower case, without parameters; `text/plain` where the part does not say (RFC 2046 section 5.1). */
  readonly contentType: string
  /** `session`, `recording-session`… in lower case, without parameters; `null` where the part does not say. */
  readonly disposition: string | null
  /** A view of the body, without the line end that belongs to the boundary. */
  readonly content: Buffer
}

/** What a body may hold; the rest of a longer one is left out. */
const MAX_PARTS = 16
const MAX_HEAD_BYTES = 4_096

const LF = 10
const CR = 13

/** The media type of a Content-Type header in lower case, and its boundary, `null` where it has none. */
export function mediaType(contentType: string): { readonly type: string; readonly boundary: string | null } {
  const semicolon = contentType.indexOf(';')
  const type = (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase()
  const boundary = semicolon === -1 ? null : (parseParams(contentType, semicolon).get('boundary') ?? null)
  return { type, boundary: boundary === null || boundary === '' || boundary.length > 200 ? null : boundary }
}

/** The parts in their order; of a part that has no end, what there is. Empty when the boundary occurs nowhere. */
export function parseMultipart(body: Buffer, boundary: string): BodyPart[] {
  const delimiter = Buffer.from(`--${boundary}`, 'latin1')
  const parts: BodyPart[] = []
  let start = -1
  for (let at = body.indexOf(delimiter); at !== -1; at = body.indexOf(delimiter, at + 1)) {
    const line = delimiterLine(body, at, delimiter.length)
    if (line === null) continue
    if (start !== -1) parts.push(parsePart(body.subarray(start, contentEnd(body, start, at))))
    start = line.closes ? -1 : line.next
    if (line.closes || parts.length === MAX_PARTS) return parts
  }
  if (start !== -1) parts.push(parsePart(body.subarray(start)))
  return parts
}

/** What stands at a delimiter that begins a line and is followed by blanks alone: `null` when it is no delimiter line after all. */
function delimiterLine(body: Buffer, at: number, length: number): { readonly closes: boolean; readonly next: number } | null {
  if (at > 0 && body[at - 1] !== LF && body[at - 1] !== CR) return null
  let next = at + length
  const closes = body[next] === 45 && body[next + 1] === 45
  if (closes) next += 2
  while (body[next] === 32 || body[next] === 9) next++
  if (next >= body.length || closes) return { closes, next: body.length }
  if (body[next] === CR) next++
  if (body[next] === LF) return { closes, next: next + 1 }
  return body[next - 1] === CR ? { closes, next } : null
}

/** The line end before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1). */
function contentEnd(body: Buffer, start: number, delimiterAt: number): number {
  let end = delimiterAt
  if (end > start && body[end - 1] === LF) end--
  if (end > start && body[end - 1] === CR) end--
  return end
}

function parsePart(bytes: Buffer): BodyPart {
  const { head, content } = splitPart(bytes)
  let contentType = 'text/plain'
  let disposition: string | null = null
  for (const line of head.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':')
    if (colon === -1) continue
    const name = line.slice(0, colon).trim().toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (name === 'content-type' || name === 'c') contentType = mediaType(value).type
    else if (name === 'content-disposition') disposition = value.split(';', 1)[0]?.trim().toLowerCase() ?? null
  }
  return { contentType, disposition, content }
}

/** A part is headers, an empty line, content; a part that begins with an empty line has no headers. */
function splitPart(bytes: Buffer): { readonly head: string; readonly content: Buffer } {
  let lineStart = 0
  while (lineStart < Math.min(bytes.length, MAX_HEAD_BYTES)) {
    const lineEnd = bytes.indexOf(LF, lineStart)
    if (lineEnd === -1) break
    const isEmpty = lineEnd === lineStart || (lineEnd === lineStart + 1 && bytes[lineStart] === CR)
    if (isEmpty) return { head: unfolded(bytes.subarray(0, lineStart)), content: bytes.subarray(lineEnd + 1) }
    lineStart = lineEnd + 1
  }
  return { head: '', content: bytes }
}

const unfolded = (bytes: Buffer): string => bytes.toString('latin1').replace(/\r?\n[ \t]/g, ' ')

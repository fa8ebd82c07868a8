/** From, To, Contact, Route and their kin (RFC 3261 section 20.10): an optional display name, a URI and header parameters. */
import { endOfQuoted, formatParams, type Params, parseParams, quote, unquote } from './params.ts'

export interface NameAddr {
  /** Unquoted; `null` when there is none. */
  readonly display: string | null
  /** As written, without the angle brackets; parseUri reads it. */
  readonly uri: string
  /** The header's own parameters (`tag`, `expires`, `q`…). */
  readonly params: Params
}

/**
 * Parses one value, not a comma-separated list; `null` when it holds no URI. Without angle brackets, parameters belong to the header,
 * not to the URI (RFC 3261 20.10).
 */
export function parseNameAddr(value: string): NameAddr | null {
  const text = value.trim()
  const searchFrom = text.startsWith('"') ? endOfQuoted(text, 0) : 0
  const open = text.indexOf('<', searchFrom)
  if (open === -1) return searchFrom === 0 ? parseAddrSpec(text) : null
  const close = text.indexOf('>', open)
  if (close === -1) return null
  const uri = text.slice(open + 1, close).trim()
  if (!hasScheme(uri)) return null
  const display = unquote(text.slice(0, open).trim())
  const semicolon = text.indexOf(';', close)
  return { display: display === '' ? null : display, uri, params: parseParams(text, semicolon === -1 ? text.length : semicolon) }
}

function parseAddrSpec(text: string): NameAddr | null {
  const semicolon = text.indexOf(';')
  const end = semicolon === -1 ? text.length : semicolon
  const uri = text.slice(0, end).trim()
  return hasScheme(uri) ? { display: null, uri, params: parseParams(text, end) } : null
}

const hasScheme = (uri: string): boolean => /^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+$/.test(uri)

/** Writes the value, always with angle brackets; the display name is quoted unless it is one plain word. */
export function formatNameAddr({ display, uri, params }: NameAddr): string {
  const name = display === null ? '' : /^[A-Za-z0-9\-.!%*_+`'~]+$/.test(display) ? `${display} ` : `${quote(display)} `
  return `${name}<${uri}>${formatParams(params)}`
}

/** The `tag` parameter of a From or To value (RFC 3261 19.3); `null` when there is none. */
export function tagOf(value: string): string | null {
  return parseNameAddr(value)?.params.get('tag') ?? null
}

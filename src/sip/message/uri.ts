/** SIP, SIPS and tel URIs (RFC 3261 section 19.1, RFC 3966). Total; what is no such URI is `null`. */
import { parseHostPort } from './host-port.ts'
import { NO_PARAMS, type Params } from './params.ts'

export interface SipUri {
  readonly scheme: 'sip' | 'sips' | 'tel'
  /** Unescaped; the number of a tel URI, visual separators kept; `null` when the URI has no user part. */
  readonly user: string | null
  readonly password: string | null
  /** As written, IPv6 without brackets; '' in a tel URI. */
  readonly host: string
  readonly port: number | null
  /** Names in lower case, values unescaped; `lr` without value is `null`. */
  readonly params: Params
  /** `?name=value` pairs in order, unescaped. */
  readonly headers: readonly (readonly [name: string, value: string])[]
}

const NO_HEADERS: SipUri['headers'] = []

/** Parses a bare URI, without angle brackets or display name (those are parseNameAddr's). */
export function parseUri(text: string): SipUri | null {
  const colon = text.indexOf(':')
  const scheme = colon === -1 ? '' : text.slice(0, colon).toLowerCase()
  if (/[\s<>"]/.test(text)) return null
  if (scheme === 'sip' || scheme === 'sips') return parseSipUri(scheme, text.slice(colon + 1))
  return scheme === 'tel' ? parseTelUri(text.slice(colon + 1)) : null
}

function parseSipUri(scheme: 'sip' | 'sips', rest: string): SipUri | null {
  const at = rest.indexOf('@')
  let user: string | null = null
  let password: string | null = null
  if (at !== -1) {
    const colon = rest.indexOf(':')
    const hasPassword = colon !== -1 && colon < at
    user = unescapeText(rest.slice(0, hasPassword ? colon : at))
    password = hasPassword ? unescapeText(rest.slice(colon + 1, at)) : null
    if (user === '') return null
  }
  const question = rest.indexOf('?', at + 1)
  const headersAt = question === -1 ? rest.length : question
  const semicolon = rest.indexOf(';', at + 1)
  const paramsAt = semicolon === -1 || semicolon > headersAt ? headersAt : semicolon
  const hostPort = parseHostPort(rest.slice(at + 1, paramsAt))
  if (hostPort === null) return null
  const params = parseUriParams(rest.slice(paramsAt, headersAt))
  const headers = question === -1 ? NO_HEADERS : parseUriHeaders(rest.slice(question + 1))
  return { scheme, user, password, host: hostPort.host, port: hostPort.port, params, headers }
}

function parseTelUri(rest: string): SipUri | null {
  const semicolon = rest.indexOf(';')
  const paramsAt = semicolon === -1 ? rest.length : semicolon
  const user = unescapeText(rest.slice(0, paramsAt))
  if (user === '') return null
  return {
    scheme: 'tel',
    user,
    password: null,
    host: '',
    port: null,
    params: parseUriParams(rest.slice(paramsAt)),
    headers: NO_HEADERS,
  }
}

function parseUriParams(text: string): Params {
  if (text === '') return NO_PARAMS
  const params = new Map<string, string | null>()
  for (const part of text.split(';')) {
    const [name, value] = pair(part)
    const key = unescapeText(name).toLowerCase()
    if (key !== '' && !params.has(key)) params.set(key, value === null ? null : unescapeText(value))
  }
  return params
}

function parseUriHeaders(text: string): SipUri['headers'] {
  return text
    .split('&')
    .map(pair)
    .filter(([name]) => name !== '')
    .map(([name, value]) => [unescapeText(name), unescapeText(value ?? '')] as const)
}

function pair(text: string): [name: string, value: string | null] {
  const equals = text.indexOf('=')
  return equals === -1 ? [text, null] : [text.slice(0, equals), text.slice(equals + 1)]
}

/** `%41` becomes `A`. Escapes that are no UTF-8 are read as Latin-1; a `%` without two hex digits stays. */
function unescapeText(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, run => {
    const bytes = Buffer.from(run.replaceAll('%', ''), 'hex')
    const utf8 = bytes.toString()
    return Buffer.from(utf8).equals(bytes) ? utf8 : bytes.toString('latin1')
  })
}

/** One value of the Via header (RFC 3261 section 20.42, RFC 3581): where a message passed, and where its response goes. */
import { formatHostPort, parseHostPort } from './host-port.ts'
import { formatParams, type Params, parseParams } from './params.ts'

export interface Via {
  /** Upper case: UDP, TCP, TLS, WS… */
  readonly transport: string
  /** The sent-by host as written, IPv6 without brackets. */
  readonly host: string
  readonly port: number | null
  /** `branch`, `received`, `rport`, `alias`…: `rport` without value is `null`. */
  readonly params: Params
}

/** `null` when the value is no Via of SIP/2.0. Give it one value, not a comma-separated list. */
export function parseVia(value: string): Via | null {
  // Blanks around the slashes are legal ("SIP / 2.0 / UDP host") and never seen outside of torture tests.
  const text = value.startsWith('SIP/2.0/') ? value : value.replace(/^SIP\s*\/\s*2\.0\s*\/\s*/i, 'SIP/2.0/')
  if (!text.startsWith('SIP/2.0/')) return null
  const blank = /[ \t]/.exec(text)?.index ?? -1
  if (blank <= 8) return null
  const semicolon = text.indexOf(';', blank)
  const sentBy = parseHostPort(text.slice(blank + 1, semicolon === -1 ? text.length : semicolon).trim())
  const transport = text.slice(8, blank).toUpperCase()
  if (sentBy === null || !/^[A-Z0-9-]+$/.test(transport)) return null
  return {
    transport,
    host: sentBy.host,
    port: sentBy.port,
    params: parseParams(text, semicolon === -1 ? text.length : semicolon),
  }
}

/** The header value of a Via. */
export function formatVia(via: Via): string {
  return `SIP/2.0/${via.transport} ${formatHostPort(via)}${formatParams(via.params)}`
}

/** RFC 3261 section 8.1.1.7: a branch that starts so is unique in itself. */
export const BRANCH_COOKIE = 'z9hG4bK'

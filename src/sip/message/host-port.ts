/** `host[:port]` as URIs and Via write it (RFC 3261 section 25.1 `hostport`): names, IPv4, and IPv6 in brackets. */

export interface HostPort {
  /** As written; IPv6 without its brackets. */
  readonly host: string
  /** 1 to 65535; `null` when it is not given. */
  readonly port: number | null
}

// An underscore is no RFC 1035 name, but PBX hosts in containers carry one.
const NAME = /^[A-Za-z0-9._-]+$/
const IPV6 = /^[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?$/

/** `null` for anything else; blanks around the colon are tolerated. */
export function parseHostPort(text: string): HostPort | null {
  const closing = text.charCodeAt(0) === 91 ? text.indexOf(']') : -1
  const colon = closing === -1 ? text.indexOf(':') : text.indexOf(':', closing)
  const hostText = colon === -1 ? text.trim() : text.slice(0, colon).trim()
  let port: number | null = null
  if (colon !== -1) {
    port = parsePort(text.slice(colon + 1).trim())
    if (port === null) return null
  }
  if (closing === -1) return NAME.test(hostText) ? { host: hostText, port } : null
  if (!hostText.endsWith(']')) return null
  const host = hostText.slice(1, -1)
  return host.includes(':') && IPV6.test(host) ? { host, port } : null
}

/** 1 to 65535; `null` for anything else. */
function parsePort(text: string): number | null {
  if (!/^\d{1,5}$/.test(text)) return null
  const port = Number(text)
  return port >= 1 && port <= 65_535 ? port : null
}

/** Writes the pair back, IPv6 in brackets, the port only when there is one. */
export function formatHostPort({ host, port }: HostPort): string {
  const bracketed = host.includes(':') ? `[${host}]` : host
  return port === null ? bracketed : `${bracketed}:${port}`
}

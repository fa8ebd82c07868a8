/** Addresses to listen on and peers to talk to. All parsers are total; names are not looked up here. */
import { isIP, isIPv4, SocketAddress } from 'node:net'
import { type Parsed, parsed, refused } from './problems.ts'

export interface HostPort {
  /** An IP address without brackets (IPv6 in its short form, as sockets report it), or a host name. */
  readonly host: string
  readonly port: number
}

type SipTransport = 'udp' | 'tcp' | 'tls'

/** A socket of the SIP server; port 0 takes a free one. */
export interface SipListener extends HostPort {
  /** As written: `udp://127.0.0.1:5060`. */
  readonly uri: string
  readonly transport: SipTransport
}

/** The PBX or a carrier. */
export interface SipPeer extends HostPort {
  /** As written: `sip:127.0.0.1:5070;transport=tcp`. */
  readonly uri: string
  readonly transport: SipTransport
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

/** `127.0.0.1:8080`, `[::1]:8080`, `localhost:0`. */
export function parseHostPort(text: string): Parsed<HostPort> {
  const match = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([^[\]:/\s]{1,253})):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2] ?? ''
  const port = Number(match?.[3] ?? Number.NaN)
  if (match === null) return refused('is not HOST:PORT', hostPortFix(text))
  if (!isHost(host, match[1] !== undefined))
    return refused(`has no valid host`, 'write an IP address or a host name before the port')
  if (port > 65_535) return refused('has a port above 65535', 'write a port from 0 (any free one) to 65535')
  return parsed({ host: isIP(host) === 6 ? new SocketAddress({ address: host, family: 'ipv6' }).address : host, port })
}

/** `udp://127.0.0.1:5060`, `tls://[::1]:5061`. Names are refused: what goes into Via and Record-Route must be an address. */
export function parseSipListener(text: string): Parsed<SipListener> {
  const match = /^(\w{1,16}):\/\/(.+)$/.exec(text)
  const scheme = match?.[1]?.toLowerCase()
  if (scheme === 'ws' || scheme === 'wss')
    return refused(`${scheme}:// listeners are not in this version yet`, 'use udp://, tcp:// or tls://')
  if (match === null || (scheme !== 'udp' && scheme !== 'tcp' && scheme !== 'tls'))
    return refused('is not a SIP listener', 'write udp://, tcp:// or tls://ADDRESS:PORT, such as udp://127.0.0.1:5060')
  const address = parseHostPort(match[2] ?? '')
  if (!address.ok) return address
  if (isIP(address.value.host) === 0) return refused('names a host', 'write the IP address of one of this machine’s interfaces')
  return parsed({ uri: text, transport: scheme, ...address.value })
}

/**
 * `sip:127.0.0.1:5070`, `sip:pbx.example;transport=tcp`; the port is 5060 and the transport UDP unless said (RFC 3261 19.1.2). `;transport=tls` and
 * `sips:` are TLS, whose port is 5061.
 */
export function parseSipPeer(text: string): Parsed<SipPeer> {
  const example = 'write sip:HOST:PORT or sip:HOST:PORT;transport=tcp, such as sip:192.0.2.10:5060'
  const match = /^(sips?):([^;?]{1,300})((?:;[^;?]*)*)(\?.*)?$/i.exec(text)
  if (match === null) return refused('is not the SIP URI of a peer', example)
  const hostPort = match[2] ?? ''
  if (hostPort.includes('@')) return refused('names a user', 'a peer is a host: leave out what stands before and with the @')
  if (match[4] !== undefined) return refused('carries URI headers', 'leave out the ? and what follows')
  const secure = match[1]?.toLowerCase() === 'sips'
  let transport: SipTransport = secure ? 'tls' : 'udp'
  for (const parameter of (match[3] ?? '').toLowerCase().split(';').slice(1)) {
    const wanted = /^transport=(udp|tcp|tls)$/.exec(parameter)?.[1]
    if (wanted === undefined)
      return refused('has a parameter that means nothing here', 'leave only ;transport=udp, ;transport=tcp or ;transport=tls')
    if (secure && wanted !== 'tls') return refused('asks for TLS and for another transport', 'write sip: instead of sips:')
    transport = wanted === 'tls' ? 'tls' : wanted === 'tcp' ? 'tcp' : 'udp'
  }
  const usualPort = transport === 'tls' ? 5061 : 5060
  const address = parseHostPort(/(?:\]|^[^:]*)$/.test(hostPort) ? `${hostPort}:${usualPort}` : hostPort)
  if (!address.ok)
    return refused(address.reason === 'is not HOST:PORT' ? 'is not the SIP URI of a peer' : address.reason, example)
  if (address.value.port === 0) return refused('has port 0', 'write the port on which the peer listens')
  return parsed({ uri: text, ...address.value, transport })
}

/** The origin of an HTTP server, without a slash at its end. https, unless the server is this machine. */
export function parseOrigin(text: string): Parsed<string> {
  if (!URL.canParse(text)) return refused('is not a URL', 'write it like https://example.zendesk.com')
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    return refused('holds a user or a password', 'leave them out; the token has a key of its own')
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return refused('is not an HTTP URL', 'write it like https://example.zendesk.com')
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    return refused('is more than the server’s address', `write ${url.origin} alone; the bridge adds the paths`)
  if (url.protocol === 'http:' && !isLoopback(url.hostname.replace(/^\[|\]$/g, '')))
    return refused('would send the token unencrypted', 'use https://')
  return parsed(url.origin)
}

function isHost(host: string, bracketed: boolean): boolean {
  if (bracketed) return isIP(host) === 6
  if (/^[\d.]+$/.test(host)) return isIPv4(host)
  return /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*\.?$/.test(
    host,
  )
}

function hostPortFix(text: string): string {
  if (text.includes('://')) return 'leave out the scheme: 127.0.0.1:8080'
  if (/^(\*|):?\d+$/.test(text)) return 'name the address to listen on: 127.0.0.1 for this machine, 0.0.0.0 for all'
  if (isIP(text) === 6 || (text.match(/:/g)?.length ?? 0) > 1) return 'put an IPv6 address in brackets: [::1]:8080'
  return 'write it like 127.0.0.1:8080'
}

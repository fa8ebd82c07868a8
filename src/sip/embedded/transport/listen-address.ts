/** `udp://127.0.0.1:5060`, as the configuration names the sockets to open. */
import { isIP } from 'node:net'
import type { HopAddress } from '../../message/message.ts'
import { canonicalAddress } from './ip-address.ts'

/** RFC 3261 section 19.1.2: where SIP listens unless told otherwise. */
export const SIP_PORT = 5060
const SIPS_PORT = 5061

/** The port of a URI or Via that names none. */
export function defaultPort(transport: HopAddress['transport']): number {
  return transport === 'tls' ? SIPS_PORT : SIP_PORT
}

/** Transport, IP address (IPv6 in brackets) and port; 0 lets the system choose, absent means 5060, for TLS 5061. `null` for anything else. */
export function parseListenAddress(text: string): HopAddress | null {
  const match = /^(udp|tcp|tls):\/\/(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(text)
  const transport = match?.[1]
  if (transport !== 'udp' && transport !== 'tcp' && transport !== 'tls') return null
  const address = match?.[2] ?? match?.[3] ?? ''
  const port = Number(match?.[4] ?? defaultPort(transport))
  // Only what is in brackets may hold a colon, and only IPv6 is written in brackets.
  if (isIP(address) !== (match?.[2] === undefined ? 4 : 6) || port > 65_535) return null
  return { transport, address: canonicalAddress(address), port }
}

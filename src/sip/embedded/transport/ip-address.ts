/** IP addresses as texts. */
import { isIP, SocketAddress } from 'node:net'

/**
 * The one spelling of an IP address that sockets report too: `2001:DB8:0::1` becomes `2001:db8::1` (RFC 5952; RFC 5118 4.1 wants addresses
 * compared, not texts). A zone (`%eth0`) is kept; what is no IP address comes back as it is.
 */
export function canonicalAddress(text: string): string {
  if (isIP(text) !== 6) return text
  const zone = text.indexOf('%')
  const address = zone === -1 ? text : text.slice(0, zone)
  return new SocketAddress({ address, family: 'ipv6' }).address + (zone === -1 ? '' : text.slice(zone))
}

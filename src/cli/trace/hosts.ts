/** Which addresses of a capture are the PBX's and the carriers': as asked, as configured, or as the capture itself suggests. */
import { isIP } from 'node:net'
import type { CaptureItem } from '../../sip/hep/capture-file.ts'
import type { KnownHost, KnownHosts } from '../../sip/hep/ends.ts'
import { headerValue } from '../../sip/message/headers.ts'
import { formatHostPort, parseHostPort } from '../../sip/message/host-port.ts'
import type { HopAddress } from '../../sip/message/message.ts'

/** `192.0.2.10`, `192.0.2.10:5070`, `[2001:db8::1]:5070`; `null` for anything else. */
export function readHost(text: string): KnownHost | null {
  const plain = isIP(text) === 6 ? { host: text, port: null } : parseHostPort(text)
  return plain === null || isIP(plain.host) === 0 ? null : { address: plain.host, port: plain.port }
}

/** As `readHost` takes it. */
export function hostText({ address, port }: KnownHost): string {
  return port === null ? address : formatHostPort({ host: address, port })
}

/** The name of an address in a ladder: a known host is one, whatever port it calls from over TCP. */
export function placeOf(hop: HopAddress, { pbx, carrier }: KnownHosts): string {
  const known = [...pbx, ...carrier].filter(({ address }) => address === hop.address)
  const exact = known.find(({ port }) => port === null || port === hop.port)
  const [only, ...others] = known
  if (exact !== undefined) return hostText(exact)
  if (hop.transport !== 'udp' && only !== undefined && others.length === 0) return hostText(only)
  return hostText(hop)
}

/** What it says of itself in a ladder. */
export function roleOf(place: string, { pbx, carrier }: KnownHosts): string {
  if (pbx.some(host => hostText(host) === place)) return 'PBX'
  return carrier.some(host => hostText(host) === place) ? 'carrier' : ''
}

/**
 * The PBX of a capture, by what it does: it takes calls under one Call-ID and makes others under its own, more than anybody else.
 * `null` where nobody does, or two do as much.
 */
export function supposedPbx(items: Iterable<CaptureItem>): KnownHost | null {
  const hosts = new Map<string, { readonly host: KnownHost; readonly took: Set<string>; readonly made: Set<string> }>()
  const hostAt = ({ address, port }: HopAddress) => {
    const key = `${address} ${port}`
    const known = hosts.get(key)
    if (known !== undefined) return known
    const host = { host: { address, port }, took: new Set<string>(), made: new Set<string>() }
    hosts.set(key, host)
    return host
  }
  for (const item of items) {
    if (item.kind !== 'sip') continue
    const { source, destination, message } = item.seen
    if (message.kind !== 'request' || message.method !== 'INVITE') continue
    if (/;\s*tag=/i.test(headerValue(message, 'To') ?? '')) continue
    const sipCallId = headerValue(message, 'Call-ID') ?? ''
    hostAt(source).made.add(sipCallId)
    hostAt(destination).took.add(sipCallId)
  }
  const scores = [...hosts.values()]
    .map(({ host, took, made }) => ({ host, score: Math.min(beyond(took, made), beyond(made, took)) }))
    .toSorted((a, b) => b.score - a.score)
  const [first, second] = scores
  return first === undefined || first.score === 0 || first.score === second?.score ? null : first.host
}

/** How many there are of `some` and not of `others`. */
function beyond(some: ReadonlySet<string>, others: ReadonlySet<string>): number {
  return [...some].filter(each => !others.has(each)).length
}

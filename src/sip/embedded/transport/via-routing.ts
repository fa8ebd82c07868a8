/** What the topmost Via says about the way back (RFC 3261 sections 18.2.1 and 18.2.2, RFC 3581). */
import { replaceFirstValue } from '../../message/headers.ts'
import type { HopAddress, SipRequest } from '../../message/message.ts'
import { formatVia, type Via } from '../../message/via.ts'
import { defaultPort } from './listen-address.ts'

/**
 * The request with `received` and `rport` in its topmost Via as RFC 3581 section 4 wants it. Over TCP and TLS both are always filled in: a
 * response that is forwarded without a transaction then still finds its connection. What the sender wrote there itself is replaced, so
 * that nobody can point our responses at somebody else.
 */
export function stampVia(request: SipRequest, via: Via, source: HopAddress): SipRequest {
  const wantsPort = via.params.has('rport') || source.transport !== 'udp'
  if (!wantsPort && via.host === source.address && !via.params.has('received')) return request
  const params = new Map(via.params)
  params.set('received', source.address)
  if (wantsPort) params.set('rport', String(source.port))
  return replaceFirstValue(request, 'Via', formatVia({ ...via, params }))
}

/** The port that responses go to: over UDP the source's with `rport`, else the sent-by's; over TCP and TLS that of a new connection. */
export function responsePort(via: Via, source: HopAddress): number {
  if (source.transport === 'udp' && via.params.has('rport')) return source.port
  return via.port ?? defaultPort(source.transport)
}

/** Where a response goes whose topmost Via this server once stamped; `null` when it names no UDP, TCP or TLS. */
export function stampedSource(via: Via): HopAddress | null {
  const transport = TRANSPORTS.get(via.transport)
  if (transport === undefined) return null
  // RFC 5118 4.5: some write an IPv6 address into `received` with brackets.
  const address = (via.params.get('received') ?? via.host).replace(/^\[|\]$/g, '')
  const rport = Number(via.params.get('rport') ?? Number.NaN)
  return { transport, address, port: rport >= 1 && rport <= 65_535 ? rport : (via.port ?? defaultPort(transport)) }
}

const TRANSPORTS: ReadonlyMap<string, HopAddress['transport']> = new Map([
  ['UDP', 'udp'],
  ['TCP', 'tcp'],
  ['TLS', 'tls'],
])

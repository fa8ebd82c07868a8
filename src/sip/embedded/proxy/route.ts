/** Where a request goes on its way through this proxy: Route headers in and out (RFC 3261 sections 16.4, 16.6 and 16.12). Pure. */
import { firstValue, headerValue, headerValues, removeFirstValue, sameName, withHeaders } from '../../message/headers.ts'
import type { HeaderField, HopAddress, SipRequest } from '../../message/message.ts'
import { parseNameAddr } from '../../message/name-addr.ts'
import { isLooseRouter } from '../dialog/dialog-request.ts'
import type { LocalIdentity } from '../local-identity.ts'

/**
 * The request without the Route values that named us, and whether there were any: then its sender means us to forward it. Both of a
 * pair go, when we changed transports between the sides and recorded one route for each.
 */
export function withoutOwnRoutes(
  request: SipRequest,
  identity: LocalIdentity,
): { readonly request: SipRequest; readonly routed: boolean } {
  let stripped = undoStrictRouting(request, identity)
  let routed = stripped !== request
  for (let uri = firstRouteUri(stripped); uri !== null && identity.isLocalUri(uri); uri = firstRouteUri(stripped)) {
    stripped = removeFirstValue(stripped, 'Route')
    routed = true
  }
  return { request: stripped, routed }
}

/** A router of RFC 2543 put our Record-Route into the request URI and the real one at the end of the Route (16.4). */
function undoStrictRouting(request: SipRequest, identity: LocalIdentity): SipRequest {
  if (!request.uri.includes('lr') || !isLooseRouter(request.uri) || !identity.isLocalUri(request.uri)) return request
  const routes = headerValues(request, 'Route')
  const last = routes.pop()
  const uri = last === undefined ? null : (parseNameAddr(last)?.uri ?? null)
  if (uri === null) return request
  const others = request.headers.filter(field => !sameName(field.name, 'Route'))
  return { ...request, uri, headers: [...routes.map(value => ({ name: 'Route', value })), ...others] }
}

function firstRouteUri(request: SipRequest): string | null {
  const value = firstValue(request, 'Route')
  return value === null ? null : (parseNameAddr(value)?.uri ?? null)
}

/** The request as its next hop wants it, and that hop's URI: the first Route, or the request URI when there is none. */
export function towardsNextHop(request: SipRequest): { readonly request: SipRequest; readonly nextHop: string } {
  const route = firstRouteUri(request)
  if (route === null) return { request, nextHop: request.uri }
  if (isLooseRouter(route)) return { request, nextHop: route }
  // The next hop is a strict router: the real target travels as the last Route (16.6 step 6).
  const rest = removeFirstValue(request, 'Route')
  const headers = [...rest.headers, { name: 'Route', value: `<${request.uri}>` }]
  return { request: { ...rest, uri: route, headers }, nextHop: route }
}

/** The hops left, 70 when the sender did not say (16.6 step 3); `null` when there are none left. */
export function hopsLeft(request: SipRequest): number | null {
  const value = headerValue(request, 'Max-Forwards')
  if (value === null) return 70
  const hops = /^\d{1,3}$/.test(value) ? Number(value) : 70
  return hops === 0 ? null : hops - 1
}

export interface ForwardChanges {
  readonly uri: string
  readonly maxForwards: number
  /** Record-Route or Path values to put on top. */
  readonly onTop: readonly HeaderField[]
  /** The application's: each takes the place of what the request has of that name. */
  readonly headers: readonly HeaderField[]
}

/** Headers that identify the dialog and transaction end to end: a proxy may not change them. */
const UNTOUCHABLE = ['From', 'To', 'Call-ID', 'CSeq', 'Contact', 'Max-Forwards']

/** The copy of a request that goes to one target (16.6 steps 1 to 5). */
export function forwardedCopy(request: SipRequest, changes: ForwardChanges): SipRequest {
  const added = changes.headers.filter(field => !UNTOUCHABLE.some(name => sameName(field.name, name)))
  const headers: HeaderField[] = [...changes.onTop, { name: 'Max-Forwards', value: String(changes.maxForwards) }]
  for (const field of request.headers) {
    if (sameName(field.name, 'Max-Forwards') || added.some(own => sameName(own.name, field.name))) continue
    headers.push(field)
  }
  headers.push(...added)
  return withHeaders({ ...request, uri: changes.uri }, headers)
}

/**
 * The Record-Route values that keep us in the dialog: one that both sides can use, or, between sockets of different transport or
 * address, one for each side with the callee's on top (RFC 5658). `local`: our socket on that side; `uri`: the request URI as that side has it.
 */
export function recordRoutes(
  identity: LocalIdentity,
  caller: { readonly local: HopAddress; readonly uri: string },
  callee: { readonly local: HopAddress; readonly uri: string },
): readonly string[] {
  const towardsCallee = `<${identity.uri(callee.local, callee.uri)};lr>`
  const towardsCaller = `<${identity.uri(caller.local, caller.uri)};lr>`
  return towardsCallee === towardsCaller ? [towardsCallee] : [towardsCallee, towardsCaller]
}

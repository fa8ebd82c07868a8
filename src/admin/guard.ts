/**
 * Who may use the admin server.
 *
 * With a token, every route but the two probes wants `Authorization: Bearer TOKEN`. Browsers cannot set that header on a
 * WebSocket, so there it may come as the subprotocol `bearer.BASE64URL(TOKEN)`, beside `tpe-bridge.v1`. Never in a URL:
 * URLs end in logs. FreeSWITCH's mod_json_cdr knows no bearer tokens: where it posts, and only there, the token may be the
 * password of HTTP Basic.
 *
 * Without one, the server listens on loopback only (server.ts sees to it), and what remains to be kept out are web pages
 * that the operator's browser has open: a page whose name was re-bound to 127.0.0.1 carries that name in Host; a page that
 * posts or opens a WebSocket across origins carries its own name in Origin.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { RequestRefused } from './errors.ts'

/** The subprotocol that the server speaks on `/ws`, and the one it picks when a client offers several. */
export const feedProtocol = 'tpe-bridge.v1'
const tokenProtocol = 'bearer.'
const openRoutes = new Set(['/livez', '/readyz'])
const basicRoutes = new Set(['/v1/cdrs'])

/** Why a request was refused; a label of the metric. */
export type Refusal = 'token' | 'host' | 'origin'

/** Says whether a request may pass. Throws a RequestRefused, after telling `onRefused`, when it may not. */
export function requestGuard(token: string | null, onRefused: (why: Refusal, request: FastifyRequest) => void) {
  const expected = token === null ? null : digest(token)
  return (request: FastifyRequest): void => {
    const why = expected === null ? localRefusal(request) : tokenRefusal(request, expected)
    if (why === null) return
    onRefused(why, request)
    throw explanations[why]()
  }
}

const explanations: Readonly<Record<Refusal, () => RequestRefused>> = {
  token: () => new RequestRefused(401, 'Unauthorized', 'Send `Authorization: Bearer TOKEN` with the value of admin.token.'),
  host: () => new RequestRefused(403, 'Forbidden', 'Without admin.token only localhost and loopback addresses are served.'),
  origin: () => new RequestRefused(403, 'Forbidden', 'Without admin.token no other web page may use this server.'),
}

function tokenRefusal(request: FastifyRequest, expected: Buffer): Refusal | null {
  const { url: route = '' } = request.routeOptions
  if (openRoutes.has(route)) return null
  const { authorization, 'sec-websocket-protocol': protocols } = request.headers
  const given = bearerToken(authorization) ?? (basicRoutes.has(route) ? basicPassword(authorization) : protocolToken(protocols))
  // Digests have one length, which timingSafeEqual wants and which keeps the token's length to ourselves.
  return given !== null && timingSafeEqual(digest(given), expected) ? null : 'token'
}

function localRefusal({ headers }: FastifyRequest): Refusal | null {
  // Every browser sends Host; who sends none (HTTP/1.0 probes) is not one.
  if (headers.host === undefined) return null
  const host = parseHost(headers.host)
  if (host === null || !isLoopbackName(host.hostname)) return 'host'
  if (headers.origin === undefined) return null
  return URL.canParse(headers.origin) && new URL(headers.origin).host === host.host ? null : 'origin'
}

/** Whether a host name or address literal (`localhost`, `127.0.0.1`, `::1`, `[::1]`) can only be this machine. */
export function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '::1' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name)
}

function parseHost(header: string): URL | null {
  return URL.canParse(`http://${header}`) ? new URL(`http://${header}`) : null
}

function bearerToken(header: string | undefined): string | null {
  return header?.match(/^bearer +(\S+) *$/i)?.[1] ?? null
}

/** Whoever the user is: `freeswitch:TOKEN`. */
function basicPassword(header: string | undefined): string | null {
  const credentials = header?.match(/^basic +([A-Za-z0-9+/]+={0,2}) *$/i)?.[1]
  if (credentials === undefined) return null
  const text = Buffer.from(credentials, 'base64').toString()
  return text.includes(':') ? text.slice(text.indexOf(':') + 1) : null
}

function protocolToken(header: string | undefined): string | null {
  const offered = header?.split(',').map(name => name.trim()) ?? []
  const token = offered.find(name => name.startsWith(tokenProtocol))
  return token === undefined ? null : Buffer.from(token.slice(tokenProtocol.length), 'base64url').toString()
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

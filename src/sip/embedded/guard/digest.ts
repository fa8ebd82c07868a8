/** Digest access authentication (RFC 7616, RFC 8760) with `qop=auth`, as far as it is arithmetic. Pure. */
import { createHash } from 'node:crypto'
import { sameName, splitValues, withHeaders } from '../../message/headers.ts'
import type { HeaderField, SipMessage } from '../../message/message.ts'
import { quote, unquote } from '../../message/params.ts'

/** In the order of our preference, which is that of the challenges (RFC 8760 section 2.4). */
export const DIGEST_ALGORITHMS = ['SHA-256', 'MD5'] as const
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number]

const HASH_NAMES = { 'SHA-256': 'sha256', MD5: 'md5' } as const

/** What a caller presents. */
export interface DigestCredentials {
  readonly username: string
  readonly realm: string
  readonly nonce: string
  readonly uri: string
  readonly response: string
  readonly algorithm: DigestAlgorithm
  readonly cnonce: string
  /** The nonce count as written, and as a number from 1. */
  readonly nc: string
  readonly count: number
}

/** The parameters of one Authorization or Proxy-Authorization value; `null` for another scheme. Of a repeated name the first counts. */
export function digestParams(value: string): ReadonlyMap<string, string> | null {
  const rest = /^Digest\s+(.*)$/i.exec(value.trim())?.[1]
  if (rest === undefined) return null
  const params = new Map<string, string>()
  for (const part of splitValues(rest)) {
    const equals = part.indexOf('=')
    const name = part.slice(0, Math.max(0, equals)).trim().toLowerCase()
    if (name !== '' && !params.has(name)) params.set(name, unquote(part.slice(equals + 1).trim()))
  }
  return params
}

/** The credentials in one header value; `null` when they are no digest of ours: another scheme or algorithm, no `qop=auth`, a part missing. */
export function parseCredentials(value: string): DigestCredentials | null {
  const params = digestParams(value)
  if (params === null) return null
  const wanted = (params.get('algorithm') ?? 'MD5').toUpperCase()
  const algorithm = DIGEST_ALGORITHMS.find(known => known === wanted)
  const [username, realm, nonce, uri] = [params.get('username'), params.get('realm'), params.get('nonce'), params.get('uri')]
  const [response, cnonce, nc] = [params.get('response'), params.get('cnonce'), params.get('nc')]
  if (username === undefined || realm === undefined || nonce === undefined || uri === undefined) return null
  if (algorithm === undefined || response === undefined || cnonce === undefined || nc === undefined) return null
  if (params.get('qop')?.toLowerCase() !== 'auth' || !/^[0-9a-f]{8}$/i.test(nc)) return null
  const count = Number.parseInt(nc, 16)
  return count === 0 ? null : { username, realm, nonce, uri, response, algorithm, cnonce, nc, count }
}

/** The response that whoever knows the password gives (RFC 7616 section 3.4.1), in lower-case hex. */
export function digestResponse(
  credentials: Omit<DigestCredentials, 'response' | 'count'>,
  method: string,
  password: string,
): string {
  const { username, realm, nonce, nc, cnonce, uri, algorithm } = credentials
  const hash = (text: string): string => createHash(HASH_NAMES[algorithm]).update(text).digest('hex')
  const secret = hash(`${username}:${realm}:${password}`)
  return hash(`${secret}:${nonce}:${nc}:${cnonce}:auth:${hash(`${method}:${uri}`)}`)
}

/** The value of a WWW-Authenticate or Proxy-Authenticate. */
export function challengeValue(realm: string, nonce: string, algorithm: DigestAlgorithm, stale: boolean): string {
  // MD5 is what is meant where nothing is said, and what old devices say nothing of.
  const named = algorithm === 'MD5' ? '' : `,algorithm=${algorithm}`
  return `Digest realm=${quote(realm)},nonce="${nonce}",qop="auth"${named}${stale ? ',stale=true' : ''}`
}

/** The message without the credentials that were for us: they are nobody else's affair (RFC 3261 22.3). */
export function withoutCredentials<M extends SipMessage>(message: M, realm: string | null): M {
  if (realm === null) return message
  const isOurs = ({ name, value }: HeaderField): boolean =>
    (sameName(name, 'Authorization') || sameName(name, 'Proxy-Authorization')) && digestParams(value)?.get('realm') === realm
  return message.headers.some(isOurs)
    ? withHeaders(
        message,
        message.headers.filter(field => !isOurs(field)),
      )
    : message
}

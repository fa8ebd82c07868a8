/**
 * The client's side of SIP digest authentication (RFC 3261 section 22.4, RFC 8760): the credentials that answer a 401 or 407. Pure.
 * drachtio-srf has an answer of its own, which knows MD5 only, reads a challenge's `qop="auth,auth-int"` wrongly and counts its
 * nonces from a clock's randomness; a PBX's password deserves better.
 */
import { createHash } from 'node:crypto'

export interface DigestRequest {
  readonly username: string
  readonly password: string
  readonly method: string
  /** The request URI as it was on the wire. */
  readonly uri: string
  /** Fresh and unguessable: 8 characters or more. */
  readonly cnonce: string
}

export type DigestAnswer = { readonly ok: true; readonly credentials: string } | { readonly ok: false; readonly reason: string }

type Challenge = ReadonlyMap<string, string>

/** Strongest first. */
const algorithms = [
  { name: 'SHA-256', hash: 'sha256' },
  { name: 'MD5', hash: 'md5' },
] as const

const maxLength = 4096

/**
 * The value of Authorization or Proxy-Authorization for a WWW-Authenticate or Proxy-Authenticate, which may hold several challenges:
 * the strongest that we can answer is.
 */
export function answerChallenge(header: string, request: DigestRequest): DigestAnswer {
  if (header.length > maxLength) return { ok: false, reason: 'the challenge is too long' }
  const challenges = challengesIn(header)
  if (challenges.length === 0) return { ok: false, reason: 'the challenge is no Digest' }
  for (const algorithm of algorithms) {
    for (const challenge of challenges) {
      const asked = challenge.get('algorithm') ?? 'MD5'
      if (asked.toUpperCase() !== algorithm.name) continue
      const qop = challenge.get('qop')
      const offersAuth = qop?.split(',').some(each => each.trim().toLowerCase() === 'auth')
      if (offersAuth === false) continue
      return { ok: true, credentials: credentialsFor(challenge, request, algorithm, offersAuth === true) }
    }
  }
  return { ok: false, reason: 'the challenge asks for an algorithm or quality that is not MD5 or SHA-256 with auth' }
}

/** Whether the PBX says that the password was right and only its nonce too old (RFC 7616 section 3.3). */
export function isStale(header: string): boolean {
  return challengesIn(header.slice(0, maxLength)).some(challenge => challenge.get('stale')?.toLowerCase() === 'true')
}

function credentialsFor(
  challenge: Challenge,
  { username, password, method, uri, cnonce }: DigestRequest,
  { name, hash }: (typeof algorithms)[number],
  withQop: boolean,
): string {
  const digest = (...parts: string[]): string => createHash(hash).update(parts.join(':')).digest('hex')
  const realm = challenge.get('realm') ?? ''
  const nonce = challenge.get('nonce') ?? ''
  const opaque = challenge.get('opaque')
  const count = '00000001' // each answer has a cnonce of its own
  const ha1 = digest(username, realm, password)
  const ha2 = digest(method, uri)
  const response = withQop ? digest(ha1, nonce, count, cnonce, 'auth', ha2) : digest(ha1, nonce, ha2)
  const fields = [
    `username=${quoted(username)}`,
    `realm=${quoted(realm)}`,
    `nonce=${quoted(nonce)}`,
    `uri=${quoted(uri)}`,
    `response="${response}"`,
    `algorithm=${name}`,
    ...(withQop ? [`cnonce=${quoted(cnonce)}`, 'qop=auth', `nc=${count}`] : []),
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
  ]
  return `Digest ${fields.join(', ')}`
}

/** Each `Digest` of the header with its parameters, names in lower case. Several headers may have been joined by commas. */
function challengesIn(header: string): Challenge[] {
  const challenges: Map<string, string>[] = []
  let current: Map<string, string> | null = null
  // Only whole words begin a token: otherwise a long word would be tried from each of its letters.
  const tokens = /(?<![\w-])(?:([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([\w-]+)(?=\s+[\w-]+\s*=))/g
  for (const [, name, inQuotes, plain, scheme] of header.matchAll(tokens)) {
    if (scheme !== undefined) {
      current = scheme.toLowerCase() === 'digest' ? new Map() : null
      if (current !== null) challenges.push(current)
    } else if (name !== undefined && current !== null && !current.has(name.toLowerCase())) {
      current.set(name.toLowerCase(), inQuotes?.replace(/\\(.)/g, '$1') ?? plain ?? '')
    }
  }
  return challenges
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

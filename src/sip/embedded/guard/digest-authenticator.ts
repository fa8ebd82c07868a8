/**
 * Asks strangers who they are. Who answers with the password of a listed user is let in, and its address is made known to the owner, which may
 * treat it as a peer for a while; everyone else is asked again.
 */
import { timingSafeEqual } from 'node:crypto'
import { sameName } from '../../message/headers.ts'
import type { HopAddress, SipRequest } from '../../message/message.ts'
import { parseUri } from '../../message/uri.ts'
import type { Refusal, Verdict } from '../transaction/admission.ts'
import { challengeValue, DIGEST_ALGORITHMS, type DigestCredentials, digestResponse, parseCredentials } from './digest.ts'
import { Nonces } from './nonces.ts'
import { sourceOf } from './source.ts'

export interface DigestUser {
  readonly username: string
  readonly password: string
}

export interface DigestAuthenticatorOptions<U extends DigestUser> {
  readonly realm: string
  readonly users: readonly U[]
  /** Told of each success. */
  readonly onAuthenticated: (user: U, source: HopAddress) => void
  /** At least 16 random bytes, new at each start. */
  readonly secret: Buffer
  /** Epoch milliseconds. */
  readonly now: () => number
  /** How long a challenge may be answered; 5 min. */
  readonly nonceLifetimeMs?: number
  readonly maxNoncesInUse?: number
}

export class DigestAuthenticator<U extends DigestUser> {
  readonly counters = { challenged: 0, authenticated: 0, stale: 0, wrong: 0 }
  readonly #options: DigestAuthenticatorOptions<U>
  readonly #users: ReadonlyMap<string, U>
  readonly #nonces: Nonces

  constructor(options: DigestAuthenticatorOptions<U>) {
    const { secret, now, nonceLifetimeMs = 300_000, maxNoncesInUse = 10_000 } = options
    this.#options = options
    this.#users = new Map(options.users.map(user => [user.username, user]))
    this.#nonces = new Nonces({ secret, now, lifetimeMs: nonceLifetimeMs, maxInUse: maxNoncesInUse })
  }

  /** Accepts a request with the right credentials, challenges every other one. */
  authenticate(source: HopAddress, request: SipRequest): Verdict {
    const from = sourceOf(source.address)
    const credentials = this.#credentialsIn(request)
    if (credentials === null) {
      this.counters.challenged++
      return this.#challenge(request, from, false)
    }
    const user = this.#verified(credentials, request, from)
    if (user === null) {
      this.counters.wrong++
      return this.#challenge(request, from, false)
    }
    if (this.#nonces.use(credentials.nonce, from, credentials.count) !== 'good') {
      this.counters.stale++
      return this.#challenge(request, from, true)
    }
    this.counters.authenticated++
    this.#options.onAuthenticated(user, source)
    return 'accept'
  }

  #credentialsIn(request: SipRequest): DigestCredentials | null {
    for (const { name, value } of request.headers) {
      if (!sameName(name, 'Authorization') && !sameName(name, 'Proxy-Authorization')) continue
      const credentials = parseCredentials(value)
      if (credentials?.realm === this.#options.realm) return credentials
    }
    return null
  }

  #verified(credentials: DigestCredentials, request: SipRequest, source: string): U | null {
    const user = this.#users.get(credentials.username)
    // Unknown users take as long as known ones.
    const expected = Buffer.from(digestResponse(credentials, request.method, user?.password ?? ''))
    const given = Buffer.from(credentials.response.toLowerCase())
    const isRight = given.length === expected.length && timingSafeEqual(given, expected)
    if (user === undefined || !isRight) return null
    return this.#nonces.isOurs(credentials.nonce, source) && meansSame(credentials.uri, request.uri) ? user : null
  }

  /** Both algorithms where the response has room for them, else the one that every device knows. */
  #challenge(request: SipRequest, source: string, stale: boolean): Refusal {
    const isRegister = request.method === 'REGISTER'
    const name = isRegister ? 'WWW-Authenticate' : 'Proxy-Authenticate'
    const nonce = this.#nonces.issue(source)
    const fields = DIGEST_ALGORITHMS.map(algorithm => ({
      name,
      value: challengeValue(this.#options.realm, nonce, algorithm, stale),
    }))
    return { status: isRegister ? 401 : 407, headers: [fields, fields.slice(-1)] }
  }
}

/** Whether the URI of the credentials is that of the request: devices leave out its port and parameters at times. */
function meansSame(given: string, asked: string): boolean {
  if (given === asked) return true
  const [one, other] = [parseUri(given), parseUri(asked)]
  return one !== null && other !== null && one.user === other.user && one.host.toLowerCase() === other.host.toLowerCase()
}

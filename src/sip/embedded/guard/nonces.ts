/**
 * Nonces that need no memory: each says when it was issued, and a MAC says that we issued it and to whom. Only the counts of nonces in use are kept,
 * so that no request can be sent twice by who overheard it.
 *
 * Invariant: a count is accepted once for each nonce, however many nonces there are: when the table is full, the nonces that are as old as the one
 * that had to go are stale.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { BoundedMap } from './bounded-map.ts'

/** `stale`: ours, but too old, or its count was used: the caller knows the password and shall try again. */
export type NonceVerdict = 'good' | 'stale' | 'foreign'

export interface NonceOptions {
  /** At least 16 random bytes. */
  readonly secret: Buffer
  readonly lifetimeMs: number
  /** Nonces whose counts are kept. */
  readonly maxInUse: number
  /** Epoch milliseconds. */
  readonly now: () => number
}

export class Nonces {
  readonly #options: NonceOptions
  readonly #counts: BoundedMap<string, number>
  /** Nonces issued up to then are not taken any more, unless their count is known. */
  #forgottenUpTo = Number.NEGATIVE_INFINITY

  constructor(options: NonceOptions) {
    this.#options = options
    this.#counts = new BoundedMap(options.maxInUse, nonce => {
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, issuedAt(nonce) ?? this.#forgottenUpTo)
    })
  }

  /** A nonce for a source (an address, source.ts). */
  issue(source: string): string {
    const at = this.#options.now().toString(36)
    return `${at}.${this.#mac(at, source)}`
  }

  /** Whether a nonce was issued to that source. Says nothing of its age. */
  isOurs(nonce: string, source: string): boolean {
    const [at = '', mac = ''] = nonce.split('.')
    const expected = Buffer.from(this.#mac(at, source))
    const given = Buffer.from(mac)
    return nonce === `${at}.${mac}` && given.length === expected.length && timingSafeEqual(given, expected)
  }

  /** Uses a count up. Only for who has shown that it knows the password: others must not fill the table. */
  use(nonce: string, source: string, count: number): NonceVerdict {
    if (!this.isOurs(nonce, source)) return 'foreign'
    const at = issuedAt(nonce)
    const age = at === null ? Number.NaN : this.#options.now() - at
    const known = this.#counts.get(nonce)
    const isForgotten = known === undefined && at !== null && at <= this.#forgottenUpTo
    if (at === null || !(age >= 0 && age < this.#options.lifetimeMs) || isForgotten || count <= (known ?? 0)) return 'stale'
    this.#counts.set(nonce, count)
    return 'good'
  }

  #mac(at: string, source: string): string {
    return createHmac('sha256', this.#options.secret).update(`${at} ${source}`).digest().subarray(0, 12).toString('base64url')
  }
}

function issuedAt(nonce: string): number | null {
  const text = /^([0-9a-z]{1,11})\./.exec(nonce)?.[1]
  return text === undefined ? null : Number.parseInt(text, 36)
}

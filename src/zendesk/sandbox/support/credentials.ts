/**
 * Who a request speaks for: the sandbox's token as it is (the Voice API's way) or with an agent's e-mail address (Basic, the
 * documented way), or an access token of OAuth.
 *
 * Invariants
 *  1 A refresh token works once. The sandbox's own token is the first one, so that a client can begin without a person's consent.
 *  2 Tokens of OAuth are stored as their hashes.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'

const row = z.object({ kind: z.enum(['access', 'refresh']), expires_at: z.int().nullable(), used_at: z.int().nullable() })

const accessLifeSeconds = 7_200
const refreshLifeSeconds = 30 * 86_400

/** The user that a bare token acts for; tables.ts makes it. */
export const bridgeUserId = 360_000_000_001

export type Identified = { readonly kind: 'bridge' } | { readonly kind: 'email'; readonly email: string }

/** What a refresh gives; seconds. */
export interface NewTokens {
  readonly access: string
  readonly refresh: string
  readonly expiresIn: number
  readonly refreshExpiresIn: number
}

export class Credentials {
  readonly #token: Buffer
  readonly #newToken: () => string
  readonly #find: StatementSyncInstance
  readonly #insert: StatementSyncInstance
  readonly #use: StatementSyncInstance

  constructor(db: DatabaseSyncInstance, token: string, newToken: () => string) {
    this.#token = sha256(token)
    this.#newToken = newToken
    this.#find = db.prepare('SELECT kind, expires_at, used_at FROM oauth_tokens WHERE hash = ?')
    this.#insert = db.prepare('INSERT INTO oauth_tokens (hash, kind, expires_at, used_at) VALUES (?, ?, ?, ?)')
    this.#use = db.prepare('UPDATE oauth_tokens SET used_at = ? WHERE hash = ?')
  }

  /** Whom an Authorization header names at `now` (epoch ms); `null`: nobody. */
  who(header: string | undefined, now: number): Identified | null {
    const [, scheme = '', value = ''] = /^(\S+) +(\S+)$/.exec(header ?? '') ?? []
    switch (scheme.toLowerCase()) {
      case 'bearer':
        return this.#isToken(value) || this.#isAccess(value, now) ? { kind: 'bridge' } : null
      case 'basic': {
        const [, email = '', token = ''] =
          /^([^\s:/]+@[^\s:/]+)\/token:(.+)$/.exec(Buffer.from(value, 'base64').toString('utf8')) ?? []
        return email.length > 0 && email.length <= 255 && this.#isToken(token) ? { kind: 'email', email } : null
      }
      default:
        return null
    }
  }

  /** Trades a refresh token; `null` when it is unknown, used or expired. For use inside a transaction. */
  refresh(
    token: string,
    {
      expiresIn = accessLifeSeconds,
      refreshExpiresIn = refreshLifeSeconds,
    }: { readonly expiresIn?: number | undefined; readonly refreshExpiresIn?: number | undefined },
    now: number,
  ): NewTokens | null {
    const found = this.#find.get(hex(token))
    if (found === undefined) {
      if (!this.#isToken(token)) return null
      this.#insert.run(hex(token), 'refresh', null, now)
    } else {
      const { kind, expires_at, used_at } = row.parse(found)
      if (kind !== 'refresh' || used_at !== null || (expires_at !== null && now >= expires_at)) return null
      this.#use.run(now, hex(token))
    }
    const access = this.#newToken()
    const refresh = this.#newToken()
    this.#insert.run(hex(access), 'access', now + expiresIn * 1000, null)
    this.#insert.run(hex(refresh), 'refresh', now + refreshExpiresIn * 1000, null)
    return { access, refresh, expiresIn, refreshExpiresIn }
  }

  /** A refresh token that does not expire, as a person's consent would give. For use inside a transaction. */
  grant(): string {
    const refresh = this.#newToken()
    this.#insert.run(hex(refresh), 'refresh', null, null)
    return refresh
  }

  #isToken(candidate: string): boolean {
    return timingSafeEqual(sha256(candidate), this.#token)
  }

  #isAccess(candidate: string, now: number): boolean {
    const found = this.#find.get(hex(candidate))
    if (found === undefined) return false
    const { kind, expires_at } = row.parse(found)
    return kind === 'access' && (expires_at === null || now < expires_at)
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest()
const hex = (text: string) => sha256(text).toString('hex')

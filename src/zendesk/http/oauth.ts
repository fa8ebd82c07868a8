/**
 * An OAuth client's access token, renewed with its refresh token (RFC 6749 section 6; Zendesk: `POST /oauth/tokens`).
 *
 * Invariants
 *  1 A refresh token works once. The one that came in its place is on disk before its access token is used.
 *  2 One renewal at a time: whoever needs a token meanwhile waits for that one.
 *  3 An access token is renewed before it runs out, or when Zendesk refused it, and not again within a few seconds of the last try.
 *  4 A changed refresh token in the configuration wins over the memory: that is how a person repairs a broken chain.
 */
import { createHash } from 'node:crypto'
import { type Dispatcher, request } from 'undici'
import { z } from 'zod'
import type { SinkMemory } from '../memory.ts'
import { oauthErrorSchema, oauthTokensPath, type RefreshRequest, tokensAnswerSchema } from '../wire/documented/oauth.ts'
import { parseJson } from './answer.ts'
import { type Authorization, AuthorizationLost } from './authorization.ts'
import { excerpt } from './excerpt.ts'

const memoryKey = 'oauth:tokens'
const earlyMs = 60_000
const pauseMs = 5_000
const timeoutMs = 15_000

export interface OAuthOptions {
  /** `https://example.zendesk.com` */
  readonly baseUrl: string
  readonly clientId: string
  /** `null`: a public client. */
  readonly clientSecret: string | null
  /** The one that a person got; later ones are in the memory. */
  readonly refreshToken: string
  readonly memory: SinkMemory
  /** Epoch ms. */
  readonly clock: () => number
}

const tokensSchema = z.object({
  /** Which configured refresh token the chain began with. */
  origin: z.string(),
  accessToken: z.string().nullable(),
  refreshToken: z.string(),
  /** Epoch ms; `null`: it does not expire. */
  expiresAt: z.number().nullable(),
})

type Tokens = z.infer<typeof tokensSchema>

export class OAuthTokens implements Authorization {
  readonly #options: OAuthOptions
  readonly #origin: string
  #tokens: Tokens | null = null
  #renewal: Promise<Tokens> | null = null
  #failure: { readonly error: Error; readonly until: number } | null = null

  constructor(options: OAuthOptions) {
    this.#options = options
    this.#origin = createHash('sha256').update(options.refreshToken).digest('hex').slice(0, 16)
  }

  /** `Bearer …`. Throws AuthorizationLost when Zendesk wants a person, and what the network throws. */
  async header(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted()
    const tokens = this.#tokens ?? (await this.#load())
    const { accessToken } = this.#isFresh(tokens) ? tokens : await this.#renewed()
    return `Bearer ${accessToken}`
  }

  /** Zendesk answered 401 to this header: true when the next one will be another. */
  refused(header: string): boolean {
    const tokens = this.#tokens
    if (tokens === null || tokens.accessToken === null) return true
    if (header !== `Bearer ${tokens.accessToken}`) return true
    if (this.#failure !== null && this.#failure.until > this.#options.clock()) return false
    this.#tokens = { ...tokens, accessToken: null }
    return true
  }

  secrets(): readonly string[] {
    const { clientSecret, refreshToken } = this.#options
    const known = [refreshToken, clientSecret, this.#tokens?.accessToken, this.#tokens?.refreshToken]
    return known.filter(text => text !== null && text !== undefined)
  }

  async #load(): Promise<Tokens> {
    const configured = { origin: this.#origin, accessToken: null, refreshToken: this.#options.refreshToken, expiresAt: null }
    const stored = await this.#stored()
    this.#tokens ??= stored ?? configured
    return this.#tokens
  }

  /** Of the chain that the configured refresh token began; `null`: nothing is stored of it. */
  async #stored(): Promise<Tokens | null> {
    const text = await this.#options.memory.get(memoryKey)
    const json = text === null ? null : parseJson(text)
    const parsed = json?.ok === true ? tokensSchema.safeParse(json.value) : null
    return parsed?.success === true && parsed.data.origin === this.#origin ? parsed.data : null
  }

  #isFresh({ accessToken, expiresAt }: Tokens): boolean {
    return accessToken !== null && (expiresAt === null || expiresAt - earlyMs > this.#options.clock())
  }

  /** Not bound to anyone's signal: those who wait share it, and half a renewal would cost the refresh token. */
  #renewed(): Promise<Tokens> {
    if (this.#failure !== null && this.#failure.until > this.#options.clock()) return Promise.reject(this.#failure.error)
    this.#renewal ??= this.#renew()
      .catch((cause: unknown) => {
        const error = cause instanceof Error ? cause : new Error(String(cause))
        this.#failure = { error, until: this.#options.clock() + pauseMs }
        throw error
      })
      .finally(() => {
        this.#renewal = null
      })
    return this.#renewal
  }

  async #renew(): Promise<Tokens> {
    const held = await this.#load()
    // A bridge that shares the memory may have renewed them: the refresh token that is held here works no more then.
    const stored = await this.#stored()
    if (stored !== null && stored.refreshToken !== held.refreshToken) {
      this.#tokens = stored
      if (this.#isFresh(stored)) return stored
    }
    const { refreshToken } = stored ?? held
    const answer = await this.#ask(refreshToken)
    const text = await answer.body.text()
    const json = parseJson(text)
    const tokens = json.ok && answer.statusCode === 200 ? tokensAnswerSchema.safeParse(json.value) : null
    if (tokens?.success !== true) throw refusal(answer.statusCode, json.ok ? json.value : text)
    const { access_token, refresh_token, expires_in } = tokens.data
    const renewed: Tokens = {
      origin: this.#origin,
      accessToken: access_token,
      refreshToken: refresh_token ?? refreshToken,
      expiresAt: expires_in === null || expires_in === undefined ? null : this.#options.clock() + expires_in * 1000,
    }
    await this.#options.memory.put(memoryKey, JSON.stringify(renewed))
    this.#tokens = renewed
    return renewed
  }

  #ask(refreshToken: string): Promise<Dispatcher.ResponseData> {
    const { baseUrl, clientId, clientSecret } = this.#options
    const body: RefreshRequest = {
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      client_id: clientId,
      ...(clientSecret === null ? {} : { client_secret: clientSecret }),
    }
    return request(`${baseUrl.replace(/\/+$/, '')}${oauthTokensPath}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(body),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(2 * timeoutMs),
    })
  }
}

function refusal(status: number, body: unknown): Error {
  const said = oauthErrorSchema.safeParse(body)
  const words = said.success ? (said.data.error_description ?? said.data.error) : excerpt(String(body))
  // RFC 6749 section 5.2: 400 and 401 are about the client or its grant; anything else may pass.
  return status === 400 || status === 401
    ? new AuthorizationLost(`Zendesk gives no access token (${status}): ${excerpt(words)}`)
    : new Error(`Zendesk answered ${status} when asked for an access token: ${excerpt(words)}`)
}

/**
 * The way to one Zendesk account: a pool of connections, the credentials, the rate limit. Both dialects, the typed client and the
 * agents' status use one. It never repeats a request by itself, but one that a 401 refused while its access token had just run out:
 * who knows what a request means decides that.
 *
 * Invariants
 *  1 Credentials leave only in the Authorization header, only to `baseUrl`; redirects are not followed.
 *  2 Every wait is bounded: connecting, sending, the answer's head and its body, and the body's size.
 *  3 No request leaves without a permit, so all users of the account together stay within its rate limit.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { type Dispatcher, Pool } from 'undici'
import type { Answer } from './answer.ts'
import type { Authorization } from './authorization.ts'
import { networkReason } from './network-failure.ts'

const answerLimitBytes = 8 * 1024 * 1024

/** Where requests get leave to go out. The outbox's rate limit implements it. */
export interface Permits {
  /** Resolves when one more request may go out; rejects when the signal is aborted. `later`: it lets all others go first. */
  acquire(signal: AbortSignal, options?: { readonly later?: boolean }): Promise<void>
}

/** For those whose requests are counted elsewhere, or not at all. */
const unlimited: Permits = { acquire: async () => {} }

export interface ConnectionOptions {
  /** `https://example.zendesk.com`, with a path before /api/v2 if there is one. */
  readonly baseUrl: string
  readonly authorization: Authorization
  /** `tpe-bridge/1.2.3` */
  readonly userAgent: string
  /** Epoch ms. */
  readonly clock: () => number
  /** `unlimited` unless said. */
  readonly permits?: Permits
  /** Told what each answer says of the server's own limit. */
  readonly onRateLimit?: (said: ObservedRateLimit) => void
  /** Connections kept at most; more requests than these queue. */
  readonly connections?: number
  /** In ms: to connect; between two bytes while sending and until the answer's head; between two pieces of its body. */
  readonly timeouts?: { readonly connectMs?: number; readonly headersMs?: number; readonly bodyMs?: number }
}

/** The rate limit as the last answer that spoke of one told it; for metrics. */
export interface ObservedRateLimit {
  readonly limit: number | null
  readonly remaining: number | null
  readonly at: number
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the base URL, with its query: `/api/v2/tickets?external_id=1`. */
  readonly path: string
  /** Beside authorization, user-agent and accept. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Readable | null
  readonly signal: AbortSignal
  /** The permit was taken by the caller already: the worker takes one for each delivery. */
  readonly permitted?: boolean
  /** Nobody waits for it, so requests that somebody waits for get their permits first. */
  readonly later?: boolean
}

/** An answer whose body is still on its way. Whoever gets it reads the body to its end, or destroys it. */
export interface StreamedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readable
}

export class Connection {
  readonly origin: string
  readonly #pool: Pool
  readonly #prefix: string
  readonly #options: ConnectionOptions
  readonly #permits: Permits
  #rateLimit: ObservedRateLimit | null = null

  constructor(options: ConnectionOptions) {
    const { baseUrl, connections = 32, timeouts = {}, permits = unlimited } = options
    const base = new URL(baseUrl)
    this.#options = options
    this.#permits = permits
    this.origin = base.origin
    this.#prefix = base.pathname.replace(/\/+$/, '')
    this.#pool = new Pool(base.origin, {
      connections,
      pipelining: 1,
      connect: { timeout: timeouts.connectMs ?? 10_000 },
      headersTimeout: timeouts.headersMs ?? 30_000,
      bodyTimeout: timeouts.bodyMs ?? 30_000,
      keepAliveTimeout: 30_000,
    })
  }

  /** The full address of a path, for people. */
  url(path: string): string {
    return `${this.origin}${this.#prefix}${path}`
  }

  /** One request, its answer read whole. Throws what the network throws, and when the signal is aborted. */
  async send(request: HttpRequest): Promise<Answer> {
    const response = await this.#request(request)
    return {
      status: response.statusCode,
      headers: singleHeaders(response.headers),
      body: await readBody(response.body, request.signal),
    }
  }

  /** One request whose answer is streamed: audio. */
  async stream(request: HttpRequest): Promise<StreamedAnswer> {
    const response = await this.#request(request)
    return { status: response.statusCode, headers: singleHeaders(response.headers), body: response.body }
  }

  /** What the server last said about its rate limit; `null` before it has. */
  rateLimit(): ObservedRateLimit | null {
    return this.#rateLimit
  }

  /** A text without the credentials that a far side may have repeated in it. */
  withoutSecrets(text: string): string {
    return this.#options.authorization.secrets().reduce((clean, secret) => clean.replaceAll(secret, '[token]'), text)
  }

  /** Closes every connection; requests under way fail. */
  async close(): Promise<void> {
    if (!this.#pool.destroyed) await this.#pool.destroy()
  }

  async #request(request: HttpRequest): Promise<Dispatcher.ResponseData> {
    const { authorization, userAgent } = this.#options
    const { method, path, headers = {}, body = null, signal, later = false } = request
    if (request.permitted !== true) await this.#permits.acquire(signal, { later })
    const own = { 'user-agent': userAgent, accept: 'application/json' }
    const ask = async (credentials: string) => {
      const response = await this.#pool.request({
        method,
        path: `${this.#prefix}${path}`,
        headers: { authorization: credentials, ...own, ...headers },
        body,
        signal,
      })
      this.#observeRateLimit(response.headers)
      return response
    }
    const credentials = await authorization.header(signal)
    const response = await ask(credentials)
    const renewable = response.statusCode === 401 && authorization.refused?.(credentials) === true
    // A stream is spent; its sender begins anew with the next token.
    if (!renewable || (body !== null && typeof body !== 'string')) return response
    await response.body.dump()
    await this.#permits.acquire(signal, { later })
    return ask(await authorization.header(signal))
  }

  #observeRateLimit(headers: IncomingHttpHeaders): void {
    const limit = count(headers['x-rate-limit'])
    const remaining = count(headers['x-rate-limit-remaining'])
    if (limit === null && remaining === null) return
    this.#rateLimit = { limit, remaining, at: this.#options.clock() }
    this.#options.onRateLimit?.(this.#rateLimit)
  }
}

/** A body that breaks off is still an answer: its status counts. Only an abort of ours is not. */
async function readBody(body: Dispatcher.ResponseData['body'], signal: AbortSignal): Promise<Answer['body']> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const piece of body) {
      const chunk: Buffer = piece
      size += chunk.length
      // Leaving the loop destroys the body, and with it the connection.
      if (size > answerLimitBytes) return { kind: 'broken', why: `it is longer than ${answerLimitBytes} bytes` }
      chunks.push(chunk)
    }
  } catch (cause) {
    if (signal.aborted) throw cause
    return { kind: 'broken', why: networkReason(cause) }
  }
  return { kind: 'whole', text: Buffer.concat(chunks).toString('utf8') }
}

function singleHeaders(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  const single: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const first = Array.isArray(value) ? value[0] : value
    if (first !== undefined) single[name] = first
  }
  return single
}

function count(value: string | string[] | undefined): number | null {
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : null
}

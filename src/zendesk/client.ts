/**
 * The `partner-edition` sink: delivers events, recordings and voicemails to the Partner Edition endpoints, and says what each
 * answer means (answer.ts). It holds connections and nothing else; it never repeats a request by itself.
 *
 * Invariants
 *  1 Repeating a delivery is safe: its Idempotency-Key is the same each time, and so are its bytes.
 *  2 The token leaves only in the Authorization header, only to base_url; no reason ever contains it.
 *  3 Every wait is bounded: connecting, sending, the answer's head and its body, and the body's size.
 */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { type Dispatcher, Pool } from 'undici'
import { type Answer, judge } from './answer.ts'
import type { Delivery, DeliveryResult } from './delivery.ts'
import { AudioFileChanged, type MultipartBody, openMultipart } from './multipart.ts'
import { judgeNetworkFailure, networkReason } from './network-failure.ts'
import { phoneCallEventBody, recordingMetadata, voicemailMetadata } from './partner-edition.ts'
import { endpoints, voicePath } from './wire.ts'

const answerLimitBytes = 1024 * 1024

export interface PartnerEditionOptions {
  /** `https://example.zendesk.com`, with a path before /api/v2 if there is one. */
  readonly baseUrl: string
  readonly token: string
  /** `tpe-bridge/1.2.3` */
  readonly userAgent: string
  /** Epoch ms. */
  readonly clock: () => number
  /** Connections kept at most; more deliveries than these queue. */
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

interface Outgoing {
  readonly headers: Record<string, string>
  readonly body: string | Readable
  close(): Promise<void>
}

export class PartnerEditionSink {
  readonly name = 'zendesk'
  readonly #pool: Pool
  readonly #base: URL
  readonly #token: string
  readonly #userAgent: string
  readonly #clock: () => number
  #rateLimit: ObservedRateLimit | null = null

  constructor({ baseUrl, token, userAgent, clock, connections = 32, timeouts = {} }: PartnerEditionOptions) {
    this.#base = new URL(baseUrl)
    this.#token = token
    this.#userAgent = userAgent
    this.#clock = clock
    this.#pool = new Pool(this.#base.origin, {
      connections,
      pipelining: 1,
      connect: { timeout: timeouts.connectMs ?? 10_000 },
      headersTimeout: timeouts.headersMs ?? 30_000,
      bodyTimeout: timeouts.bodyMs ?? 30_000,
      keepAliveTimeout: 30_000,
    })
  }

  /** One attempt. Resolves with what it means; throws only for a bug of ours. */
  async deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> {
    const outgoing = await this.#prepare(delivery)
    if ('kind' in outgoing) return outgoing
    const path = `${this.#base.pathname.replace(/\/+$/, '')}${voicePath}${endpoints[delivery.kind]}`
    try {
      const answer = await this.#send(path, outgoing, signal)
      return this.#withoutToken(judge(answer, { kind: delivery.kind, url: `${this.#base.origin}${path}`, now: this.#clock() }))
    } catch (cause) {
      if (cause instanceof AudioFileChanged) return { kind: 'reject', reason: cause.message }
      if (signal.aborted)
        return { kind: 'retry', afterMs: null, reason: `given up before Zendesk answered: ${abortReason(signal)}` }
      return this.#withoutToken(judgeNetworkFailure(cause, this.#base.origin))
    } finally {
      await outgoing.close()
    }
  }

  /** What the server last said about its rate limit; `null` before it has. */
  rateLimit(): ObservedRateLimit | null {
    return this.#rateLimit
  }

  /** Closes every connection; deliveries under way end with `retry`. */
  async close(): Promise<void> {
    if (!this.#pool.destroyed) await this.#pool.destroy()
  }

  async #prepare(delivery: Delivery): Promise<Outgoing | DeliveryResult> {
    const headers = {
      authorization: `Bearer ${this.#token}`,
      'idempotency-key': delivery.idempotencyKey,
      'user-agent': this.#userAgent,
      accept: 'application/json',
    }
    if (delivery.kind === 'event') {
      const body = JSON.stringify(phoneCallEventBody(delivery.event))
      return { headers: { ...headers, 'content-type': 'application/json' }, body, close: async () => {} }
    }
    const { audio } = delivery
    let multipart: MultipartBody
    try {
      multipart = await openMultipart({
        metadata:
          delivery.kind === 'recording' ? recordingMetadata(delivery.item, audio) : voicemailMetadata(delivery.item, audio),
        path: audio.path,
        size: audio.size,
        filename: `${delivery.item.id.replace(/[^A-Za-z0-9._-]/g, '_')}.mp3`,
        // Derived from what is sent: the same bytes each time, and no file contains its own hash.
        boundary: `tpe-${createHash('sha256').update(`${delivery.idempotencyKey}\n${audio.sha256}`).digest('hex').slice(0, 48)}`,
      })
    } catch (cause) {
      return unreadable(cause, audio.path)
    }
    const { contentType, contentLength, stream, close } = multipart
    return {
      headers: { ...headers, 'content-type': contentType, 'content-length': String(contentLength) },
      body: stream,
      close,
    }
  }

  async #send(path: string, { headers, body }: Outgoing, signal: AbortSignal): Promise<Answer> {
    const response = await this.#pool.request({ method: 'POST', path, headers, body, signal })
    this.#observeRateLimit(response.headers)
    return {
      status: response.statusCode,
      contentType: header(response.headers, 'content-type'),
      retryAfter: header(response.headers, 'retry-after'),
      location: header(response.headers, 'location'),
      body: await readBody(response.body, signal),
    }
  }

  #observeRateLimit(headers: IncomingHttpHeaders): void {
    const limit = count(header(headers, 'x-rate-limit'))
    const remaining = count(header(headers, 'x-rate-limit-remaining'))
    if (limit !== null || remaining !== null) this.#rateLimit = { limit, remaining, at: this.#clock() }
  }

  #withoutToken(result: DeliveryResult): DeliveryResult {
    if (result.kind === 'delivered' || !result.reason.includes(this.#token)) return result
    return { ...result, reason: result.reason.replaceAll(this.#token, '[token]') }
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

/** Why an encoded file cannot be sent: gone or changed is for an operator (a redrive tries again), anything else may pass. */
function unreadable(cause: unknown, path: string): DeliveryResult {
  if (cause instanceof AudioFileChanged) return { kind: 'reject', reason: cause.message }
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
    return { kind: 'reject', reason: `the encoded file ${path} is gone: restore it and redrive, or drop the upload` }
  }
  return {
    kind: 'retry',
    afterMs: null,
    reason: `cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
  }
}

function header(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name]
  return Array.isArray(value) ? (value[0] ?? null) : (value ?? null)
}

const count = (text: string | null) => (text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null)

function abortReason(signal: AbortSignal): string {
  const reason: unknown = signal.reason
  if (reason instanceof Error) return reason.name === 'TimeoutError' ? 'the time for one delivery was up' : reason.message
  return String(reason)
}

/** One request to the Voice API and what its answer says: by schema, or one of voice-failure.ts. Every resource asks through it. */
import type { z } from 'zod'
import { type Answer, type AnsweredError, errorIn, parseJson, said } from '../http/answer.ts'
import type { Connection, HttpRequest } from '../http/connection.ts'
import { AudioFileChanged } from '../http/multipart.ts'
import { judgeNetworkFailure } from '../http/network-failure.ts'
import { askedToWaitMs } from '../http/retry-after.ts'
import { voicePath } from '../wire/words.ts'
import { type AudioDownload, audioDownload, readStart } from './audio-download.ts'
import { type Asked, UnexpectedAnswer, VoiceApiError, VoiceNetworkFailure } from './voice-failure.ts'

/** For what is created: a repeat with the same key has no second effect and gets the first answer again. */
export interface Creation {
  /** 1 to 255 visible ASCII characters. */
  readonly idempotencyKey?: string
}

/** What to send. `path` is below `/api/v2/channels/voice`; `body` becomes JSON unless it is a stream with headers of its own. */
export interface VoiceRequest extends Creation {
  readonly method: HttpRequest['method']
  readonly path: string
  readonly body?: object
  readonly signal: AbortSignal
}

/** A body that is no JSON, as it is. */
export interface RawBody {
  readonly stream: Exclude<HttpRequest['body'], undefined>
  readonly headers: Readonly<Record<string, string>>
}

export class VoiceRequests {
  readonly #connection: Connection
  readonly #clock: () => number

  constructor(connection: Connection, clock: () => number) {
    this.#connection = connection
    this.#clock = clock
  }

  /** The full address of a path, for people and for comparing. */
  url(path: string): string {
    return this.#connection.url(`${voicePath}${path}`)
  }

  /** Resolves with the answer's body, checked. Throws a VoiceFailure, or the signal's reason. */
  async ask<T>(request: VoiceRequest, schema: z.ZodType<T>, raw?: RawBody): Promise<T> {
    return this.#checked(await this.#send(request, raw), this.#asked(request), schema)
  }

  /** For what answers with nothing: deletions. */
  async command(request: VoiceRequest): Promise<void> {
    const answer = await this.#send(request)
    if (!isSuccess(answer.status)) throw this.#apiError(answer, this.#asked(request))
  }

  /** Audio, streamed. Whoever gets it reads `body` to its end, or destroys it. */
  async download(path: string, signal: AbortSignal): Promise<AudioDownload> {
    const asked = this.#asked({ method: 'GET', path })
    const streamed = await this.#reached(asked, signal, () =>
      this.#connection.stream({ method: 'GET', path: `${voicePath}${path}`, headers: { accept: 'audio/*' }, signal }),
    )
    if (streamed.status === 200) return audioDownload(streamed, asked, signal)
    const { status, headers } = streamed
    const answer: Answer = { status, headers, body: await readStart(streamed.body, signal) }
    if (isSuccess(status)) throw new UnexpectedAnswer(asked, status, null, 'not with the whole audio', false)
    throw this.#apiError(answer, asked)
  }

  #send({ method, path, body, idempotencyKey, signal }: VoiceRequest, raw?: RawBody): Promise<Answer> {
    const headers = {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      ...raw?.headers,
    }
    const sent = raw?.stream ?? (body === undefined ? null : JSON.stringify(body))
    return this.#reached(this.#asked({ method, path }), signal, () =>
      this.#connection.send({ method, path: `${voicePath}${path}`, headers, body: sent, signal }),
    )
  }

  async #reached<T>(asked: Asked, signal: AbortSignal, reach: () => Promise<T>): Promise<T> {
    try {
      return await reach()
    } catch (cause) {
      // Neither is the network's doing.
      if (signal.aborted || cause instanceof AudioFileChanged) throw cause
      const result = judgeNetworkFailure(cause, this.#connection.origin)
      const reason = this.#connection.withoutSecrets(result.reason)
      throw new VoiceNetworkFailure(asked, reason, result.kind === 'retry', cause)
    }
  }

  #checked<T>(answer: Answer, asked: Asked, schema: z.ZodType<T>): T {
    const { status, body } = answer
    if (!isSuccess(status)) throw this.#apiError(answer, asked)
    const strange = (field: string | null, what: string, retryable: boolean) =>
      new UnexpectedAnswer(asked, status, field, this.#connection.withoutSecrets(what), retryable)
    if (body.kind === 'broken') throw strange(null, said(answer), true)
    const json = parseJson(body.text)
    // A page of a proxy or a captive portal in between goes away; a server that answers in another shape does not.
    if (!json.ok) throw strange(null, `with ${said(answer)}`, true)
    const parsed = schema.safeParse(json.value)
    if (parsed.success) return parsed.data
    const issue = parsed.error.issues[0]
    throw strange(issue?.path.join('.') || 'the body', issue?.message ?? 'is not what the endpoint answers', false)
  }

  #apiError(answer: Answer, asked: Asked): VoiceApiError {
    const { status } = answer
    const clean = (text: string) => this.#connection.withoutSecrets(text)
    const complaint = errorIn(answer)
    const pauseMs = askedToWaitMs(answer, this.#clock())
    const summary = status >= 300 && status < 400 ? 'a redirect, which is not followed' : clean(said(answer))
    if (complaint === null) {
      return new VoiceApiError(asked, { status, error: `HTTP ${status}`, description: summary, details: null }, summary, pauseMs)
    }
    const details = complaint.details === undefined ? null : parseJson(clean(JSON.stringify(complaint.details)))
    const told = {
      status,
      error: clean(nameOf(complaint)),
      description: complaint.description === undefined ? null : clean(complaint.description),
      details: details?.ok ? details.value : null,
    }
    return new VoiceApiError(asked, told, summary, pauseMs)
  }

  #asked({ method, path }: { readonly method: string; readonly path: string }): Asked {
    return { method, url: this.url(path) }
  }
}

/** One segment of a path: ids of another server may be any words. */
export const segment = (id: string | number) => encodeURIComponent(String(id))

const isSuccess = (status: number) => status >= 200 && status < 300

const nameOf = ({ error }: AnsweredError) =>
  typeof error === 'string' ? error : (error.title ?? error.message ?? 'unnamed error')

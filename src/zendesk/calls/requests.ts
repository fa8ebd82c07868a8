/**
 * The requests of one delivery: JSON in, a schema's value out, everything else a Halt. The first one has its permit from the worker;
 * each further one takes its own.
 */
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { z } from 'zod'
import type { EncodedAudio } from '../../events/recording.ts'
import { type Answer, parseJson, said } from '../http/answer.ts'
import type { Connection, HttpRequest } from '../http/connection.ts'
import { judgeNetworkFailure } from '../http/network-failure.ts'
import { Halt, reject, type Unfinished, waitJob } from './halt.ts'
import type { TicketBudget } from './ticket-budget.ts'
import { judge, provesNothingDone } from './verdict.ts'

export interface Ask<T> {
  readonly method: HttpRequest['method']
  /** Below the base URL: `/api/v2/tickets/17`. */
  readonly path: string
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
  /** Of the answer's body. */
  readonly schema: z.ZodType<T>
  /** The ticket that is changed by it. */
  readonly ticketId?: number | null
}

export interface RequestsOptions {
  readonly connection: Connection
  readonly budget: TicketBudget
  readonly clock: () => number
  readonly signal: AbortSignal
  /** Events get their permits first: this is audio. */
  readonly later?: boolean
  /** Whether the worker has taken the first request's permit, as it does for a delivery. True unless said. */
  readonly permitted?: boolean
}

/** A connection that was never made has carried no request. */
const neverSent = /\((?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)\)$/

export class Requests {
  readonly #options: RequestsOptions
  #permitted: boolean

  constructor(options: RequestsOptions) {
    this.#options = options
    this.#permitted = options.permitted ?? true
  }

  /** Whether any request was sent. */
  get begun(): boolean {
    return !this.#permitted
  }

  /** The answer's value. Throws Halt for everything else. */
  async ask<T>(request: Ask<T>): Promise<T> {
    const value = await this.askOr([], request)
    if (value === null) throw new Error('an answer without a value that nobody expected')
    return value
  }

  /** As `ask`, but `null` when the answer has one of these statuses: 404 for what may not be there. */
  async askOr<T>(statuses: readonly number[], request: Ask<T>): Promise<T | null> {
    const { body, headers = {} } = request
    const json = body === undefined ? {} : { 'content-type': 'application/json' }
    const payload = body === undefined ? null : JSON.stringify(body)
    return this.#take(request, statuses, await this.#send(request, { ...json, ...headers }, payload))
  }

  /** Sends a file as it is, streamed from disk with its length. Throws Halt as `ask`, and when the file is not what was encoded. */
  async upload<T>(request: Ask<T>, audio: EncodedAudio): Promise<T> {
    const file = await openAudio(audio)
    const stream = file.createReadStream({ start: 0, end: audio.size - 1, autoClose: false })
    try {
      const headers = { 'content-type': 'audio/mpeg', 'content-length': String(audio.size) }
      const value = this.#take(request, [], await this.#send(request, headers, stream))
      if (value === null) throw new Error('an answer without a value that nobody expected')
      return value
    } finally {
      stream.destroy()
      await file.close()
    }
  }

  async #send<T>(
    { method, path, ticketId = null }: Ask<T>,
    headers: Readonly<Record<string, string>>,
    body: string | Readable | null,
  ): Promise<Answer> {
    const { connection, budget, clock, signal, later = false } = this.#options
    if (ticketId !== null) {
      const waitMs = budget.spend(ticketId, clock())
      if (waitMs > 0) throw waitJob(`ticket ${ticketId} was changed as often as Zendesk allows in 10 minutes`, waitMs)
    }
    const permitted = this.#permitted
    this.#permitted = false
    try {
      return await connection.send({ method, path, headers, body, signal, permitted, later })
    } catch (cause) {
      throw this.#failure(cause)
    }
  }

  #take<T>(request: Ask<T>, statuses: readonly number[], answer: Answer): T | null {
    const { connection, clock } = this.#options
    const { method, path, ticketId = null } = request
    const url = connection.url(path.replace(/\?.*$/, ''))
    if (statuses.includes(answer.status)) return null
    if (answer.status >= 200 && answer.status < 300) {
      const json = answer.body.kind === 'whole' ? jsonOrNothing(answer.body.text) : null
      const parsed = json?.ok === true ? request.schema.safeParse(json.value) : null
      if (parsed?.success === true) return parsed.data
      const lacks =
        parsed === null ? said(answer) : `JSON without ${parsed.error.issues[0]?.path.join('.') || 'what was asked for'}`
      throw this.#halt(
        { kind: 'retry', afterMs: null, reason: `Zendesk answered ${method} ${url} with ${lacks}` },
        false,
        answer.status,
      )
    }
    const ofOne = /\/\d+(?:\/|$)/.test(path.replace(/\?.*$/, ''))
    const result = judge(answer, { method, url, now: clock(), ofOne, ticketId })
    throw this.#halt(result, provesNothingDone(answer.status), answer.status)
  }

  #failure(cause: unknown): Halt {
    const { connection, signal } = this.#options
    if (signal.aborted) {
      const reason = `given up before Zendesk answered: ${cause instanceof Error ? cause.message : String(cause)}`
      return this.#halt({ kind: 'retry', afterMs: null, reason }, false)
    }
    const result = judgeNetworkFailure(cause, connection.origin)
    return this.#halt(result, result.kind === 'wait' || neverSent.test(result.reason))
  }

  #halt(result: Unfinished, nothingDone: boolean, status: number | null = null): Halt {
    return new Halt({ ...result, reason: this.#options.connection.withoutSecrets(result.reason) }, nothingDone, status)
  }
}

/** Some answers have no body; a schema decides whether that will do. */
const jsonOrNothing = (text: string): ReturnType<typeof parseJson> =>
  text.trim() === '' ? { ok: true, value: undefined } : parseJson(text)

/** Gone or changed is for an operator (a redrive tries again); anything else may pass. */
async function openAudio({ path, size }: EncodedAudio): Promise<FileHandle> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (cause) {
    const gone = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    if (gone) throw reject(`the encoded file ${path} is gone: restore it and redrive, or drop the upload`)
    const reason = `cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new Halt({ kind: 'retry', afterMs: null, reason }, true)
  }
  const found = (await file.stat()).size
  if (found === size) return file
  await file.close()
  throw reject(`${path} has ${found} bytes, ${size} were encoded: redrive it from the recordings stage`)
}

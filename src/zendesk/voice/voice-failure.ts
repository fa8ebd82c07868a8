/**
 * What can go wrong when the Voice API is asked. Nothing is repeated here: `retryable` and `retryAfterMs` let the caller decide,
 * and every text is free of credentials. An abort is none of these: it throws the signal's own reason.
 */

/** Which request it was: `GET`, and its whole address. */
export interface Asked {
  readonly method: string
  readonly url: string
}

interface Prospects {
  /** Whether the same request may well succeed later, with nobody changing anything. */
  readonly retryable: boolean
  /** In ms, when the server said how long to stay away. */
  readonly retryAfterMs?: number | null
  readonly cause?: unknown
}

/** Any of the failures below. */
export abstract class VoiceFailure extends Error {
  readonly method: string
  readonly requestUrl: string
  readonly retryable: boolean
  /** In ms; `null` when the server did not say. */
  readonly retryAfterMs: number | null

  protected constructor(asked: Asked, what: string, { retryable, retryAfterMs = null, cause }: Prospects) {
    super(`${asked.method} ${asked.url}: ${what}`, { cause })
    this.method = asked.method
    this.requestUrl = asked.url
    this.retryable = retryable
    this.retryAfterMs = retryAfterMs
  }
}

/** What the server said is wrong. */
export interface VoiceComplaint {
  readonly status: number
  /** The name: `Invalid phone number`; `HTTP 502` when the answer was not in the API's shape. */
  readonly error: string
  /** A sentence; what came instead when the answer was not in the API's shape. */
  readonly description: string | null
  /** The complaints by field, in the server's own form; `null` without any. */
  readonly details: unknown
}

/** The API answered with something other than success. */
export class VoiceApiError extends VoiceFailure {
  override readonly name = 'VoiceApiError'
  readonly status: number
  readonly error: string
  readonly description: string | null
  readonly details: unknown

  constructor(asked: Asked, complaint: VoiceComplaint, summary: string, retryAfterMs: number | null) {
    super(asked, `${complaint.status}: ${summary}`, { retryable: mayPass(complaint.status), retryAfterMs })
    this.status = complaint.status
    this.error = complaint.error
    this.description = complaint.description
    this.details = complaint.details
  }
}

/** No answer came. Whether the server did what it was asked is unknown. */
export class VoiceNetworkFailure extends VoiceFailure {
  override readonly name = 'VoiceNetworkFailure'

  constructor(asked: Asked, reason: string, retryable: boolean, cause: unknown) {
    super(asked, reason, { retryable, cause })
  }
}

/** The API answered with success, but not with what this endpoint answers. The server did what it was asked. */
export class UnexpectedAnswer extends VoiceFailure {
  override readonly name = 'UnexpectedAnswer'
  readonly status: number
  /** Where in the answer: `phone_call.agents.0.id`; `null` when it is no JSON at all. */
  readonly field: string | null

  constructor(asked: Asked, status: number, field: string | null, what: string, retryable: boolean) {
    super(asked, `answered ${status}, but ${field === null ? '' : `${field}: `}${what}`, { retryable })
    this.status = status
    this.field = field
  }
}

/** Audio that ended before its Content-Length, or broke off. What was read so far is not the whole file. */
export class BrokenDownload extends VoiceFailure {
  override readonly name = 'BrokenDownload'
  readonly receivedBytes: number
  /** `null` when the server did not say. */
  readonly expectedBytes: number | null

  constructor(asked: Asked, receivedBytes: number, expectedBytes: number | null, reason: string, cause?: unknown) {
    const of = expectedBytes === null ? '' : ` of ${expectedBytes}`
    super(asked, `the audio ended after ${receivedBytes}${of} bytes: ${reason}`, { retryable: true, cause })
    this.receivedBytes = receivedBytes
    this.expectedBytes = expectedBytes
  }
}

/** 408 and 425 ask for a repeat (RFC 9110 section 15.5.9, RFC 8470); 409 depends on what is in conflict, so it is the caller's. */
const mayPass = (status: number) => status === 408 || status === 425 || status === 429 || status >= 500

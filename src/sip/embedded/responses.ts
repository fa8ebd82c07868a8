/** Responses that this server makes (RFC 3261 section 8.2.6). */
import { sameName } from '../message/headers.ts'
import type { HeaderField, SipRequest, SipResponse } from '../message/message.ts'
import { tagOf } from '../message/name-addr.ts'

const REASONS: ReadonlyMap<number, string> = new Map([
  [100, 'Trying'],
  [180, 'Ringing'],
  [200, 'OK'],
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [405, 'Method Not Allowed'],
  [407, 'Proxy Authentication Required'],
  [408, 'Request Timeout'],
  [416, 'Unsupported URI Scheme'],
  [420, 'Bad Extension'],
  [421, 'Extension Required'],
  [422, 'Session Interval Too Small'],
  [480, 'Temporarily Unavailable'],
  [481, 'Call/Transaction Does Not Exist'],
  [483, 'Too Many Hops'],
  [487, 'Request Terminated'],
  [491, 'Request Pending'],
  [500, 'Server Internal Error'],
  [503, 'Service Unavailable'],
  [504, 'Server Time-out'],
])

/** The usual reason phrase of a status. */
function reasonOf(status: number): string {
  return REASONS.get(status) ?? 'Unknown'
}

/** Methods whose responses carry the Record-Route back, so that the caller learns its route set (RFC 3261 12.1.1). */
const FORMS_DIALOG = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY'])

export interface ResponseParts {
  readonly reason?: string
  /** Appended to a To that has no tag; `null` leaves it without (100 only). */
  readonly toTag: string | null
  readonly headers?: readonly HeaderField[]
  readonly body?: Buffer
}

const NO_BODY = Buffer.alloc(0)

/** The response to a request: Via, From, To, Call-ID and CSeq are the request's, whatever `headers` says. */
export function responseTo(request: SipRequest, status: number, parts: ResponseParts): SipResponse {
  const carriesRoute = status > 100 && status < 300 && FORMS_DIALOG.has(request.method)
  const headers: HeaderField[] = []
  for (const field of request.headers) {
    if (sameName(field.name, 'To')) headers.push({ name: 'To', value: withTag(field.value, parts.toTag) })
    else if (isEchoed(field.name) || (carriesRoute && sameName(field.name, 'Record-Route'))) headers.push(field)
  }
  for (const field of parts.headers ?? []) if (!isEchoed(field.name) && !sameName(field.name, 'To')) headers.push(field)
  return { kind: 'response', status, reason: parts.reason ?? reasonOf(status), headers, body: parts.body ?? NO_BODY }
}

function isEchoed(name: string): boolean {
  return sameName(name, 'Via') || sameName(name, 'From') || sameName(name, 'Call-ID') || sameName(name, 'CSeq')
}

/** A From or To value with a tag, its own if it has one. Without angle brackets, parameters are the header's too (RFC 3261 20.10). */
export function withTag(value: string, tag: string | null): string {
  return tag === null || tagOf(value) !== null ? value : `${value};tag=${tag}`
}

/** Error answers of the sandbox, in the Voice API's shape: `{"error", "description", "details"}`. */
import type { z } from 'zod'
import { callNotFound, invalidPhoneNumber, type WireError } from '../wire/words.ts'

/** An answer other than success; thrown by whoever finds it, sent by the error handler. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly body: WireError
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, body: WireError, headers: Readonly<Record<string, string>> = {}) {
    super(body.error)
    this.status = status
    this.body = body
    this.headers = headers
  }
}

/** 422 with the complaints by field; a party that is no number has the Voice API's own words. */
export function invalid(cause: z.ZodError): Problem {
  const details: Record<string, string[]> = {}
  for (const issue of cause.issues) {
    const field = issue.path.join('.') || 'body'
    const complaints = details[field] ?? []
    complaints.push(issue.message)
    details[field] = complaints
  }
  const numberIsWrong = cause.issues.some(issue => issue.message === invalidPhoneNumber.description)
  const body = numberIsWrong ? invalidPhoneNumber : { error: 'Invalid request', description: 'Some fields are not valid' }
  return new Problem(422, { ...body, details })
}

/** 422 about one field. */
export function invalidField(field: string, complaint: string): Problem {
  return new Problem(422, {
    error: 'Invalid request',
    description: 'Some fields are not valid',
    details: { [field]: [complaint] },
  })
}

export const unauthorized = () =>
  new Problem(
    401,
    { error: 'Unauthorized', description: 'Send Authorization: Bearer with the API token' },
    { 'www-authenticate': 'Bearer' },
  )

export const unknownCall = () =>
  new Problem(404, { error: callNotFound, description: 'No phone call with this external_call_id has been reported' })

export const notFound = (what: string) =>
  new Problem(404, { error: `${what} not found`, description: `There is no such ${what}` })

export const noEndpoint = () => new Problem(404, { error: 'InvalidEndpoint', description: 'There is no such endpoint' })

export const deleted = (what: 'Recording' | 'Voicemail') =>
  new Problem(410, {
    error: `${what} not available`,
    description: what === 'Recording' ? 'Call recording has been deleted' : 'Voicemail has been deleted',
  })

export const tooLarge = (what: string) => new Problem(413, { error: 'Too large', description: what })

export const keyInUse = () =>
  new Problem(409, { error: 'Request in progress', description: 'A request with this Idempotency-Key is being worked on' })

export const keyReused = () =>
  new Problem(422, {
    error: 'Idempotency-Key reused',
    description: 'This Idempotency-Key was used for a different request',
    details: { 'idempotency-key': ['belongs to another request'] },
  })

export const tooManyRequests = (retryAfterSeconds: number) =>
  new Problem(429, { error: 'TooManyRequests', description: 'Rate limit exceeded' }, { 'retry-after': String(retryAfterSeconds) })

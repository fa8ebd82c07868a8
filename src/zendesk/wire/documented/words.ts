/**
 * Zendesk's publicly documented API, as the `calls` dialect speaks it and the sandbox answers it: the words all its resources share.
 * Requests are schemas that drop unknown keys, as Zendesk does; answers ask only for what a client reads, since a real account sends
 * more.
 */
import { z } from 'zod'

/** Everything but OAuth lives under `{base_url}` + this path. */
export const supportPath = '/api/v2'

/** What a telephone ticket or comment came from (`via_id`). */
export const viaIds = { voicemail: 44, inbound: 45, outbound: 46 } as const

/** Ids of Zendesk's own things. */
export const numberId = z.int().positive()

/**
 * Any moment of ISO 8601 with an offset, also a short one (`+01`, as Zendesk takes it); comes out in UTC and whole seconds,
 * `2022-01-27T14:31:40Z`, as Zendesk gives it back.
 */
export const documentedMoment = z.string().transform((text, context) => {
  const full = text.replace(/([+-]\d{2})$/, '$1:00').replace(/([+-]\d{2})(\d{2})$/, '$1:$2')
  const at = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/.test(full)
    ? Date.parse(full)
    : Number.NaN
  if (!Number.isNaN(at)) return documentedTime(at)
  context.addIssue({ code: 'custom', message: 'must be an ISO 8601 time with an offset' })
  return z.NEVER
})

/** Epoch ms as `2022-01-27T14:31:40Z`. */
export const documentedTime = (at: number): string => new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z')

/** The header that tells which unknown keys of a request were dropped. */
export const warningHeader = 'x-zendesk-api-warn'

/** Whether `POST /tickets` was carried out (`miss`) or its first answer repeated (`hit`). */
export const idempotencyLookupHeader = 'x-idempotency-lookup'

/** The body of a 401. */
export const notAuthenticated = { error: "Couldn't authenticate you" } as const

/** The `error` of a 422, of a 404, and of a 400 for an Idempotency-Key that came with another body before. */
export const errorNames = {
  invalid: 'RecordInvalid',
  notFound: 'RecordNotFound',
  otherBody: 'IdempotentRequestError',
} as const

/** One complaint about one field of a 422; `details` has one of them or a list by field. */
export interface FieldComplaint {
  readonly description: string
  /** `BlankValue`, `InvalidValue`, `InvalidFormat`, … */
  readonly error?: string
}

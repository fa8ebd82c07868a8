/**
 * What travels between the bridge and a Partner Edition server (docs/architecture.md, "The Partner Edition wire"): the words both
 * sides share. The bodies are in wire-call-event.ts and wire-audio.ts. The client and the sandbox import the same schemas, so
 * neither can drift from the other.
 */
import { z } from 'zod'

/** All endpoints live under `{base_url}` + this path. */
export const voicePath = '/api/v2/channels/voice'

/** The endpoints that take deliveries, by what they take. */
export const endpoints = {
  event: '/phone_call_events',
  recording: '/phone_recording_upload',
  voicemail: '/voicemail_upload',
} as const

/** The `error` of a 404 that means "this recording's call has not arrived (yet)", as opposed to a wrong address. */
export const callNotFound = 'Call not found'

/** What the Voice API says about a number it does not take. */
export const invalidPhoneNumber = {
  error: 'Invalid phone number',
  description: 'Phone number must be valid E.164 format',
} as const

/** RFC 3339 in UTC with exactly milliseconds: `2026-11-22T09:30:00.000Z`. */
export const momentSchema = z.iso.datetime({ precision: 3, error: 'must be a UTC time with milliseconds' })

/** Whole seconds. */
export const secondsSchema = z.int().min(0)

/**
 * A party: E.164 (ITU-T E.164 section 6: at most 15 digits after the `+`), a bare extension of 1 to 10 digits, `anonymous`, or a
 * SIP user name or service code (`alice`, `*97`). Anything that claims to be a number and is none is refused.
 */
export const partySchema = z
  .string()
  .regex(/^(?:\+[1-9]\d{4,14}|\d{1,10}|[A-Za-z*#][A-Za-z0-9*#._~-]{0,63})$/, invalidPhoneNumber.description)

/** A real telephone number (ITU-T E.164): `+14155550100`. */
export const e164Schema = z.string().regex(/^\+[1-9]\d{4,14}$/, invalidPhoneNumber.description)

/** When a stored thing was made and last changed; RFC 3339. */
export const timestampFields = { created_at: z.string(), updated_at: z.string() }

/** What the Voice API says when nobody can take a call. */
export const agentNotAvailable = {
  error: 'Agent not available',
  description: 'Agent is on call or unavailable',
} as const

/** Which way a call or a leg went, seen from the site. */
export const directionSchema = z.enum(['inbound', 'outbound', 'internal'])

/**
 * Every error answer: `error` is the name, `description` a sentence, `details` has the complaints by field. `details` is kept
 * loose on purpose: a real server may shape it in its own way, and it is only ever shown.
 */
export const errorSchema = z.object({
  error: z.string(),
  description: z.string().optional(),
  details: z.unknown().optional(),
})

export type WireError = z.infer<typeof errorSchema>

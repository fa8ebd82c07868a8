/**
 * What an answer of the Partner Edition API means for a delivery (docs/failures.md prints this table). Pure: the only place that
 * knows what a status code is worth.
 *
 *   2xx, a body of ours           delivered
 *   2xx, anything else            retry         the effect may have happened; the Idempotency-Key makes repeating it safe
 *   3xx                           wait (sink)   not followed: the token must not travel to another address
 *   400 413 415 422               reject        the same body will never be taken
 *   401 403                       wait (sink)   the token, not the delivery, is at fault
 *   404 that names the call       wait (job)    a recording came before its call
 *   404 405 otherwise             wait (sink)   the address is at fault
 *   409                           wait (job)    the same key is being worked on
 *   408 425                       retry
 *   429                           wait (sink)
 *   503 with Retry-After          wait (sink)
 *   5xx, anything else            retry
 */
import { z } from 'zod'
import type { Delivery, DeliveryResult } from '../delivery.ts'
import { type Answer, errorIn, headerOf, parseJson, said } from '../http/answer.ts'
import { excerpt } from '../http/excerpt.ts'
import { askedToWaitMs } from '../http/retry-after.ts'
import { recordingAnswerSchema, voicemailAnswerSchema } from '../wire/audio-upload.ts'
import { phoneCallEventAnswerSchema } from '../wire/call-event.ts'
import { callNotFound } from '../wire/words.ts'

/** What was asked: the kind of delivery, the full URL, and when (epoch ms, for a Retry-After that is a date). */
export interface Asked {
  readonly kind: Delivery['kind']
  readonly url: string
  readonly now: number
}

const tooManyMs = 10_000
const configurationMs = 60_000
const unknownCallMs = 5_000
const inFlightMs = 1_000

/** The meaning of an answer to a delivery's own request. */
export function judge(answer: Answer, asked: Asked): DeliveryResult {
  const { status } = answer
  if (status >= 200 && status < 300) return acknowledged(answer, asked)
  if (status === 404 && asked.kind !== 'event' && errorIn(answer)?.error === callNotFound) {
    return { kind: 'wait', scope: 'job', afterMs: unknownCallMs, reason: 'Zendesk does not know the call yet (404)' }
  }
  return judgeRefusal(answer, asked)
}

/** The meaning of any answer but a 2xx, whatever was asked: the rows of the table from 3xx on, without the call that is not known. */
export function judgeRefusal(answer: Answer, asked: Pick<Asked, 'url' | 'now'>): DeliveryResult {
  const { status } = answer
  const pauseMs = askedToWaitMs(answer, asked.now)
  if (status >= 300 && status < 400) {
    const location = headerOf(answer, 'location')
    const target = location === null ? 'elsewhere' : `to ${excerpt(location)}`
    return waitSink(`${asked.url} redirects ${target} (${status}) and the token is not sent there: correct zendesk.base_url`)
  }
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return { kind: 'reject', reason: `Zendesk refused it (${status}): ${said(answer)}` }
    case 401:
    case 403:
      return waitSink(`Zendesk refused the token (${status}): set zendesk.token to a valid one; it said: ${said(answer)}`)
    case 404:
    case 405:
      return waitSink(`no Partner Edition endpoint at ${asked.url} (${status}): check zendesk.base_url; it said: ${said(answer)}`)
    case 409:
      return {
        kind: 'wait',
        scope: 'job',
        afterMs: pauseMs ?? inFlightMs,
        reason: 'Zendesk is still working on an earlier attempt of this delivery (409)',
      }
    case 429:
      return { kind: 'wait', scope: 'sink', afterMs: pauseMs ?? tooManyMs, reason: 'Zendesk asks us to slow down (429)' }
    case 503:
      if (pauseMs !== null) {
        return { kind: 'wait', scope: 'sink', afterMs: pauseMs, reason: `Zendesk is unavailable (503): ${said(answer)}` }
      }
      return retry(answer, pauseMs)
    default:
      return retry(answer, pauseMs)
  }
}

/** Where a voicemail that was just taken can be heard; `null`: the server does not say. */
export function audioUrlIn(answer: Answer): string | null {
  const json = answer.body.kind === 'whole' ? parseJson(answer.body.text) : null
  const shown = json?.ok ? heardSchema.safeParse(json.value) : null
  return shown?.success ? shown.data.phone_voicemail.audio_url : null
}

const heardSchema = z.object({ phone_voicemail: z.object({ audio_url: z.string() }) })

function waitSink(reason: string): DeliveryResult {
  return { kind: 'wait', scope: 'sink', afterMs: configurationMs, reason }
}

function retry(answer: Answer, afterMs: number | null): DeliveryResult {
  return { kind: 'retry', afterMs, reason: `Zendesk answered ${answer.status}: ${said(answer)}` }
}

function acknowledged(answer: Answer, asked: Asked): DeliveryResult {
  const doubtful = (what: string): DeliveryResult => ({
    kind: 'retry',
    afterMs: null,
    reason: `Zendesk answered ${answer.status} but ${what}; asking again with the same key is safe`,
  })
  if (answer.body.kind === 'broken') return doubtful(`its body broke off: ${answer.body.why}`)
  const json = parseJson(answer.body.text)
  if (!json.ok) return doubtful(`with ${said(answer)}`)
  const id = remoteId(asked.kind, json.value)
  return id.ok ? { kind: 'delivered', remoteId: id.id } : doubtful(`its JSON lacks ${id.lacks}`)
}

type RemoteId = { readonly ok: true; readonly id: string } | { readonly ok: false; readonly lacks: string }

/** The server's own id: the phone call's for an event, the stored audio's otherwise. */
function remoteId(kind: Delivery['kind'], value: unknown): RemoteId {
  switch (kind) {
    case 'event':
      return idFrom(phoneCallEventAnswerSchema, value, answer => answer.phone_call_event.phone_call_id)
    case 'recording':
      return idFrom(recordingAnswerSchema, value, answer => answer.phone_recording.id)
    case 'voicemail':
      return idFrom(voicemailAnswerSchema, value, answer => answer.phone_voicemail.id)
    default:
      return kind satisfies never
  }
}

function idFrom<T>(schema: z.ZodType<T>, value: unknown, pick: (answer: T) => string | number): RemoteId {
  const parsed = schema.safeParse(value)
  if (parsed.success) return { ok: true, id: String(pick(parsed.data)) }
  return { ok: false, lacks: parsed.error.issues[0]?.path.join('.') || 'an object' }
}

/**
 * What an answer of the documented API that is no success means for a delivery (docs/failures.md prints this table). Pure.
 *
 *   2xx that cannot be read       retry         the effect may be there: the next attempt looks first
 *   3xx                           wait (sink)   not followed: the credentials must not travel to another address
 *   400 413 415 422               reject        the same request will never be taken
 *   401                           wait (sink)   the credentials are at fault
 *   403                           wait (sink)   the agent's role or the account's licence is at fault
 *   404 of one thing              reject        the call, ticket or user is gone
 *   404 405 otherwise             wait (sink)   the address is at fault
 *   409                           wait (job)    somebody else changed the same thing
 *   408 425                       retry
 *   429 of a ticket's update      wait (job)    without Retry-After it is the ticket's own limit (30 in 10 minutes)
 *   429                           wait (sink)
 *   503 with Retry-After          wait (sink)
 *   5xx, anything else            retry
 */
import { type Answer, headerOf, said } from '../http/answer.ts'
import { excerpt } from '../http/excerpt.ts'
import { askedToWaitMs } from '../http/retry-after.ts'
import type { Unfinished } from './halt.ts'

/** What was asked: the full URL, when (epoch ms), and whose path it was. */
export interface Asked {
  readonly method: string
  readonly url: string
  readonly now: number
  /** The path names one call, ticket or user: a 404 is about that. */
  readonly ofOne: boolean
  /** The request changes this ticket. */
  readonly ticketId: number | null
}

const tooManyMs = 10_000
const ticketLimitMs = 60_000
const configurationMs = 60_000
const conflictMs = 1_000

/** The meaning of an answer that is no success. */
export function judge(answer: Answer, asked: Asked): Unfinished {
  const { status } = answer
  const pauseMs = askedToWaitMs(answer, asked.now)
  const what = `${asked.method} ${asked.url}`
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return { kind: 'reject', reason: `Zendesk refused ${what} (${status}): ${said(answer)}` }
    case 401:
      return waitSink(
        `Zendesk refused the credentials (401): check zendesk.email and zendesk.token, or zendesk.oauth; it said: ${said(answer)}`,
      )
    case 403:
      return waitSink(
        `Zendesk does not allow ${what} (403): give the bridge’s agent the role for it, or write zendesk.licence: none when the account has no Talk Partner Edition; it said: ${said(answer)}`,
      )
    case 404:
      if (asked.ofOne) return { kind: 'reject', reason: `Zendesk no longer has what ${what} names (404): ${said(answer)}` }
      return waitSink(`there is no ${what} (404): check zendesk.base_url and zendesk.licence; it said: ${said(answer)}`)
    case 405:
      return waitSink(`Zendesk does not take ${what} (405): check zendesk.base_url; it said: ${said(answer)}`)
    case 409:
      return {
        kind: 'wait',
        scope: 'job',
        afterMs: pauseMs ?? conflictMs,
        reason: `Zendesk was changing the same thing (409): ${what}`,
      }
    case 429:
      if (asked.ticketId !== null && pauseMs === null) {
        const reason = `Zendesk takes no more changes of ticket ${asked.ticketId} for a while (429)`
        return { kind: 'wait', scope: 'job', afterMs: ticketLimitMs, reason }
      }
      return { kind: 'wait', scope: 'sink', afterMs: pauseMs ?? tooManyMs, reason: 'Zendesk asks us to slow down (429)' }
    case 503:
      if (pauseMs === null) return retry(answer, what, null)
      return { kind: 'wait', scope: 'sink', afterMs: pauseMs, reason: `Zendesk is unavailable (503): ${said(answer)}` }
    default:
  }
  if (status < 300 || status >= 400) return retry(answer, what, pauseMs)
  const location = headerOf(answer, 'location')
  const target = location === null ? 'elsewhere' : `to ${excerpt(location)}`
  return waitSink(`${what} is redirected ${target} (${status}), where the credentials are not sent: correct zendesk.base_url`)
}

/** Whether an answer proves that nothing was done. A 408 or a 5xx may have been written by somebody on the way. */
export const provesNothingDone = (status: number): boolean => status >= 300 && status < 500 && status !== 408

function waitSink(reason: string): Unfinished {
  return { kind: 'wait', scope: 'sink', afterMs: configurationMs, reason }
}

function retry(answer: Answer, what: string, afterMs: number | null): Unfinished {
  return { kind: 'retry', afterMs, reason: `Zendesk answered ${answer.status} to ${what}: ${said(answer)}` }
}

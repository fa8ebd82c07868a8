/** Session-Expires and Min-SE (RFC 4028): how long a session lives without a refresh, and who refreshes it. Pure. */
import { headerValue, headerValues, withHeaders } from '../../message/headers.ts'
import type { SipMessage, SipRequest, SipResponse } from '../../message/message.ts'
import { parseParams } from '../../message/params.ts'

export interface SessionInterval {
  readonly seconds: number
  /** Whose duty the refresh is: that of who sent the request, or of who answered it; `null` when it is not said. */
  readonly refresher: 'uac' | 'uas' | null
}

/** RFC 4028 section 5: nobody may ask for less. */
export const SMALLEST_MIN_SE = 90

/** The Session-Expires of a message; `null` when it has none that can be read. */
export function sessionInterval(message: SipMessage): SessionInterval | null {
  const value = headerValue(message, 'Session-Expires')
  const seconds = deltaSeconds(value)
  if (value === null || seconds === null) return null
  const semicolon = value.indexOf(';')
  const refresher = semicolon === -1 ? null : (parseParams(value, semicolon).get('refresher') ?? null)
  return { seconds, refresher: refresher === 'uac' || refresher === 'uas' ? refresher : null }
}

/** The Min-SE of a message; `null` when it has none. */
export function minSe(message: SipMessage): number | null {
  return deltaSeconds(headerValue(message, 'Min-SE'))
}

/** Whether who answers that request has to refuse it with 422; who knows nothing of session timers could not do better (section 9). */
export function asksForTooLittle(request: SipRequest, minSeSeconds: number): boolean {
  const interval = carriesSession(request) ? sessionInterval(request) : null
  return interval !== null && interval.seconds < minSeSeconds && supportsTimer(request)
}

/** The 2xx with the Session-Expires that its request asks for (section 9, table 2); the application's own stands. */
export function withSessionAnswer(request: SipRequest, response: SipResponse): SipResponse {
  if (!carriesSession(request) || response.status < 200 || response.status >= 300) return response
  const asked = sessionInterval(request)
  const answered = sessionInterval(response) ?? asked
  if (answered === null) return response
  const canRefresh = supportsTimer(request)
  const refresher = canRefresh ? (asked?.refresher ?? answered.refresher ?? 'uac') : 'uas'
  const required = headerValues(response, 'Require').filter(option => option.toLowerCase() !== 'timer')
  // The caller has to know that the answer counts on it.
  if (canRefresh) required.push('timer')
  const headers = response.headers.filter(({ name }) => !/^(?:session-expires|require)$/i.test(name))
  headers.push({ name: 'Session-Expires', value: `${answered.seconds};refresher=${refresher}` })
  if (required.length > 0) headers.push({ name: 'Require', value: required.join(', ') })
  return withHeaders(response, headers)
}

/** How long before its end a session without refresh is given up (section 10): 32 s, or a third of a short one. */
export function graceSeconds(seconds: number): number {
  return Math.min(32, seconds / 3)
}

const carriesSession = (request: SipRequest): boolean => request.method === 'INVITE' || request.method === 'UPDATE'

const supportsTimer = (request: SipRequest): boolean =>
  [...headerValues(request, 'Supported'), ...headerValues(request, 'Require')].some(option => option.toLowerCase() === 'timer')

function deltaSeconds(value: string | null): number | null {
  const digits = /^\s*(\d{1,9})\s*(?:;|$)/.exec(value ?? '')?.[1]
  return digits === undefined ? null : Number(digits)
}

/** The Retry-After header (RFC 9110 section 10.2.3). Pure. */
import { type Answer, headerOf } from './answer.ts'

const floorMs = 1_000
const capMs = 3_600_000

/**
 * How long an answer asks us to stay away, in ms; `null`: it does not say. A date is one of the server's clock, which the answer's own Date
 * tells; ours (`now`, epoch ms) counts only without it, since it may be hours wrong.
 */
export function askedToWaitMs(answer: Pick<Answer, 'headers'>, now: number): number | null {
  const there = Date.parse(headerOf(answer, 'date') ?? '')
  return retryAfterMs(headerOf(answer, 'retry-after'), Number.isNaN(there) ? now : there)
}

/**
 * How long a server asks us to stay away, in ms: from seconds (`120`) or an HTTP date. `null` when the header is missing or is
 * neither. Bounded to [1 s, 1 h]: a date in the past or a 0 must not make a hot loop, nor a typo silence the sink for a day.
 */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) return null
  const text = header.trim()
  if (/^\d+(?:\.\d+)?$/.test(text)) return bounded(Number(text) * 1000)
  // Date.parse takes far more than HTTP dates ("5 apples" is a day in May): only what begins with a day name is one.
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return null
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : bounded(at - now)
}

const bounded = (ms: number) => Math.min(capMs, Math.max(floorMs, Math.ceil(ms)))

/** The response that a proxy gives when no target accepted (RFC 3261 section 16.7 step 6). Pure. */
import { sameName, withHeaders } from '../../message/headers.ts'
import type { SipResponse } from '../../message/message.ts'

/** How a target's attempt ended: with its own final response, or with one that we made because it gave none. */
export interface Outcome {
  readonly response: SipResponse
  readonly local: boolean
}

/** These say what the caller has to change, which no other response can say better. */
const TELLS_WHAT_TO_CHANGE = new Set([401, 407, 415, 420, 484])

/**
 * The best of the final responses (all 300 and above); `null` when there are none. 6xx first, then the lowest class. What a target
 * said counts before what we concluded from its silence. 503 goes upstream only when nothing better is there: then all next hops are
 * overloaded or unreachable, and the caller does right to try elsewhere.
 */
export function bestOutcome(outcomes: readonly Outcome[]): Outcome | null {
  let best: Outcome | null = null
  for (const outcome of outcomes) if (best === null || rank(outcome) < rank(best)) best = outcome
  return best === null ? null : { ...best, response: withAllChallenges(best.response, outcomes) }
}

function rank({ response: { status }, local }: Outcome): number {
  const silence = local ? 100_000 : 0
  if (status >= 600) return silence
  const overloaded = status === 503 ? 10_000 : 0
  return silence + overloaded + Math.floor(status / 100) * 10 - (TELLS_WHAT_TO_CHANGE.has(status) ? 5 : 0)
}

/** A caller who must prove itself to several targets gets all of their challenges (step 7). */
function withAllChallenges(best: SipResponse, outcomes: readonly Outcome[]): SipResponse {
  if (best.status !== 401 && best.status !== 407) return best
  const others = outcomes.map(({ response }) => response).filter(response => response !== best)
  const challenges = others
    .filter(({ status }) => status === 401 || status === 407)
    .flatMap(({ headers }) =>
      headers.filter(({ name }) => sameName(name, 'WWW-Authenticate') || sameName(name, 'Proxy-Authenticate')),
    )
  return challenges.length === 0 ? best : withHeaders(best, [...best.headers, ...challenges])
}

/** How an agent's status is read and set, whichever half of the API an account has; and what an answer means. */
import { type Answer, said } from '../http/answer.ts'
import { askedToWaitMs } from '../http/retry-after.ts'
import type { AgentStatus } from '../wire/agent-status.ts'

/** The API's own word for each status: itself in the Voice API, the id of a unified status in the documented one. */
export type StatusValues = Readonly<Record<AgentStatus, string>>

/** A status as Zendesk shows it. */
export interface Shown {
  readonly value: string
  /** For people: `available`, `Lunch`. */
  readonly name: string
  /** Nobody has set any yet. */
  readonly neverSet: boolean
  /** One that an agent may be left in. */
  readonly resting: boolean
  /** Zendesk says that a program set it, and not the agent. */
  readonly byApi: boolean
}

export type StatusAnswer =
  | { readonly kind: 'shown'; readonly shown: Shown }
  /** Later. `all`: it would be the same for every agent. `afterMs`: as long as that at least. */
  | { readonly kind: 'retry'; readonly scope: 'agent' | 'all'; readonly reason: string; readonly afterMs: number | null }
  /** No repeat will help before somebody changes something. */
  | { readonly kind: 'refused'; readonly reason: string }

export interface StatusApi {
  readonly values: StatusValues
  /** For people: what a value stands for. */
  nameOf(value: string): string
  /** Both never reject but for the signal. */
  read(agentId: number, signal: AbortSignal): Promise<StatusAnswer>
  write(agentId: number, value: string, signal: AbortSignal): Promise<StatusAnswer>
}

const configurationMs = 60_000
const tooManyMs = 10_000

/**
 * What an answer other than success means. Pure.
 *
 *   404                             refused     there is no such agent
 *   400 422                         refused     this agent, or this status, is not to be had
 *   409                             retry       the agent is on a call as Zendesk sees it
 *   401 403 405                     retry all   the credentials or the address are at fault
 *   429, any with Retry-After       retry all
 *   anything else                   retry
 */
export function judgeStatusFailure(answer: Answer, agentId: number, now: number): StatusAnswer {
  const { status } = answer
  const words = said(answer)
  const pauseMs = askedToWaitMs(answer, now)
  const all = (reason: string, afterMs: number): StatusAnswer => ({ kind: 'retry', scope: 'all', reason, afterMs })
  switch (status) {
    case 404:
      return {
        kind: 'refused',
        reason: `Zendesk knows no agent ${agentId} (404): correct its zendesk_id under agents; it said: ${words}`,
      }
    case 400:
    case 422:
      return { kind: 'refused', reason: `Zendesk refused the status of agent ${agentId} (${status}): ${words}` }
    case 409:
      return { kind: 'retry', scope: 'agent', reason: `Zendesk says ${words} (409)`, afterMs: pauseMs }
    case 401:
      return all(`Zendesk refused the credentials (401): correct zendesk.token; it said: ${words}`, configurationMs)
    case 403:
      return all(`the credentials may not do that (403): use those of an admin; Zendesk said: ${words}`, configurationMs)
    case 405:
      return all(`there is no agent status at this address (405): check zendesk.base_url and zendesk.api`, configurationMs)
    case 429:
      return all('Zendesk asks us to slow down (429)', pauseMs ?? tooManyMs)
    default:
      if (pauseMs !== null) return all(`Zendesk answered ${status}: ${words}`, pauseMs)
      return { kind: 'retry', scope: 'agent', reason: `Zendesk answered ${status}: ${words}`, afterMs: null }
  }
}

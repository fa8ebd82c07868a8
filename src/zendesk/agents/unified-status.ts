/**
 * The documented API's unified agent status (Zendesk's documentation, "Unified Agent Status API" and "Agent Availability API"):
 * statuses have ids, an account may have its own, and an admin's credentials are needed.
 */
import type { z } from 'zod'
import { agentStatuses } from '../wire/agent-status.ts'
import {
  type AgentAvailability,
  agentAvailabilityAnswerSchema,
  type statusChangeSchema,
} from '../wire/documented/agent-availability.ts'
import { supportPath } from '../wire/documented/words.ts'
import type { Shown, StatusAnswer, StatusApi, StatusValues } from './status-api.ts'
import type { StatusRequests } from './status-requests.ts'

/** The ids that stand for each of the Voice API's words. */
export type StatusIds = Readonly<Record<keyof StatusValues, number>>

export class UnifiedStatus implements StatusApi {
  readonly values: StatusValues
  readonly #requests: StatusRequests
  readonly #busy: ReadonlySet<string>

  constructor(requests: StatusRequests, ids: StatusIds) {
    this.#requests = requests
    this.values = {
      available: String(ids.available),
      unavailable: String(ids.unavailable),
      on_call: String(ids.on_call),
      after_call_work: String(ids.after_call_work),
    }
    this.#busy = new Set([this.values.on_call, this.values.after_call_work])
  }

  nameOf(value: string): string {
    return agentStatuses.find(status => this.values[status] === value) ?? `status ${value}`
  }

  read(agentId: number, signal: AbortSignal): Promise<StatusAnswer> {
    const path = `${supportPath}/agent_availabilities/${agentId}`
    const shown = (body: unknown) => {
      const answer = agentAvailabilityAnswerSchema.safeParse(body)
      return answer.success ? this.#shown(answer.data) : null
    }
    return this.#requests.ask({ method: 'GET', path, agentId, shown }, signal)
  }

  write(agentId: number, value: string, signal: AbortSignal): Promise<StatusAnswer> {
    const path = `${supportPath}/agent_availabilities/agent_statuses/agents/${agentId}`
    // What was noted by a bridge of another dialect is a word: available is where everybody begins.
    const id = Number(/^\d+$/.test(value) ? value : this.values.available)
    const body: z.input<typeof statusChangeSchema> = { id }
    // That it was taken is all there is to know of it.
    const shown = (): Shown => ({
      value: String(id),
      name: this.nameOf(String(id)),
      neverSet: false,
      resting: false,
      byApi: true,
    })
    return this.#requests.ask({ method: 'PUT', path, body, agentId, shown }, signal)
  }

  #shown({ data }: AgentAvailability): Shown {
    const status = data.attributes.agent_status ?? null
    // Without omnichannel routing there is none to see.
    if (status === null) {
      const value = this.values.available
      return { value, name: this.nameOf(value), neverSet: true, resting: true, byApi: false }
    }
    const value = String(status.id)
    const byApi = status.reason === 'PUBLIC_API'
    const known = agentStatuses.some(each => this.values[each] === value)
    const name = known ? this.nameOf(value) : status.name
    return { value, name, neverSet: false, resting: !(byApi && this.#busy.has(value)), byApi }
  }
}

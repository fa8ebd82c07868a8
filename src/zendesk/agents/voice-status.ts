/** The Voice API's `/agents/{id}/phone_status`. */
import { type AgentStatus, agentStatusAnswerSchema, agentStatuses } from '../wire/agent-status.ts'
import { voicePath } from '../wire/words.ts'
import type { Shown, StatusAnswer, StatusApi, StatusValues } from './status-api.ts'
import type { StatusRequests } from './status-requests.ts'

/** Nobody rests in the other two: who is shown in them was put there by a call. */
const restingStatuses: ReadonlySet<AgentStatus> = new Set(['available', 'unavailable'])

export class VoiceStatus implements StatusApi {
  readonly values: StatusValues = {
    available: 'available',
    unavailable: 'unavailable',
    on_call: 'on_call',
    after_call_work: 'after_call_work',
  }
  readonly #requests: StatusRequests

  constructor(requests: StatusRequests) {
    this.#requests = requests
  }

  nameOf(value: string): string {
    return value
  }

  read(agentId: number, signal: AbortSignal): Promise<StatusAnswer> {
    return this.#requests.ask({ method: 'GET', path: pathOf(agentId), agentId, shown }, signal)
  }

  write(agentId: number, value: string, signal: AbortSignal): Promise<StatusAnswer> {
    // What was noted by a bridge of another dialect is none of these: available is where everybody begins.
    const status = agentStatuses.find(each => each === value) ?? 'available'
    return this.#requests.ask({ method: 'PUT', path: pathOf(agentId), body: { status }, agentId, shown }, signal)
  }
}

const pathOf = (agentId: number): string => `${voicePath}/agents/${agentId}/phone_status`

function shown(body: unknown): Shown | null {
  const answer = agentStatusAnswerSchema.safeParse(body)
  if (!answer.success) return null
  const { status, updated_at } = answer.data
  return {
    value: status,
    name: status,
    neverSet: updated_at === null,
    resting: restingStatuses.has(status),
    // It does not say who set it.
    byApi: false,
  }
}

/** `/agents/{id}/phone_status`: whether an agent can take a call. */
import { type AgentStatus, type AgentStatusAnswer, agentStatusAnswerSchema } from '../wire/agent-status.ts'
import { segment, type VoiceRequests } from './voice-requests.ts'

const pathOf = (agentId: number) => `/agents/${segment(agentId)}/phone_status`

/** Agents are named by their Zendesk user ids. Each method throws a VoiceFailure, or the signal's reason. */
export class AgentStatuses {
  readonly #requests: VoiceRequests

  constructor(requests: VoiceRequests) {
    this.#requests = requests
  }

  /** `GET /agents/{id}/phone_status` */
  get(agentId: number, signal: AbortSignal): Promise<AgentStatusAnswer> {
    return this.#requests.ask({ method: 'GET', path: pathOf(agentId), signal }, agentStatusAnswerSchema)
  }

  /** `PUT /agents/{id}/phone_status`. Who is in a call cannot be made available: 409 `Agent not available`. */
  set(agentId: number, status: AgentStatus, signal: AbortSignal): Promise<AgentStatusAnswer> {
    return this.#requests.ask({ method: 'PUT', path: pathOf(agentId), body: { status }, signal }, agentStatusAnswerSchema)
  }
}

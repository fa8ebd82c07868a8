/** Builds the agents' status: which of Zendesk's two ways to set it an account has, and what the admin API shows of it. */
import type { Logger } from 'pino'
import type { AgentBoard } from '../admin/agent-routes.ts'
import type { Config } from '../config/schema.ts'
import type { CallSnapshot } from '../events/event.ts'
import { parseUri } from '../sip/message/uri.ts'
import { AgentStatuses } from '../zendesk/agents/agent-status.ts'
import type { StatusApi } from '../zendesk/agents/status-api.ts'
import { StatusRequests } from '../zendesk/agents/status-requests.ts'
import { UnifiedStatus } from '../zendesk/agents/unified-status.ts'
import { VoiceStatus } from '../zendesk/agents/voice-status.ts'
import type { Connection } from '../zendesk/http/connection.ts'
import type { SinkMemory } from '../zendesk/memory.ts'

export interface AgentStatusParts {
  readonly config: Pick<Config, 'agents' | 'agentStatus' | 'sip' | 'zendesk'>
  readonly connection: Connection
  readonly memory: SinkMemory
  readonly log: Logger
}

export function agentStatuses({ config, connection, memory, log }: AgentStatusParts): AgentStatuses {
  const { report, afterCallWorkMs, pollMs } = config.agentStatus
  return new AgentStatuses({
    agents: config.agents,
    api: report ? statusApi(config, new StatusRequests(connection, Date.now)) : null,
    memory,
    watched: config.sip.dialogs.subscribe.flatMap(uri => parseUri(uri)?.user ?? []),
    afterCallWorkMs,
    pollMs,
    clock: Date.now,
    random: Math.random,
    log,
  })
}

function statusApi({ zendesk, agentStatus }: AgentStatusParts['config'], requests: StatusRequests): StatusApi {
  return zendesk.api === 'calls' ? new UnifiedStatus(requests, agentStatus.statuses) : new VoiceStatus(requests)
}

interface AliveCalls {
  callsAlive(query: { readonly from: number; readonly to: number; readonly limit: number }): Promise<readonly CallSnapshot[]>
}

/** As many calls as the tracker keeps open. */
const mostCalls = 20_000

/** The calls that go on, and those whose after-call work does, as stored. */
export function callsThatMatter(items: AliveCalls, afterCallWorkMs: number): Promise<readonly CallSnapshot[]> {
  const now = Date.now()
  return items.callsAlive({ from: now - afterCallWorkMs, to: now, limit: mostCalls })
}

/** The admin API starts before the agents' status does: until then there is nobody to show. */
export function agentBoard(statuses: () => AgentStatuses | null): AgentBoard {
  return {
    list: () => statuses()?.list() ?? [],
    get unmapped() {
      return statuses()?.unmapped ?? []
    },
  }
}

/** Agents' status before a real server, with calls that a test makes. */
import { onTestFinished } from 'vitest'
import type { AgentOnCall, CallEvent, CallSnapshot, EventType } from '../../../src/events/event.ts'
import { AgentStatuses, type AgentStatusOptions } from '../../../src/zendesk/agents/agent-status.ts'
import type { ExtensionPresence } from '../../../src/zendesk/agents/phone-word.ts'
import type { StatusApi } from '../../../src/zendesk/agents/status-api.ts'
import { StatusRequests } from '../../../src/zendesk/agents/status-requests.ts'
import { UnifiedStatus } from '../../../src/zendesk/agents/unified-status.ts'
import { VoiceStatus } from '../../../src/zendesk/agents/voice-status.ts'
import { bearer } from '../../../src/zendesk/http/authorization.ts'
import { Connection } from '../../../src/zendesk/http/connection.ts'
import { madeEvent } from '../made-events.ts'

export const alice: AgentOnCall = { id: 35436, extension: '1001', name: 'Alice' }
export const bob: AgentOnCall = { id: 35437, extension: '1002', name: 'Bob' }
export const patience = { timeout: 10_000, interval: 10 }

export class Memory {
  readonly notes = new Map<string, string>()
  async get(key: string): Promise<string | null> {
    return this.notes.get(key) ?? null
  }
  async put(key: string, value: string): Promise<void> {
    this.notes.set(key, value)
  }
  async claim(key: string, value: string): Promise<string> {
    const stored = this.notes.get(key) ?? value
    this.notes.set(key, stored)
    return stored
  }
}

export const statusIds = { available: 3, unavailable: 2, on_call: 5, after_call_work: 4 }

export function requestsTo({ url, token }: { readonly url: string; readonly token: string }): StatusRequests {
  const connection = new Connection({ baseUrl: url, authorization: bearer(token), userAgent: 'test', clock: Date.now })
  onTestFinished(() => connection.close())
  return new StatusRequests(connection, Date.now)
}

export const voice = (requests: StatusRequests): StatusApi => new VoiceStatus(requests)
export const unified = (requests: StatusRequests): StatusApi => new UnifiedStatus(requests, statusIds)

export class StatusWorld {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: object }[] = []
  readonly memory = new Memory()
  /** Added to the clock. */
  skew = 0
  readonly #api: StatusApi | null
  readonly #options: Partial<AgentStatusOptions>
  #statuses: AgentStatuses | null = null
  #sequence = 0

  constructor(api: StatusApi | null, options: Partial<AgentStatusOptions> = {}) {
    this.#api = api
    this.#options = options
    onTestFinished(() => this.stop())
  }

  /** A second time, it is a restart: only the memory is left. */
  start(calls: readonly CallSnapshot[] = []): AgentStatuses {
    const at = (level: string) => (fields: object, message: string) => void this.lines.push({ level, fields, message })
    const statuses = new AgentStatuses({
      agents: [alice, bob],
      api: this.#api,
      memory: this.memory,
      afterCallWorkMs: 0,
      pollMs: 0,
      clock: () => Date.now() + this.skew,
      random: () => 0,
      log: { info: at('info'), warn: at('warn'), error: at('error') },
      retryBaseMs: 40,
      ...this.#options,
    })
    statuses.start(calls)
    this.#statuses = statuses
    return statuses
  }

  async stop(): Promise<void> {
    await this.#statuses?.stop()
    this.#statuses = null
  }

  get statuses(): AgentStatuses {
    if (this.#statuses === null) throw new Error('not started')
    return this.#statuses
  }

  of(agent: AgentOnCall) {
    const found = this.statuses.list().find(({ id }) => id === agent.id)
    if (found === undefined) throw new Error(`${agent.name} is not listed`)
    return found
  }

  ring(call: string, agent = alice): CallSnapshot {
    return this.#tell(call, 'call.ringing', { agents: [agent] })
  }

  answer(call: string, agent = alice): CallSnapshot {
    return this.#tell(call, 'call.answered', { agents: [agent], answeredAt: this.#now })
  }

  end(call: string, agent = alice): CallSnapshot {
    return this.#tell(call, 'call.ended', { agents: [agent], answeredAt: this.#now - 1, endedAt: this.#now })
  }

  /** What the PBX says of the agent's extension. */
  told(presence: ExtensionPresence['presence'], agent = alice): void {
    this.statuses.told({ extension: agent.extension, uri: `sip:${agent.extension}@pbx`, presence, at: this.#now })
  }

  get #now(): number {
    return Date.now() + this.skew
  }

  #tell(id: string, type: EventType, changes: Partial<CallSnapshot>): CallSnapshot {
    this.#sequence += 1
    const event: CallEvent = {
      ...madeEvent(id, this.#sequence, type, { startedAt: this.#now, ...changes }),
      occurredAt: this.#now,
    }
    this.#statuses?.observe([event])
    return event.call
  }
}

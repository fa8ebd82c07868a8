/** The unified status of agents. Whoever was never set is offline. */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { unifiedStatuses } from '../../wire/documented/agent-availability.ts'

const row = z.object({ status_id: z.int(), reason: z.string(), version: z.int(), updated_at: z.int() })

/** Every status of the account, by id. */
export const statusNames: ReadonlyMap<number, { readonly name: string; readonly description: string }> = new Map([
  [unifiedStatuses.offline, { name: 'Offline', description: "Can't receive work" }],
  [unifiedStatuses.online, { name: 'Online', description: 'Can receive work' }],
  [unifiedStatuses.away, { name: 'Away', description: 'Can only receive email tickets' }],
  [unifiedStatuses.transfersOnly, { name: 'Transfers only', description: 'Can only receive work from other agents' }],
])

/** Who set it: over the API, the agent's own hand, nobody yet. */
export type StatusReason = 'PUBLIC_API' | 'AGENT_STATUS_SWITCHER' | 'UNKNOWN'

export interface AgentStatus {
  readonly statusId: number
  readonly reason: string
  /** One more with every change. */
  readonly version: number
  /** Epoch ms; 0: never. */
  readonly updatedAt: number
}

export class AgentStatuses {
  readonly #find: StatementSyncInstance
  readonly #set: StatementSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#find = db.prepare('SELECT status_id, reason, version, updated_at FROM agent_availabilities WHERE agent_id = ?')
    this.#set = db.prepare(
      `INSERT INTO agent_availabilities (agent_id, status_id, reason, version, updated_at) VALUES (?, ?, ?, 1, ?)
       ON CONFLICT DO UPDATE SET status_id = excluded.status_id, reason = excluded.reason, version = version + 1,
         updated_at = excluded.updated_at`,
    )
  }

  get(agentId: number): AgentStatus {
    const found = this.#find.get(agentId)
    if (found === undefined) return { statusId: unifiedStatuses.offline, reason: 'UNKNOWN', version: 0, updatedAt: 0 }
    const { status_id, reason, version, updated_at } = row.parse(found)
    return { statusId: status_id, reason, version, updatedAt: updated_at }
  }

  /** For use inside a transaction. */
  set(agentId: number, statusId: number, reason: StatusReason, now: number): void {
    this.#set.run(agentId, statusId, reason, now)
  }
}

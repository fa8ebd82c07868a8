/**
 * Whether agents can take calls.
 *
 * Invariants
 *  1 An agent who talks is `on_call`, unless a status was set since the call was answered; when the call ends, the agent is again
 *    what was set last. Nothing is counted: it follows from the calls as they are.
 *  2 Nobody is `available` while talking.
 */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { type AgentStatus, type AgentStatusAnswer, agentStatuses } from '../../../wire/agent-status.ts'
import { agentBusy } from '../conflict.ts'

const rowSchema = z.object({
  status: z.enum(agentStatuses).nullable(),
  updated_at: z.int().nullable(),
  /** Of the newest call that the agent is on now. */
  busy_event: z.int().nullable(),
  busy_at: z.int().nullable(),
  after_event: z.int().nullable(),
})

export class AgentStatuses {
  readonly #find: StatementSyncInstance
  readonly #put: StatementSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#find = db.prepare(
      `WITH asked (id) AS (VALUES (?)), busy (event) AS (
         SELECT max(busy_event) FROM call_agents WHERE busy_event IS NOT NULL AND agent_id = (SELECT id FROM asked))
       SELECT a.status, a.updated_at, a.after_event, busy.event AS busy_event,
         (SELECT received_at FROM events WHERE arrival = busy.event) AS busy_at
       FROM asked LEFT JOIN agents a ON a.id = asked.id CROSS JOIN busy`,
    )
    this.#put = db.prepare(
      `INSERT INTO agents (id, status, updated_at, after_event) VALUES (?, ?, ?, (SELECT coalesce(max(arrival), 0) FROM events))
       ON CONFLICT DO UPDATE SET status = excluded.status, updated_at = excluded.updated_at, after_event = excluded.after_event`,
    )
  }

  /** Of an agent nobody has heard of: `unavailable`. */
  get(agentId: number): AgentStatusAnswer {
    const { status, updated_at, busy_event, busy_at, after_event } = rowSchema.parse(this.#find.get(agentId))
    // Invariant 1
    const talks = busy_event !== null && busy_event > (after_event ?? 0)
    const at = talks ? busy_at : updated_at
    return {
      agent_id: agentId,
      status: talks ? 'on_call' : (status ?? 'unavailable'),
      updated_at: at === null ? null : new Date(at).toISOString(),
    }
  }

  /** For use inside a transaction. Throws a 409 (invariant 2). */
  set(agentId: number, status: AgentStatus, now: number): AgentStatusAnswer {
    if (status === 'available' && rowSchema.parse(this.#find.get(agentId)).busy_event !== null) throw agentBusy()
    this.#put.run(agentId, status, now)
    return this.get(agentId)
  }
}

/**
 * Who waits, or waited, in which queue: one row for each queue a call was in.
 *
 * Invariants
 *  1 Rows follow from the newest state of the call; an event that comes late or again changes nothing.
 *  2 A call waits in one queue at a time, and at most `queueCapacity` calls wait in one.
 *  3 A call that a queue had no room for does not come back to it.
 */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'

const outcomes = ['waiting', 'answered', 'abandoned', 'moved', 'overflowed'] as const

const rowSchema = z.object({
  queue_id: z.int(),
  entered_at: z.int(),
  left_at: z.int().nullable(),
  outcome: z.enum(outcomes),
  agent_id: z.int().nullable(),
})
const countRow = z.object({ n: z.int() })
const agentRow = z.object({ agent_id: z.int() })

/** One call's time in one queue; times in epoch ms. */
export type Wait = z.infer<typeof rowSchema>

export class Waits {
  readonly #ofCall: StatementSyncInstance
  readonly #put: StatementSyncInstance
  readonly #leave: StatementSyncInstance
  readonly #offer: StatementSyncInstance
  readonly #waiting: StatementSyncInstance
  readonly #ahead: StatementSyncInstance
  readonly #free: StatementSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#ofCall = db.prepare('SELECT queue_id, entered_at, left_at, outcome, agent_id FROM queue_waits WHERE call_id = ?')
    this.#put = db.prepare(
      `INSERT INTO queue_waits (call_id, queue_id, entered_at, left_at, outcome) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET left_at = excluded.left_at, outcome = excluded.outcome`,
    )
    this.#leave = db.prepare(
      "UPDATE queue_waits SET outcome = 'moved', left_at = max(entered_at, ?) WHERE call_id = ? AND queue_id <> ? AND outcome = 'waiting'",
    )
    this.#offer = db.prepare('UPDATE queue_waits SET agent_id = ? WHERE call_id = ? AND queue_id = ?')
    this.#waiting = db.prepare("SELECT count(*) AS n FROM queue_waits WHERE queue_id = ? AND outcome = 'waiting'")
    this.#ahead = db.prepare(
      `SELECT count(*) AS n FROM queue_waits
       WHERE queue_id = ? AND outcome = 'waiting' AND agent_id IS NULL AND (entered_at, call_id) < (?, ?)`,
    )
    // Available, not talking since, and not meant for another caller already.
    this.#free = db.prepare(
      `SELECT m.agent_id FROM queue_members m JOIN agents a ON a.id = m.agent_id
       WHERE m.queue_id = ? AND a.status = 'available'
         AND NOT EXISTS (SELECT 1 FROM call_agents c WHERE c.agent_id = a.id AND c.busy_event IS NOT NULL)
         AND NOT EXISTS (SELECT 1 FROM queue_waits w WHERE w.agent_id = a.id AND w.outcome = 'waiting' AND w.call_id <> ?)
       ORDER BY m.place`,
    )
  }

  ofCall(callId: number): readonly Wait[] {
    return this.#ofCall.all(callId).map(row => rowSchema.parse(row))
  }

  /** Writes a call's time in a queue. A call cannot leave before it came. For use inside a transaction, like all that follow. */
  put(callId: number, { queue_id, entered_at, left_at, outcome }: Omit<Wait, 'agent_id'>): void {
    this.#put.run(callId, queue_id, entered_at, left_at === null ? null : Math.max(entered_at, left_at), outcome)
  }

  /** The call waits in no other queue from `at` on (invariant 2). */
  leaveOthers(callId: number, queueId: number, at: number): void {
    this.#leave.run(at, callId, queueId)
  }

  /** Remembers which member a waiting call is meant for. */
  offer(callId: number, queueId: number, agentId: number | null): void {
    this.#offer.run(agentId, callId, queueId)
  }

  /** How many wait now. */
  depth(queueId: number): number {
    return countRow.parse(this.#waiting.get(queueId)).n
  }

  /** How many callers came before, wait still, and nobody was found for. */
  ahead(callId: number, { queue_id, entered_at }: Wait): number {
    return countRow.parse(this.#ahead.get(queue_id, entered_at, callId)).n
  }

  /** Members who could take this call now, in the order of the queue. */
  freeMembers(callId: number, queueId: number): readonly number[] {
    return this.#free.all(queueId, callId).map(row => agentRow.parse(row).agent_id)
  }
}

/**
 * Who is, or was, on which call. Derived from the newest state of the call alone, so that an event which comes late or again
 * changes nothing.
 */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import type { WireCall } from '../../../wire/call-event.ts'

export class CallAgents {
  readonly #forget: StatementSyncInstance
  readonly #put: StatementSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#forget = db.prepare('DELETE FROM call_agents WHERE call_id = ? AND agent_id NOT IN (SELECT value FROM json_each(?))')
    // Since the first event that showed the agent busy: a status that was set after that one is the later word.
    this.#put = db.prepare(
      `INSERT INTO call_agents (call_id, agent_id, name, busy_event) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET name = excluded.name,
         busy_event = CASE WHEN excluded.busy_event IS NULL THEN NULL ELSE coalesce(busy_event, excluded.busy_event) END`,
    )
  }

  /** Takes over the agents of a call as its newest event, the `arrival`th of all, shows them. For use inside a transaction. */
  follow(callId: number, call: WireCall, arrival: number): void {
    this.#forget.run(callId, JSON.stringify(call.agents.map(({ id }) => id)))
    for (const { id, extension, name } of call.agents) {
      this.#put.run(callId, id, name, isBusy(call, extension) ? arrival : null)
    }
  }
}

/**
 * Whether a phone of `extension` is talking. The agents of an answered call are those who took part; one is done when all legs of its
 * extension are. Where no leg shows it, the agent is taken to stay to the end. Pure.
 */
function isBusy({ answered_at, ended_at, legs }: WireCall, extension: string): boolean {
  if (answered_at === null || ended_at !== null) return false
  const own = legs.filter(({ from, to }) => from === extension || to === extension)
  return own.length === 0 || own.some(leg => leg.ended_at === null)
}

/** What the calls of a filter amount to, from what the log and the voicemails say. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import type { CallMetrics } from '../../../wire/phone-call.ts'
import { type Condition, where } from '../../page.ts'
import { type CallFilter, conditionsOf } from './call-filter.ts'

const totalsRow = z.object({
  total_calls: z.int(),
  average_duration: z.number().nullable(),
  missed_calls: z.int(),
  abandoned_calls: z.int(),
})
const countRow = z.object({ n: z.int() })
const agentRow = z.object({
  agent_id: z.int(),
  name: z.string(),
  calls: z.int(),
  answered: z.int(),
  missed: z.int(),
  average_duration: z.number().nullable(),
  talk_time: z.int(),
})

type Asked = Pick<CallFilter, 'external_id' | 'agent_id' | 'start_date' | 'end_date'>

const changesRow = z.object({ n: z.int() })

/** The metrics of the last filter asked for, until anything is written: who pages through the log asks for the same on each page. */
export class CallMetricsOf {
  readonly #db: DatabaseSyncInstance
  #last: { readonly key: string; readonly metrics: CallMetrics } | null = null

  constructor(db: DatabaseSyncInstance) {
    this.#db = db
  }

  of({ external_id, agent_id, start_date, end_date }: Asked): CallMetrics {
    const { n } = changesRow.parse(this.#db.prepare('SELECT total_changes() AS n').get())
    const key = JSON.stringify([n, external_id, agent_id, start_date, end_date])
    if (this.#last?.key !== key) {
      this.#last = { key, metrics: callMetrics(this.#db, { external_id, agent_id, start_date, end_date }) }
    }
    return this.#last.metrics
  }
}

/** Of all calls that match, whatever page is shown. Durations are of calls that were answered and have ended. */
function callMetrics(db: DatabaseSyncInstance, asked: Asked): CallMetrics {
  const calls = where(conditionsOf(asked))
  const totals = db
    .prepare(
      `SELECT count(*) AS total_calls, round(avg(duration) FILTER (WHERE status = 'connected')) AS average_duration,
         count(*) FILTER (WHERE status = 'missed') AS missed_calls, count(*) FILTER (WHERE status = 'abandoned') AS abandoned_calls
       FROM calls ${calls.sql}`,
    )
    .get(...calls.values)
  return { ...totalsRow.parse(totals), voicemails: voicemailsOf(db, asked), agent_performance: agentsOf(db, asked) }
}

/** Messages left in the period, those that were deleted since included: they were left. */
function voicemailsOf(db: DatabaseSyncInstance, { start_date, end_date, ...ofCalls }: Asked): number {
  const conditions: Condition[] = [{ sql: "kind = 'voicemail'", values: [] }]
  if (start_date !== undefined) conditions.push({ sql: 'received_at >= ?', values: [start_date] })
  if (end_date !== undefined) conditions.push({ sql: 'received_at < ?', values: [end_date] })
  // Of an agent, or of one call: only messages whose call is known can be told apart.
  const calls = where(conditionsOf(ofCalls))
  if (calls.sql !== '') {
    conditions.push({ sql: `external_call_id IN (SELECT external_id FROM calls ${calls.sql})`, values: calls.values })
  }
  const { sql, values } = where(conditions)
  return countRow.parse(db.prepare(`SELECT count(*) AS n FROM audio ${sql}`).get(...values)).n
}

function agentsOf(db: DatabaseSyncInstance, asked: Asked): CallMetrics['agent_performance'] {
  const conditions = [...conditionsOf(asked)]
  // An agent's calls may have had others on them, whose performance nobody asked for.
  if (asked.agent_id !== undefined) conditions.push({ sql: 'agent_id = ?', values: [asked.agent_id] })
  const { sql, values } = where(conditions)
  return db
    .prepare(
      `SELECT agent_id, max(name) AS name, count(*) AS calls, count(answered_at) AS answered,
         count(*) FILTER (WHERE status = 'missed') AS missed,
         round(avg(duration) FILTER (WHERE status = 'connected')) AS average_duration,
         coalesce(sum(duration) FILTER (WHERE status = 'connected'), 0) AS talk_time
       FROM calls CROSS JOIN call_agents ON call_agents.call_id = calls.id ${sql}
       GROUP BY agent_id ORDER BY calls DESC, agent_id`,
    )
    .all(...values)
    .map(row => agentRow.parse(row))
}

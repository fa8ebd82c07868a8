/** Which calls of the log are asked for. Pure. */
import type { Condition, PageQuery } from '../../page.ts'

export interface CallFilter extends PageQuery {
  readonly external_id?: string | undefined
  readonly agent_id?: number | undefined
  /** Calls that started at or after, and before, these wire moments. */
  readonly start_date?: string | undefined
  readonly end_date?: string | undefined
}

/** The conditions on `calls`, without that of the page. */
export function conditionsOf({ external_id, agent_id, start_date, end_date }: Omit<CallFilter, keyof PageQuery>): Condition[] {
  const conditions: Condition[] = []
  if (external_id !== undefined) conditions.push({ sql: 'external_id = ?', values: [external_id] })
  if (start_date !== undefined) conditions.push({ sql: 'started_at >= ?', values: [start_date] })
  if (end_date !== undefined) conditions.push({ sql: 'started_at < ?', values: [end_date] })
  if (agent_id !== undefined) {
    conditions.push({ sql: 'calls.id IN (SELECT call_id FROM call_agents WHERE agent_id = ?)', values: [agent_id] })
  }
  return conditions
}

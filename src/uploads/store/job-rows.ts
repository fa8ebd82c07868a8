/** Jobs as rows: how a plan is written, how a row is read, and which columns a verdict changes. */
import { type Insertable, type Selectable, sql, type Transaction, type UpdateObject } from 'kysely'
import type { Job, JobState, PlannedJob } from '../job.ts'
import type { Verdict } from '../verdict.ts'
import { batches } from './batches.ts'
import type { JobsTable, Schema } from './schema.ts'
import { giveTurns } from './turns.ts'

export type JobRow = Selectable<JobsTable>

/** Stores planned jobs; a job whose id is known stays as it is. `origin` is the one bridge that can deliver them, if they are media. */
export const insertJobs = async (
  trx: Transaction<Schema>,
  jobs: readonly PlannedJob[],
  now: number,
  origin?: string,
): Promise<void> => {
  for (const some of batches(jobs)) {
    await trx
      .insertInto('jobs')
      .values(some.map(job => (origin === undefined ? rowOf(job, now) : { ...rowOf(job, now), origin })))
      .onConflict(conflict => conflict.column('id').doNothing())
      .execute()
  }
  await giveTurns(
    trx,
    jobs.map(job => job.orderKey),
  )
}

const rowOf = (job: PlannedJob, now: number): Insertable<JobsTable> => ({
  id: job.id,
  kind: job.kind,
  lane: job.lane,
  order_key: job.orderKey,
  order_no: job.orderNo,
  state: 'pending',
  head: job.orderKey === null ? 1 : 0,
  run_at: now,
  attempts: 0,
  reason: null,
  remote_id: null,
  created_at: now,
  due_since: now,
  updated_at: now,
  owner: null,
  lease_until: null,
})

/** A row as operators see it. */
export const jobOf = (row: JobRow): Job => ({
  id: row.id,
  kind: row.kind,
  lane: row.lane,
  orderKey: row.order_key,
  orderNo: row.order_no,
  createdAt: row.created_at,
  state: stateOf(row),
})

const stateOf = (row: JobRow): JobState => {
  const { attempts, updated_at: at } = row
  switch (row.state) {
    case 'pending':
      return { kind: 'pending', runAt: row.run_at, attempts, lastError: row.reason }
    case 'running':
      return { kind: 'running', startedAt: at, attempts }
    case 'delivered':
      return { kind: 'delivered', deliveredAt: at, attempts, remoteId: row.remote_id }
    case 'dead':
      return { kind: 'dead', diedAt: at, attempts, reason: row.reason ?? 'no reason was stored' }
    case 'dropped':
      return { kind: 'dropped', droppedAt: at, reason: row.reason ?? 'no reason was stored' }
    default:
      throw new TypeError(`a job has the unknown state ${JSON.stringify(row.state satisfies never)}`)
  }
}

/** A job that was claimed was due, whatever the clock says since. */
export const notAfter = (now: number) => sql<number>`case when run_at > ${now} then ${now} else run_at end`

/** The columns that a verdict changes in a running job. A job that goes back loses its turn until `giveTurns` says otherwise. */
export const columnsAfter = (
  verdict: Verdict,
  job: { readonly attempts: number; readonly orderKey: string | null },
  now: number,
): UpdateObject<Schema, 'jobs'> => {
  const back = { state: 'pending', head: job.orderKey === null ? 1 : 0, updated_at: now } as const
  switch (verdict.kind) {
    case 'delivered':
      return { state: 'delivered', head: 0, remote_id: verdict.remoteId, reason: null, updated_at: now }
    case 'dead':
      return { state: 'dead', head: 0, reason: verdict.reason, attempts: job.attempts + 1, updated_at: now }
    case 'retry':
      return { ...back, run_at: verdict.runAt, reason: verdict.reason, attempts: job.attempts + 1 }
    case 'wait':
      return { ...back, run_at: verdict.runAt, reason: verdict.reason }
    case 'put-back':
      return { ...back, run_at: notAfter(now) }
    default:
      throw new TypeError(`no such verdict: ${JSON.stringify(verdict satisfies never)}`)
  }
}

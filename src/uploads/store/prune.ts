/**
 * Forgetting what is over. Removes ended calls, with their events and keys, once nothing of them is left to deliver, and the jobs
 * that were delivered or dropped, and what a sink noted about either. Items and source files stay: the bridge does not delete sources by default, and a file that it
 * no longer knew would be uploaded again.
 */
import { type Kysely, sql, type Transaction } from 'kysely'
import { forgetCdrs } from './cdrs.ts'
import { isOurTurnToPrune, isShared, transact } from './dialect.ts'
import type { Schema } from './schema.ts'

/** At most this many rows of a kind go in one transaction, so that a bridge that was off for a month does not stall. */
const AT_ONCE = 500

export interface Pruned {
  readonly calls: number
  readonly jobs: number
  /** Whether there was more than fits in one step: call again soon. */
  readonly more: boolean
}

/** Removes what was over before `cutoff` (epoch ms): one bounded step, in one transaction. */
export const prune = async (db: Kysely<Schema>, cutoff: number): Promise<Pruned> =>
  await transact(db, async trx => {
    if (!(await isOurTurnToPrune(trx))) return { calls: 0, jobs: 0, more: false }
    const jobs = await forgetJobs(trx, cutoff)
    const calls = await trx
      .selectFrom('calls')
      .select('id')
      .where(eb => eb('ended', '=', eb.lit(1)))
      .where('ended_at', '<', cutoff)
      .where('updated_at', '<', cutoff)
      .where(eb => eb.not(eb.exists(eb.selectFrom('jobs').select('jobs.seq').whereRef('jobs.order_key', '=', 'calls.id'))))
      .orderBy('ended_at')
      .limit(AT_ONCE)
      .execute()
    if (calls.length > 0) {
      await trx
        .deleteFrom('calls')
        .where(
          'id',
          'in',
          calls.map(row => row.id),
        )
        .execute()
    }
    await forgetMemory(trx, cutoff)
    await forgetCdrs(trx, cutoff, AT_ONCE)
    if (isShared(trx)) await forgetBridges(trx, cutoff)
    return { calls: calls.length, jobs, more: jobs === AT_ONCE || calls.length === AT_ONCE }
  })

// Its condition is spelled out, not bound: the planner then sees that the index jobs_over covers it.
const forgetJobs = async (trx: Transaction<Schema>, cutoff: number): Promise<number> => {
  const over = await trx
    .selectFrom('jobs')
    .select('seq')
    .where(sql<boolean>`state in ('delivered', 'dropped')`)
    .where('updated_at', '<', cutoff)
    // Until its other sinks are through, it says what is to become of the item (plan.ts, itemStateAfter).
    .where(sql<boolean>`not (lane = 'media' and state = 'dropped'
      and exists (select 1 from items where items.id = jobs.id and items.state = 'queued'))`)
    .orderBy('updated_at')
    .limit(AT_ONCE)
    .execute()
  const seqs = over.map(row => row.seq)
  if (seqs.length > 0) await trx.deleteFrom('jobs').where('seq', 'in', seqs).execute()
  return seqs.length
}

// What a delivery noted, once nothing is left of it: a call that goes on, or a dead letter that may be redriven, still needs it.
const forgetMemory = async (trx: Transaction<Schema>, cutoff: number): Promise<void> => {
  const old = await trx
    .selectFrom('sink_memory')
    .select('key')
    .where('updated_at', '<', cutoff)
    .where('about', 'is not', null)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('calls').select('calls.id').where(sql<boolean>`calls.id = sink_memory.about`))),
    )
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('jobs').select('jobs.seq').where(sql<boolean>`jobs.id = sink_memory.about`))),
    )
    .orderBy('updated_at')
    .limit(AT_ONCE)
    .execute()
  const keys = old.map(row => row.key)
  if (keys.length > 0) await trx.deleteFrom('sink_memory').where('key', 'in', keys).execute()
}

// A bridge that is gone for good, and has left no audio behind.
const forgetBridges = async (trx: Transaction<Schema>, cutoff: number): Promise<void> => {
  await sql`delete from bridges where seen_at < ${cutoff}
    and not exists (select 1 from jobs
      where jobs.origin = bridges.id and jobs.lane in ('media', 'archive', 'erasure') and jobs.state = 'pending' and jobs.head = 1)
    and not exists (select 1 from items where items.origin = bridges.id and items.state = 'waiting')`.execute(trx)
}

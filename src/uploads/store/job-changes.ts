/** What becomes of jobs that an operator acts on, with their items and with the turns of their calls; many cost hardly more than one. */
import type { Transaction } from 'kysely'
import type { RecordingId } from '../../events/recording.ts'
import { subjectOf } from '../job.ts'
import { batches } from './batches.ts'
import { setItemState } from './item-state.ts'
import type { JobRow } from './job-rows.ts'
import type { Schema } from './schema.ts'
import { giveTurns, takeTurns } from './turns.ts'

/** Makes dead or dropped jobs pending as if they had just been planned, and their items queued. `now` is epoch ms. */
export const reviveJobs = async (trx: Transaction<Schema>, jobs: readonly JobRow[], now: number): Promise<void> => {
  const fresh = { state: 'pending', run_at: now, attempts: 0, reason: null, due_since: now, updated_at: now } as const
  for (const some of batches(jobs)) {
    await trx
      .updateTable('jobs')
      .set(eb => ({ ...fresh, head: eb.case().when('order_key', 'is', null).then(1).else(0).end() }))
      .where('seq', 'in', some.map(seqOf))
      .execute()
  }
  await followJobs(trx, jobs, now)
  const keys = jobs.map(job => job.order_key)
  await takeTurns(trx, keys)
  await giveTurns(trx, keys)
}

/** Lets pending jobs be tried at once, whatever their backoff. */
export const hastenJobs = async (trx: Transaction<Schema>, jobs: readonly JobRow[], now: number): Promise<void> => {
  for (const some of batches(jobs))
    await trx.updateTable('jobs').set({ run_at: now }).where('seq', 'in', some.map(seqOf)).execute()
}

/** Gives pending or dead jobs up for good, and with them the items that they would have delivered. */
export const dropJobs = async (trx: Transaction<Schema>, jobs: readonly JobRow[], reason: string, now: number): Promise<void> => {
  const dropped = { state: 'dropped', head: 0, reason, updated_at: now } as const
  for (const some of batches(jobs)) await trx.updateTable('jobs').set(dropped).where('seq', 'in', some.map(seqOf)).execute()
  await followJobs(trx, jobs, now)
  await giveTurns(
    trx,
    jobs.map(job => job.order_key),
  )
}

const seqOf = (job: JobRow): number => job.seq

const followJobs = async (trx: Transaction<Schema>, jobs: readonly JobRow[], now: number): Promise<void> => {
  for (const job of jobs) {
    // The subject of any other job is an item (plan.ts).
    if (job.kind !== 'event') await setItemState(trx, subjectOf(job) as RecordingId, now)
  }
}

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

/**
 * Sends items that were given up back to the recordings stage, which encodes them again: nothing of their audio was kept. Their jobs
 * are planned anew when they are queued.
 */
export const restartItems = async (trx: Transaction<Schema>, jobs: readonly JobRow[], now: number): Promise<void> => {
  for (const some of batches(jobs)) {
    await trx.deleteFrom('jobs').where('seq', 'in', some.map(seqOf)).execute()
    await trx
      .updateTable('items')
      .set({ state: 'waiting', reason: null, updated_at: now })
      .where('id', 'in', some.map(itemOf))
      .execute()
  }
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

/** Which of these jobs are about items that were given up for good, so that their audio is neither in the spool nor in the archive. */
export const withoutAudio = async (trx: Transaction<Schema>, jobs: readonly JobRow[]): Promise<readonly JobRow[]> => {
  const dropped = jobs.filter(job => job.state === 'dropped' && (job.lane === 'media' || job.lane === 'archive'))
  const gone = new Set<RecordingId>()
  for (const some of batches(dropped)) {
    const rows = await trx
      .selectFrom('items')
      .select('id')
      .where('id', 'in', some.map(itemOf))
      .where('state', '=', 'dropped')
      .where('archive_key', 'is', null)
      .execute()
    for (const { id } of rows) gone.add(id)
  }
  return dropped.filter(job => gone.has(itemOf(job)))
}

// The subject of a job that is no event's is an item (plan.ts).
const itemOf = (job: JobRow): RecordingId => subjectOf(job) as RecordingId

const followJobs = async (trx: Transaction<Schema>, jobs: readonly JobRow[], now: number): Promise<void> => {
  for (const job of jobs) {
    if (job.kind !== 'event') await setItemState(trx, itemOf(job), now)
  }
}

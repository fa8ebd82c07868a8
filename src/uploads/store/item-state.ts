/** Keeps an item's state in step with its jobs; whoever changes a job of an item calls this in the same transaction. */
import type { Transaction } from 'kysely'
import type { RecordingId } from '../../events/recording.ts'
import { jobIdOf, type Lane, lanes } from '../job.ts'
import { itemStateAfter } from '../plan.ts'
import type { Schema } from './schema.ts'

/** An item that is dropped keeps why. One without jobs stays as it is. */
export const setItemState = async (trx: Transaction<Schema>, id: RecordingId, now: number): Promise<void> => {
  // First, because it locks the row: of two bridges that each finish one of its jobs, the second then sees what the first did.
  await trx.updateTable('items').set({ updated_at: now }).where('id', '=', id).execute()
  const jobs = await trx.selectFrom('jobs').select(['lane', 'state', 'reason']).where('id', 'in', jobsOf(id)).execute()
  const deliveries = jobs.filter(({ lane }) => isDelivery(lane))
  if (deliveries.length === 0) return
  const state = itemStateAfter(deliveries)
  // It may have been given up long before the last of its sinks was through.
  const reason = state === 'dropped' ? (deliveries.find(({ lane }) => lane === 'media')?.reason ?? null) : null
  // What is to be erased stays dropped, whatever a delivery that was under way came to.
  await trx.updateTable('items').set({ state, reason }).where('id', '=', id).where('erasure', 'is', null).execute()
}

// What erases an item is no delivery of it.
const isDelivery = (lane: Lane): boolean => lane !== 'event' && lane !== 'erasure'

const jobsOf = (id: RecordingId) => lanes.filter(isDelivery).map(lane => jobIdOf(id, lane))

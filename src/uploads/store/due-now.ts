/** Makes pending jobs due, page by page: however many there are, no transaction and no answer of the database is long. */
import type { Kysely } from 'kysely'
import type { Lane } from '../job.ts'
import { batches } from './batches.ts'
import type { Schema } from './schema.ts'

const PAGE = 1_000

/**
 * All that are not due yet at `now`, or only those that say to have been planned or changed later than `setAfter`, which a clock that was set
 * back since has done. Epoch ms. Answers how many.
 */
export const makeDue = async (
  db: Kysely<Schema>,
  { lanes, now, setAfter }: { readonly lanes: readonly Lane[]; readonly now: number; readonly setAfter: number | null },
): Promise<number> => {
  let made = 0
  for (let after = 0; ; ) {
    // By the index of states, in its order; the few that are meant are chosen here.
    const page = await db
      .selectFrom('jobs')
      .select(['seq', 'lane', 'run_at', 'due_since', 'updated_at'])
      .where('state', '=', 'pending')
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(PAGE)
      .execute()
    const meant = page
      .filter(job => lanes.includes(job.lane) && job.run_at > now)
      .filter(job => setAfter === null || Math.max(job.updated_at, job.due_since) > setAfter)
    for (const some of batches(meant.map(job => job.seq))) {
      await db.updateTable('jobs').set({ run_at: now }).where('seq', 'in', some).where('state', '=', 'pending').execute()
    }
    made += meant.length
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return made
    after = last.seq
  }
}

/** Makes pending jobs due, page by page: however many there are, no answer of the database is long, and others get their turn between. */
import { setImmediate as othersFirst } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Lane } from '../job.ts'
import type { Schema } from './schema.ts'

const PAGE = 1_000

export interface DueNow {
  readonly lanes: readonly Lane[]
  /** Epoch ms. */
  readonly now: number
  /** Only those that say to have been planned or changed later than this, which a clock that was set back since has done. `null`: all. */
  readonly setAfter: number | null
}

/** Changes those that are not due yet at `now`; answers how many. */
export const makeDue = async (db: Kysely<Schema>, { lanes, now, setAfter }: DueNow): Promise<number> => {
  let made = 0
  for (const lane of lanes) {
    for (let after = 0; ; ) {
      const pending = db.selectFrom('jobs').select('seq').where('lane', '=', lane).where('state', '=', 'pending')
      const page = await pending.where('seq', '>', after).orderBy('seq').limit(PAGE).execute()
      const last = page.at(-1)?.seq
      if (last === undefined) break
      const [changed] = await db
        .updateTable('jobs')
        .set({ run_at: now })
        .where('lane', '=', lane)
        .where('state', '=', 'pending')
        .where('seq', '>', after)
        .where('seq', '<=', last)
        .where('run_at', '>', now)
        .$if(setAfter !== null, query =>
          query.where(eb => eb.or([eb('updated_at', '>', setAfter ?? 0), eb('due_since', '>', setAfter ?? 0)])),
        )
        .execute()
      made += Number(changed?.numUpdatedRows ?? 0n)
      if (page.length < PAGE) break
      after = last
      await othersFirst()
    }
  }
  return made
}

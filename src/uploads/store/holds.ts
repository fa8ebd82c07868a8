/** Legal holds: what is held is neither erased, nor does anything else of the bridge delete it, until it is released. */
import type { Kysely } from 'kysely'
import { type About, type FoundItem, findAbout, foundItem, itemsAbout, meantBy, shownAs } from './about.ts'
import { appendAudit } from './audit.ts'
import { transact } from './dialect.ts'
import type { Schema } from './schema.ts'

/** Who holds or releases, and why. */
export interface HoldOrder {
  readonly actor: string
  readonly reason: string
}

export interface HoldsOptions {
  readonly db: Kysely<Schema>
  /** Epoch ms. */
  readonly now: () => number
}

export class Holds {
  readonly #db: Kysely<Schema>
  readonly #now: () => number

  constructor({ db, now }: HoldsOptions) {
    this.#db = db
    this.#now = now
  }

  /** Oldest first; `after` goes on after the last one (`seq`) of the page before. */
  async find(about: About, page: { readonly limit: number; readonly after?: number }): Promise<readonly FoundItem[]> {
    return await findAbout(this.#db, about, page)
  }

  /**
   * Holds up to `limit` of them, in one transaction with the audit log; answers which. Ask again until it answers none: those that
   * are held already, or are to be erased, are passed over.
   */
  async hold(about: About, order: HoldOrder, limit: number): Promise<readonly FoundItem[]> {
    return await this.#change(about, order, limit, 'hold')
  }

  /** Releases up to `limit` of them, likewise. */
  async release(about: About, order: HoldOrder, limit: number): Promise<readonly FoundItem[]> {
    return await this.#change(about, order, limit, 'release')
  }

  async #change(
    about: About,
    { actor, reason }: HoldOrder,
    limit: number,
    change: 'hold' | 'release',
  ): Promise<readonly FoundItem[]> {
    for (;;) {
      const changed = await this.#changeSome(about, { actor, reason }, limit, change)
      // Somebody else took all that were found: there may be more behind them.
      if (changed === null || changed.length > 0) return changed ?? []
    }
  }

  /** `null`: there is nothing to change. None: others were quicker. */
  async #changeSome(
    about: About,
    { actor, reason }: HoldOrder,
    limit: number,
    change: 'hold' | 'release',
  ): Promise<readonly FoundItem[] | null> {
    const isHold = change === 'hold'
    return await transact(this.#db, async trx => {
      const now = this.#now()
      const some = await itemsAbout(trx, await meantBy(trx, about))
        .select(['id', 'hold'])
        .where('hold', isHold ? 'is' : 'is not', null)
        .where('erasure', 'is', null)
        .orderBy('seq')
        .limit(limit)
        .execute()
      if (some.length === 0) return null
      const before = new Map(some.map(({ id, hold }) => [id, hold]))
      const rows = await trx
        .updateTable('items')
        .set({ hold: isHold ? reason : null, updated_at: now })
        .where('id', 'in', [...before.keys()])
        .where('hold', isHold ? 'is' : 'is not', null)
        // Of two who decide at once, the erasure that came first goes on.
        .where('erasure', 'is', null)
        .returningAll()
        .execute()
      for (const row of rows) {
        const held = isHold ? {} : { held: before.get(row.id) ?? null }
        const detail = { ...shownAs(about), callId: row.call_id, ...held }
        const action = isHold ? 'recording.held' : 'recording.released'
        await appendAudit(trx, { actor, action, subject: row.id, reason, detail }, now)
      }
      return rows.map(foundItem)
    })
  }
}

/**
 * The bridges of a shared database: who they are, where they stand, and when each was last heard of (by the database's clock). The work
 * of one that is gone is taken over, except for audio that lies on its disk; that is counted here.
 */
import { type Kysely, sql } from 'kysely'
import { databaseNow, lockEntrance, STEP_MS, transact } from './dialect.ts'
import type { Schema } from './schema.ts'
import type { Share } from './share.ts'
import { StoreOpenError } from './store-open-error.ts'

/** A bridge that is not heard of, and the recordings and voicemails that only it can send. */
export interface AbsentBridge {
  readonly bridge: string
  readonly site: string
  /** Epoch ms, by the database's clock. */
  readonly seenAt: number
  /** At most COUNTED_UP_TO. */
  readonly audio: number
}

/** Beyond it the number says "very many", and counting would cost. */
export const COUNTED_UP_TO = 10_000

export class Bridges {
  readonly #db: Kysely<Schema>
  readonly #share: Share

  constructor(db: Kysely<Schema>, share: Share) {
    this.#db = db
    this.#share = share
  }

  /** Enters this process as the bridge. Throws a StoreOpenError while a living bridge delivers elsewhere from this database. */
  async enter(databaseName: string): Promise<void> {
    const { bridge, site, owner, account } = this.#share
    const stranger = await transact(this.#db, async trx => {
      await lockEntrance(trx)
      const other = await trx
        .selectFrom('bridges')
        .select(['id', 'site', 'account'])
        .where('account', '<>', account)
        .where('id', '<>', bridge)
        .where('alive_until', '>', databaseNow)
        .executeTakeFirst()
      if (other !== undefined) return other
      await trx
        .insertInto('bridges')
        .values({ id: bridge, site, owner, account, ...this.#alive() })
        .onConflict(conflict => conflict.column('id').doUpdateSet({ site, owner, account, ...this.#alive() }))
        .execute()
      return null
    })
    if (stranger === null) return
    throw new StoreOpenError(
      'unusable',
      `${databaseName} belongs to bridges that deliver to ${stranger.account} (${stranger.id} of site ${stranger.site}), and this one delivers to ${account}: give each account a database of its own`,
    )
  }

  /**
   * When a sign of life is from a time to come, the database's clock was set back: leases and pauses would then hold for as long as it was
   * ahead. They end within one lease, which is what they would have held for at most. Answers whether it was so.
   */
  async noticeSetBack(): Promise<boolean> {
    const { leaseMs } = this.#share
    return await transact(this.#db, async trx => {
      const ahead = await trx
        .updateTable('bridges')
        .set(this.#alive())
        .where('seen_at', '>', sql<number>`${databaseNow} + ${sql.lit(STEP_MS)}`)
        .returning('id')
        .execute()
      if (ahead.length === 0) return false
      const leaseEnds = sql<number>`${databaseNow} + ${sql.lit(leaseMs)}`
      await trx
        .updateTable('jobs')
        .set({ lease_until: leaseEnds })
        .where('state', '=', 'running')
        .where('lease_until', '>', leaseEnds)
        .execute()
      return true
    })
  }

  /** A sign of life. False when another process has entered as this bridge since. */
  async renew(): Promise<boolean> {
    const { bridge, owner } = this.#share
    const [changed] = await this.#db
      .updateTable('bridges')
      .set(this.#alive())
      .where('id', '=', bridge)
      .where('owner', '=', owner)
      .execute()
    return changed?.numUpdatedRows === 1n
  }

  /** Bridges without a sign of life whose audio waits for them. */
  async absent(): Promise<readonly AbsentBridge[]> {
    const { bridge } = this.#share
    const counted = sql<number>`
      (select count(*) from (select 1 from jobs
        where jobs.origin = bridges.id and lane in ('media', 'archive', 'erasure') and state = 'pending' and head = 1 limit ${sql.lit(COUNTED_UP_TO)}) as queued)
      + (select count(*) from (select 1 from items
        where items.origin = bridges.id and state = 'waiting' limit ${sql.lit(COUNTED_UP_TO)}) as waiting)`
    const rows = await this.#db
      .selectFrom('bridges')
      .select(['id', 'site', 'seen_at', sql<number>`least(${sql.lit(COUNTED_UP_TO)}, ${counted})`.as('audio')])
      .where('id', '<>', bridge)
      .where('alive_until', '<', databaseNow)
      .orderBy('id')
      .execute()
    return rows.flatMap(row =>
      row.audio === 0 ? [] : [{ bridge: row.id, site: row.site, seenAt: row.seen_at, audio: row.audio }],
    )
  }

  #alive() {
    return { seen_at: databaseNow, alive_until: sql<number>`${databaseNow} + ${sql.lit(this.#share.leaseMs)}` }
  }
}

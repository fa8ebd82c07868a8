/**
 * Call detail records that a PBX posted or that were read from its files, each call once however often its records come (their merge is
 * the model's, events/cdr.ts). And how far its files have been read. Forgotten like the calls (prune.ts).
 */
import { type Kysely, sql, type Transaction } from 'kysely'
import { type Cdr, mergeCdrs } from '../../events/cdr.ts'
import { batches } from './batches.ts'
import { isShared, lockTurns, transact } from './dialect.ts'
import type { Schema } from './schema.ts'
import { readCdr } from './stored-json.ts'

export interface CdrPeriod {
  readonly since: number
  readonly until: number
}

/** How far a file of CDRs has been read. */
export interface CdrFileNote {
  /** Tells a file from another one of the same path: device and inode. */
  readonly identity: string
  readonly size: number
  readonly mtimeMs: number
  /** Bytes up to the end of the last whole line that was taken in. */
  readonly readTo: number
}

export interface CdrStoreOptions {
  readonly db: Kysely<Schema>
  /** Epoch ms. */
  readonly now: () => number
}

export class CdrStore {
  readonly #db: Kysely<Schema>
  readonly #now: () => number

  constructor({ db, now }: CdrStoreOptions) {
    this.#db = db
    this.#now = now
  }

  /** Stores records of calls of a site; what is known of a call is merged with what is new. Resolves after the commit. */
  async put(site: string, cdrs: readonly Cdr[]): Promise<void> {
    const now = this.#now()
    for (const some of batches(mergedById(cdrs))) {
      await transact(this.#db, async trx => {
        await lockTurns(
          trx,
          some.map(({ id }) => id),
        )
        const known = await this.#known(trx, some)
        const rows = some.map(cdr => {
          const before = known.get(cdr.id)
          const merged = before === undefined ? cdr : mergeCdrs(before, cdr)
          const { id, startedAt, endedAt } = merged
          return { id, site, started_at: startedAt, ended_at: endedAt, body: JSON.stringify(merged), stored_at: now }
        })
        await trx
          .insertInto('cdrs')
          .values(rows)
          .onConflict(conflict =>
            conflict.column('id').doUpdateSet(({ ref }) => ({
              started_at: ref('excluded.started_at'),
              ended_at: ref('excluded.ended_at'),
              body: ref('excluded.body'),
              stored_at: ref('excluded.stored_at'),
            })),
          )
          .execute()
      })
    }
  }

  async #known(trx: Transaction<Schema>, cdrs: readonly Cdr[]): Promise<ReadonlyMap<string, Cdr>> {
    const rows = await trx
      .selectFrom('cdrs')
      .select(['id', 'body'])
      .where(
        'id',
        'in',
        cdrs.map(({ id }) => id),
      )
      .execute()
    return new Map(rows.map(row => [row.id, readCdr(row.id, row.body)]))
  }

  /** How far this host has read the file; `null` when it has not begun to. */
  async fileNote(host: string, path: string): Promise<CdrFileNote | null> {
    const row = await this.#db
      .selectFrom('cdr_files')
      .selectAll()
      .where('host', '=', host)
      .where('path', '=', path)
      .executeTakeFirst()
    return row === undefined ? null : { identity: row.identity, size: row.size, mtimeMs: row.mtime_ms, readTo: row.read_to }
  }

  async noteFile(host: string, path: string, { identity, size, mtimeMs, readTo }: CdrFileNote): Promise<void> {
    const noted = { identity, size, mtime_ms: mtimeMs, read_to: readTo, noted_at: this.#now() }
    await this.#db
      .insertInto('cdr_files')
      .values({ host, path, ...noted })
      .onConflict(conflict => conflict.columns(['host', 'path']).doUpdateSet(noted))
      .execute()
  }

  /** For a site: the CDRs to reconcile against (reconciliation/facts.ts). */
  of(site: string): SiteCdrs {
    return new SiteCdrs(this.#db, site)
  }
}

export class SiteCdrs {
  readonly #db: Kysely<Schema>
  readonly #site: string

  constructor(db: Kysely<Schema>, site: string) {
    this.#db = db
    this.#site = site
  }

  async sliceEnd({ since, until }: CdrPeriod, count: number): Promise<number> {
    const row = await this.#between({ since, until })
      .select('started_at')
      .orderBy('started_at')
      .offset(count)
      .limit(1)
      .executeTakeFirst()
    return row === undefined ? until : Math.max(row.started_at, since + 1)
  }

  async cdrs(period: CdrPeriod): Promise<readonly Cdr[]> {
    const rows = await this.#between(period).select(['id', 'body']).orderBy('started_at').orderBy('id').execute()
    return rows.map(row => readCdr(row.id, row.body))
  }

  async covered(): Promise<CdrPeriod | null> {
    const ofSite = this.#db.selectFrom('cdrs').where('site', '=', this.#site).limit(1)
    const first = await ofSite.select('started_at').orderBy('started_at').executeTakeFirst()
    const last = await ofSite.select('ended_at').orderBy('ended_at', 'desc').executeTakeFirst()
    return first === undefined || last === undefined ? null : { since: first.started_at, until: last.ended_at }
  }

  #between({ since, until }: CdrPeriod) {
    return this.#db
      .selectFrom('cdrs')
      .where('site', '=', this.#site)
      .where('started_at', '>=', since)
      .where('started_at', '<', until)
  }
}

function mergedById(cdrs: readonly Cdr[]): readonly Cdr[] {
  const byId = new Map<string, Cdr>()
  for (const cdr of cdrs) {
    const before = byId.get(cdr.id)
    byId.set(cdr.id, before === undefined ? cdr : mergeCdrs(before, cdr))
  }
  return [...byId.values()]
}

/** Forgets records of calls that were over before `cutoff`, and of files that were not looked at since; at most `atOnce` of each. */
export const forgetCdrs = async (trx: Transaction<Schema>, cutoff: number, atOnce: number): Promise<void> => {
  const row = isShared(trx) ? sql`ctid` : sql`rowid`
  await sql`delete from cdrs where ${row} in
    (select ${row} from cdrs where ended_at < ${cutoff} order by ended_at limit ${sql.lit(atOnce)})`.execute(trx)
  await sql`delete from cdr_files where ${row} in
    (select ${row} from cdr_files where noted_at < ${cutoff} limit ${sql.lit(atOnce)})`.execute(trx)
}

/** The audio stage's memory: items, the source files they came from, and their delivery jobs. */
import type { Insertable, Kysely, Transaction } from 'kysely'
import type { CallId, CallSnapshot } from '../../events/event.ts'
import type { AudioItem, ItemState, RecordingId, RecordingItem } from '../../events/recording.ts'
import { planItem } from '../plan.ts'
import { appendAudit } from './audit.ts'
import { transact } from './dialect.ts'
import { setItemState } from './item-state.ts'
import { reviveJobs } from './job-changes.ts'
import { insertJobs } from './job-rows.ts'
import { addParties } from './parties.ts'
import type { ItemsTable, Schema } from './schema.ts'
import type { Share } from './share.ts'
import { readCall, readItem, readSnapshot } from './stored-json.ts'

interface SourceFile {
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
}

/** Whose audio in the archive a bridge can fetch: its own, or that of all that share the store. */
export type ArchiveReach = 'this-bridge' | 'all-bridges'

export interface Custody {
  readonly state: ItemState
  /** `null`: it is not in the archive, or not yet. */
  readonly archiveKey: string | null
  /** Why it must not be deleted; `null` when it may. */
  readonly hold: string | null
}

export interface ItemStoreOptions {
  readonly db: Kysely<Schema>
  /** Epoch ms. */
  readonly now: () => number
  /** Called after a commit that may have given the worker something to do. */
  readonly onJobs: () => void
  /** `null`: one bridge has the database to itself, or this is a tool. */
  readonly share: Share | null
  /** `null`: audio goes to Zendesk only. */
  readonly archive: ArchiveReach | null
}

/** Satisfies the audio stage's RecordingLedger (recordings/ledger.ts), which says what each method promises. */
export class ItemStore {
  readonly #db: Kysely<Schema>
  readonly #now: () => number
  readonly #onJobs: () => void
  readonly #share: Share | null
  readonly #lanes: readonly ('media' | 'archive')[]

  constructor(options: ItemStoreOptions) {
    this.#lanes = options.archive === null ? ['media'] : ['media', 'archive']
    this.#db = options.db
    this.#now = options.now
    this.#onJobs = options.onJobs
    this.#share = options.share
  }

  async isKnownFile(file: SourceFile): Promise<boolean> {
    let query = this.#db
      .selectFrom('source_files')
      .select('item_id')
      .where('path', '=', file.path)
      .where('size', '=', file.size)
      .where('mtime_ms', '=', file.mtimeMs)
    if (this.#share !== null) query = query.where('origin', '=', this.#share.bridge)
    const row = await query.executeTakeFirst()
    return row !== undefined
  }

  async add(item: AudioItem, file: SourceFile): Promise<'added' | 'known'> {
    const now = this.#now()
    const origin = this.#origin()
    return await transact(this.#db, async trx => {
      await trx
        .insertInto('source_files')
        .values({ path: file.path, size: file.size, mtime_ms: file.mtimeMs, item_id: item.id, ...origin })
        .onConflict(conflict => conflict.doNothing())
        .execute()
      const stored = await trx
        .insertInto('items')
        .values({ ...rowOf(item, now), ...origin })
        .onConflict(conflict => conflict.column('id').doNothing())
        .returning('id')
        .execute()
      if (stored.length === 0) return 'known'
      await addParties(trx, item)
      return 'added'
    })
  }

  async update(item: AudioItem): Promise<void> {
    const now = this.#now()
    await transact(this.#db, async trx => {
      if (await writeItem(trx, item, now)) await addParties(trx, item)
    })
  }

  async queue(item: AudioItem): Promise<void> {
    const now = this.#now()
    await transact(this.#db, async trx => {
      if (!(await writeItem(trx, item, now))) return
      await addParties(trx, item)
      for (const lane of this.#lanes) {
        const planned = planItem(item, lane)
        const job = await trx.selectFrom('jobs').selectAll().where('id', '=', planned.id).executeTakeFirst()
        if (job === undefined) await insertJobs(trx, [planned], now, this.#share?.bridge)
        else if (job.state === 'dead' || job.state === 'dropped') await reviveJobs(trx, [job], now)
      }
      // Queued a second time after the sinks have it: the item is what it was, delivered, and goes out no second time.
      await setItemState(trx, item.id, now)
    })
    this.#onJobs()
  }

  async refuse(item: RecordingItem): Promise<void> {
    const now = this.#now()
    const detail = { callId: item.callId, ...item.consent }
    const line = { actor: 'bridge', action: 'recording.refused', subject: item.id, reason: item.reason, detail }
    await transact(this.#db, async trx => {
      if (!(await writeItem(trx, item, now))) return
      await addParties(trx, item)
      await appendAudit(trx, line, now)
    })
  }

  async get(id: RecordingId): Promise<AudioItem | null> {
    const row = await this.#db.selectFrom('items').selectAll().where('id', '=', id).executeTakeFirst()
    return row === undefined ? null : readItem(row)
  }

  /** Where an item lies in the archive, and whether it must be kept there. */
  async custody(id: RecordingId): Promise<Custody | null> {
    const columns = ['state', 'archive_key', 'hold'] as const
    const row = await this.#db.selectFrom('items').select(columns).where('id', '=', id).executeTakeFirst()
    return row === undefined ? null : { state: row.state, archiveKey: row.archive_key, hold: row.hold }
  }

  /** In a shared database those of this bridge: what waits on the disk of another is that one's to work on. */
  async list(state: ItemState, limit: number): Promise<readonly AudioItem[]> {
    let query = this.#db.selectFrom('items').selectAll().where('state', '=', state)
    if (this.#share !== null) query = query.where('origin', '=', this.#share.bridge)
    const rows = await query.orderBy('seq').limit(limit).execute()
    return rows.map(readItem)
  }

  async callByKey(key: string): Promise<CallId | null> {
    const row = await this.#db.selectFrom('call_keys').select('call_id').where('key', '=', key).executeTakeFirst()
    return row?.call_id ?? null
  }

  async call(id: CallId): Promise<CallSnapshot | null> {
    const row = await this.#db.selectFrom('calls').select(['snapshot', 'state']).where('id', '=', id).executeTakeFirst()
    if (row === undefined || row.snapshot === null) return null
    // What was chosen since that event.
    const { consent } = readCall(id, row.state)
    return { ...readSnapshot(id, row.snapshot), ...(consent === undefined ? {} : { consent }) }
  }

  async callsAlive(query: {
    readonly from: number
    readonly to: number
    readonly limit: number
  }): Promise<readonly CallSnapshot[]> {
    const share = this.#share
    let calls = this.#db
      .selectFrom('calls')
      .select(['id', 'snapshot'])
      .where('started_at', '<=', query.to)
      .where(eb => eb.or([eb('ended_at', 'is', null), eb('ended_at', '>=', query.from)]))
    // Every site has an extension 1001: parties and times say nothing about the calls of another.
    if (share !== null) {
      calls = calls.where(eb =>
        eb.exists(
          eb
            .selectFrom('call_watchers')
            .innerJoin('bridges', 'bridges.id', 'call_watchers.bridge')
            .select('bridges.id')
            .whereRef('call_watchers.call_id', '=', 'calls.id')
            .where('bridges.site', '=', share.site),
        ),
      )
    }
    const rows = await calls.orderBy('started_at', 'desc').limit(query.limit).execute()
    return rows.flatMap(({ id, snapshot }) => (snapshot === null ? [] : [readSnapshot(id, snapshot)]))
  }

  #origin(): { readonly origin?: string } {
    return this.#share === null ? {} : { origin: this.#share.bridge }
  }
}

const rowOf = (item: AudioItem, now: number): Insertable<ItemsTable> => ({
  id: item.id,
  state: item.state,
  reason: item.reason,
  call_id: item.callId,
  body: JSON.stringify(item),
  updated_at: now,
})

/** False, and nothing is written, when the item is to be erased (erasures.ts): whoever still works on it comes too late. */
const writeItem = async (db: Kysely<Schema> | Transaction<Schema>, item: AudioItem, now: number): Promise<boolean> => {
  const row = rowOf(item, now)
  const [changed] = await db.updateTable('items').set(row).where('id', '=', item.id).where('erasure', 'is', null).execute()
  if (changed?.numUpdatedRows === 1n) return true
  const stored = await db.selectFrom('items').select('id').where('id', '=', item.id).executeTakeFirst()
  if (stored === undefined) throw new Error(`item ${item.id} is not stored: add it before it is changed`)
  return false
}

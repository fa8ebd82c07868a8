/**
 * Erasing recordings and voicemails for good, as jobs: what is asked for here is done by the erasure sink, wherever the audio went.
 *
 *   (no erasure) ── ask ──▶ asked ── finish ──▶ done
 *
 * 1 Asking is one transaction: the item is marked, its other deliveries are dropped, its erasure job is stored, the audit log has it.
 * 2 The mark is never taken back: whoever encodes or finds the item again changes nothing any more (items.ts).
 * 3 What is held (holds.ts) is not marked.
 * 4 `finish` forgets whatever is personal about the item, and tells the audit log, in one transaction.
 */
import { type ExpressionBuilder, type Kysely, sql, type Transaction } from 'kysely'
import type { RecordingId } from '../../events/recording.ts'
import { jobIdOf } from '../job.ts'
import { planItem } from '../plan.ts'
import { type About, type FoundItem, findAbout, foundItem, itemsAbout, meantBy, shownAs } from './about.ts'
import { appendAudit } from './audit.ts'
import { holding, isShared, transact } from './dialect.ts'
import { type ErasedPlace, type ErasureNote, readErasure, unfinished } from './erasure-note.ts'
import { forgetCaller, forgetItem, withoutPersons } from './forgetting.ts'
import { insertJobs } from './job-rows.ts'
import type { Schema } from './schema.ts'
import { readItem } from './stored-json.ts'

/** Who asks for an erasure, why, and how far it goes. */
export interface ErasureOrder {
  readonly actor: string
  readonly reason: string | null
  /** The PBX's own files stay. */
  readonly keepSources: boolean
}

/** A file in which the item was found. */
export interface SeenFile {
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
}

/** What there is to be erased, and what is known of where it is. */
export interface Errand {
  readonly keepSources: boolean
  /** By name; what is here is not done again. */
  readonly places: Readonly<Record<string, ErasedPlace>>
  /** Zendesk's id for it; `null`: none was noted, which proves nothing when `wasSent`. */
  readonly remoteId: string | null
  /** It was encoded, so a delivery to Zendesk may have begun. */
  readonly wasSent: boolean
  /** `null`: it did not come to lie in the archive. */
  readonly archiveKey: string | null
  /** Where this bridge has found it. */
  readonly files: readonly SeenFile[]
  /** Where other bridges have, on their disks. */
  readonly elsewhere: readonly { readonly bridge: string; readonly path: string }[]
}

export type Begun =
  | { readonly kind: 'ready'; readonly errand: Errand }
  /** A delivery of it is under way. */
  | { readonly kind: 'busy'; readonly reason: string }
  /** With what was left for a person to do. */
  | { readonly kind: 'done'; readonly byHand: readonly string[] }
  | { readonly kind: 'unasked' }

export interface ErasuresOptions {
  readonly db: Kysely<Schema>
  /** Epoch ms. */
  readonly now: () => number
  /** Called after a commit that may have given the worker something to do. */
  readonly onJobs: () => void
}

const deliveryLanes = ['media', 'archive'] as const

export class Erasures {
  readonly #db: Kysely<Schema>
  readonly #now: () => number
  readonly #onJobs: () => void

  constructor({ db, now, onJobs }: ErasuresOptions) {
    this.#db = db
    this.#now = now
    this.#onJobs = onJobs
  }

  /** What an erasure would be about, oldest first; `after` goes on after the last one (`seq`) of the page before. */
  async find(about: About, page: { readonly limit: number; readonly after?: number }): Promise<readonly FoundItem[]> {
    return await findAbout(this.#db, about, page)
  }

  /**
   * Has up to `limit` of them erased, in one transaction; answers which. Ask again until it answers none: those that are held, or
   * were asked for before, are passed over, unless the erasure that was asked for was given up since: then it begins anew.
   */
  async ask(about: About, order: ErasureOrder, limit: number): Promise<readonly FoundItem[]> {
    for (;;) {
      const { meant, asked } = await transact(this.#db, trx => this.#askOnce(trx, about, order, limit))
      if (asked.length > 0) this.#onJobs()
      // None of those that were meant: somebody else has just held them, or asked for them. There may be more behind them.
      if (asked.length > 0 || meant === 0) return asked
    }
  }

  async #askOnce(
    trx: Transaction<Schema>,
    about: About,
    order: ErasureOrder,
    limit: number,
  ): Promise<{ readonly meant: number; readonly asked: readonly FoundItem[] }> {
    const now = this.#now()
    const some = await itemsAbout(trx, await meantBy(trx, about))
      .select('id')
      .where('hold', 'is', null)
      .where(eb => eb.or([eb('erasure', 'is', null), eb.and([eb('erasure', 'like', unfinished), hasNoErasureJob(eb)])]))
      .orderBy('seq')
      .limit(limit)
      .execute()
    if (some.length === 0) return { meant: 0, asked: [] }
    const ids = some.map(({ id }) => id)
    // Asked once more: another process may have held, or queued, one of them meanwhile.
    const meant = trx.selectFrom('items').selectAll().where('id', 'in', ids).where('hold', 'is', null).orderBy('seq')
    const asked: FoundItem[] = []
    for (const row of await holding(trx, meant).execute()) {
      const before = row.erasure === null ? null : readErasure(row.erasure)
      if (before !== null && (before.doneAt !== null || !(await wasGivenUp(trx, row.id)))) continue
      const places = before?.keepSources === order.keepSources ? before.places : {}
      const note: ErasureNote = { ...order, askedAt: now, places, doneAt: null }
      const changed = { erasure: JSON.stringify(note), state: 'dropped', reason: erased(order.reason), updated_at: now } as const
      await trx.updateTable('items').set(changed).where('id', '=', row.id).execute()
      await dropDeliveries(trx, row.id, now)
      // One that was given up has a job, unless it was pruned since.
      await trx.deleteFrom('jobs').where('id', '=', jobIdOf(row.id, 'erasure')).execute()
      await insertJobs(trx, [planItem(readItem(row), 'erasure')], now, isShared(trx) ? row.origin : undefined)
      const again = before === null ? {} : { again: true }
      const detail = { ...shownAs(about), callId: row.call_id, keepSources: order.keepSources, ...again }
      const line = { actor: order.actor, action: 'recording.erasure-requested', subject: row.id, reason: order.reason, detail }
      await appendAudit(trx, line, now)
      asked.push(foundItem({ ...row, ...changed }))
    }
    if (asked.length > 0 && about.kind === 'number') await forgetCaller(trx, about.forms)
    return { meant: some.length, asked }
  }

  /** The beginning of each try: makes sure that nothing of the item is delivered any more, and says where it is. */
  async begin(id: RecordingId): Promise<Begun> {
    return await transact(this.#db, async trx => {
      const row = await trx.selectFrom('items').selectAll().where('id', '=', id).executeTakeFirst()
      if (row === undefined || row.erasure === null) return { kind: 'unasked' }
      const note = readErasure(row.erasure)
      if (note.doneAt !== null) return { kind: 'done', byHand: leftByHand(note) }
      // A delivery that was under way when it was asked for may have failed since, and wait for its next try.
      await dropDeliveries(trx, id, this.#now())
      const running = await trx
        .selectFrom('jobs')
        .select('id')
        .where('id', 'in', deliveriesOf(id))
        .where('state', '=', 'running')
        .execute()
      if (running.length > 0) return { kind: 'busy', reason: 'it is being delivered at this moment' }
      const origin = row.origin ?? ''
      const files = await seenFiles(trx, id)
      return {
        kind: 'ready',
        errand: {
          keepSources: note.keepSources,
          places: note.places,
          remoteId: row.remote_id,
          wasSent: row.remote_id !== null || readItem(row).encoded !== null,
          archiveKey: row.archive_key,
          files: files.filter(file => file.origin === origin).map(({ path, size, mtimeMs }) => ({ path, size, mtimeMs })),
          elsewhere: files.filter(file => file.origin !== origin).map(file => ({ bridge: file.origin, path: file.path })),
        },
      }
    })
  }

  /** One place has it no more, or no more than a person can mend. On disk when it resolves. */
  async note(id: RecordingId, place: string, erasedPlace: ErasedPlace): Promise<void> {
    await transact(this.#db, async trx => {
      const row = await trx.selectFrom('items').select('erasure').where('id', '=', id).executeTakeFirst()
      if (row === undefined || row.erasure === null) throw new Error(`nobody asked to have ${id} erased`)
      const note = readErasure(row.erasure)
      const places = { ...note.places, [place]: erasedPlace }
      await trx
        .updateTable('items')
        .set({ erasure: JSON.stringify({ ...note, places }) })
        .where('id', '=', id)
        .execute()
    })
  }

  /** Every place is done with: forgets what is personal about the item and tells the audit log. Repeated, it changes nothing. */
  async finish(id: RecordingId): Promise<void> {
    await transact(this.#db, async trx => {
      const now = this.#now()
      const row = await trx.selectFrom('items').selectAll().where('id', '=', id).executeTakeFirst()
      if (row === undefined || row.erasure === null) throw new Error(`nobody asked to have ${id} erased`)
      const note = readErasure(row.erasure)
      if (note.doneAt !== null) return
      const done: ErasureNote = { ...note, doneAt: now }
      await trx
        .updateTable('items')
        .set({ erasure: JSON.stringify(done), body: JSON.stringify(withoutPersons(readItem(row))), updated_at: now })
        .where('id', '=', id)
        .execute()
      await forgetItem(trx, id, note)
      const detail = {
        callId: row.call_id,
        places: Object.fromEntries(Object.entries(note.places).map(([name, { told }]) => [name, told])),
      }
      const { actor, reason } = note
      await appendAudit(
        trx,
        { actor, action: 'recording.erased', subject: id, reason, detail, once: `recording.erased ${id}` },
        now,
      )
    })
  }
}

const erased = (reason: string | null): string => (reason === null ? 'erased' : `erased: ${reason}`)

const deliveriesOf = (id: RecordingId) => deliveryLanes.map(lane => jobIdOf(id, lane))

const dropDeliveries = async (trx: Transaction<Schema>, id: RecordingId, now: number): Promise<void> => {
  await trx
    .updateTable('jobs')
    .set({ state: 'dropped', head: 0, reason: 'erased', updated_at: now })
    .where('id', 'in', deliveriesOf(id))
    .where('state', 'in', ['pending', 'dead'])
    .execute()
}

// Of the item in question, in a query of items.
const hasNoErasureJob = (eb: ExpressionBuilder<Schema, 'items'>) =>
  eb.not(
    eb.exists(
      eb
        .selectFrom('jobs')
        .select('jobs.seq')
        .where(sql<boolean>`jobs.id = items.id || '.erasure'`)
        .where('jobs.state', '<>', 'dropped'),
    ),
  )

const wasGivenUp = async (trx: Transaction<Schema>, id: RecordingId): Promise<boolean> => {
  const named = trx.selectFrom('jobs').select('state').where('id', '=', jobIdOf(id, 'erasure'))
  const job = await holding(trx, named).executeTakeFirst()
  return job === undefined || job.state === 'dropped'
}

const leftByHand = (note: ErasureNote): readonly string[] =>
  Object.values(note.places).flatMap(({ byHand }) => (byHand === null ? [] : [byHand]))

const seenFiles = async (
  trx: Transaction<Schema>,
  id: RecordingId,
): Promise<readonly (SeenFile & { readonly origin: string })[]> => {
  const files = trx.selectFrom('source_files').where('item_id', '=', id)
  const rows = isShared(trx)
    ? await files.select(['path', 'size', 'mtime_ms', 'origin']).execute()
    : await files.select(['path', 'size', 'mtime_ms', sql<string>`''`.as('origin')]).execute()
  return rows.map(({ path, size, mtime_ms: mtimeMs, origin }) => ({ path, size, mtimeMs, origin }))
}

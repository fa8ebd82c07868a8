/**
 * What reconciliation reads (reconciliation/facts.ts): whole periods and whole backlogs, but in pages that an index gives in order. In a
 * shared database only of the calls and bridges of one site: each site has a PBX, and records, of its own.
 */
import { type Kysely, sql } from 'kysely'
import type { CallId, CallSnapshot } from '../../events/event.ts'
import type { AudioItem, RecordingItem } from '../../events/recording.ts'
import { type JobId, type Lane, lanes, sinkOf } from '../job.ts'
import { batches } from './batches.ts'
import { isShared } from './dialect.ts'
import type { Schema } from './schema.ts'
import { readItem, readSnapshot } from './stored-json.ts'

interface Period {
  readonly since: number
  readonly until: number
}

/** A job that is not done with. */
export interface OpenJob {
  readonly seq: number
  readonly id: JobId
  readonly kind: string
  readonly lane: Lane
  readonly callId: CallId | null
  readonly state: 'pending' | 'running' | 'dead'
  readonly createdAt: number
  readonly updatedAt: number
  readonly runAt: number
  readonly attempts: number
  readonly reason: string | null
  readonly isHead: boolean
}

const pageSize = 1_000
/** Deliveries at the edge of a backlog that are looked at to see whether it moves: more than are under way at a time. */
const neighbours = 500

export class ReconciliationViews {
  readonly #db: Kysely<Schema>
  readonly #site: string

  /** `site` counts only where the database is shared. */
  constructor(db: Kysely<Schema>, site: string) {
    this.#db = db
    this.#site = site
  }

  async sliceEnd({ since, until }: Period, count: number): Promise<number> {
    const row = await this.#db
      .selectFrom('calls')
      .select('started_at')
      .where('started_at', '>=', since)
      .where('started_at', '<', until)
      .orderBy('started_at')
      .offset(count)
      .limit(1)
      .executeTakeFirst()
    return row === undefined || row.started_at === null ? until : Math.max(row.started_at, since + 1)
  }

  async calls({ since, until }: Period): Promise<readonly { readonly call: CallSnapshot; readonly ended: boolean }[]> {
    let query = this.#db
      .selectFrom('calls')
      .select(['id', 'snapshot', 'ended'])
      .where('started_at', '>=', since)
      .where('started_at', '<', until)
    if (isShared(this.#db)) query = query.where(this.#isOfSite(sql`calls.id`))
    const rows = await query.orderBy('started_at').orderBy('id').execute()
    return rows.flatMap(({ id, snapshot, ended }) =>
      snapshot === null ? [] : [{ call: readSnapshot(id, snapshot), ended: ended === 1 }],
    )
  }

  async recordingsOf(calls: readonly CallId[]): Promise<readonly RecordingItem[]> {
    const recordings: RecordingItem[] = []
    for (const some of batches(calls)) {
      const rows = await this.#db
        .selectFrom('items')
        .select(['id', 'state', 'reason', 'hold', 'body'])
        .where('call_id', 'in', some)
        .execute()
      for (const item of rows.map(readItem)) if (item.kind === 'recording') recordings.push(item)
    }
    return recordings
  }

  async endsOf(calls: readonly CallId[]): Promise<ReadonlyMap<CallId, number | null>> {
    const ends = new Map<CallId, number | null>()
    for (const some of batches([...new Set(calls)])) {
      const rows = await this.#db.selectFrom('calls').select(['id', 'ended', 'ended_at']).where('id', 'in', some).execute()
      // One that ended without a word of when did so at any time.
      for (const { id, ended, ended_at } of rows) ends.set(id, ended === 1 ? (ended_at ?? 0) : ended_at)
    }
    return ends
  }

  async callIdsByKeys(keys: readonly string[]): Promise<ReadonlyMap<string, CallId>> {
    const found = new Map<string, CallId>()
    for (const some of batches([...new Set(keys)])) {
      const rows = await this.#db.selectFrom('call_keys').selectAll().where('key', 'in', some).execute()
      for (const { key, call_id } of rows) found.set(key, call_id)
    }
    return found
  }

  async openDeliveries(state: OpenJob['state'], after: number, limit: number): Promise<readonly OpenJob[]> {
    let query = this.#db.selectFrom('jobs').selectAll().where('state', '=', state).where('seq', '>', after)
    if (isShared(this.#db)) {
      const lies = this.#liesAtSite(sql`jobs.origin`)
      query = query.where(
        sql<boolean>`((order_key is not null and ${this.#isOfSite(sql`order_key`)}) or (order_key is null and ${lies}))`,
      )
    }
    const rows = await query.orderBy('seq').limit(limit).execute()
    return rows.map(row => ({
      seq: row.seq,
      id: row.id,
      kind: row.kind,
      lane: row.lane,
      callId: row.order_key,
      state,
      createdAt: row.created_at,
      updatedAt: row.updated_at,
      runAt: row.run_at,
      attempts: row.attempts,
      reason: row.reason,
      isHead: row.head === 1,
    }))
  }

  async lastDeliveryAround(lane: string, first: number, last: number): Promise<number | null> {
    const delivered = this.#db
      .selectFrom('jobs')
      .select(['lane', 'updated_at'])
      .where('state', '=', 'delivered')
      .limit(neighbours)
    const rows = [
      ...(await delivered.where('seq', '<', first).orderBy('seq', 'desc').execute()),
      ...(await delivered.where('seq', '>', last).orderBy('seq').execute()),
    ].filter(row => row.lane === lane)
    return rows.length === 0 ? null : Math.max(...rows.map(row => row.updated_at))
  }

  async unfinishedItems(
    state: 'waiting' | 'quarantined',
    after: number,
    limit: number,
  ): Promise<readonly { readonly seq: number; readonly item: AudioItem }[]> {
    let query = this.#db
      .selectFrom('items')
      .select(['seq', 'id', 'state', 'reason', 'hold', 'body'])
      .where('state', '=', state)
      .where('seq', '>', after)
    if (isShared(this.#db)) query = query.where(this.#liesAtSite(sql`items.origin`))
    const rows = await query.orderBy('seq').limit(limit).execute()
    return rows.map(row => ({ seq: row.seq, item: readItem(row) }))
  }

  async *itemsWithoutCall(since: number): AsyncGenerator<readonly AudioItem[]> {
    for (const state of ['queued', 'delivered', 'dropped'] as const) {
      let before = Number.MAX_SAFE_INTEGER
      for (;;) {
        let query = this.#db
          .selectFrom('items')
          // Most have a call: what is not wanted of them is not read.
          .select([
            'seq',
            'id',
            'state',
            'reason',
            'hold',
            'updated_at',
            sql<string | null>`case when call_id is null then body end`.as('body'),
          ])
          .where('state', '=', state)
          .where('seq', '<', before)
        if (isShared(this.#db)) query = query.where(this.#liesAtSite(sql`items.origin`))
        const rows = await query.orderBy('seq', 'desc').limit(pageSize).execute()
        yield rows.flatMap(({ body, ...row }) => (body === null || row.updated_at < since ? [] : [readItem({ ...row, body })]))
        const last = rows.at(-1)
        if (last === undefined || rows.length < pageSize || rows.every(row => row.updated_at < since)) break
        before = last.seq
      }
    }
  }

  /** By lane: who paused it, since when, and why. */
  async pauses(): Promise<ReadonlyMap<string, string>> {
    const paused = await this.#db.selectFrom('paused_sinks').selectAll().execute()
    return new Map(
      lanes.flatMap(lane => {
        const pause = paused.find(({ sink }) => sink === sinkOf(lane))
        if (pause === undefined) return []
        return [[lane, `by ${pause.actor} since ${new Date(pause.since).toISOString()}: ${pause.reason}`] as const]
      }),
    )
  }

  #isOfSite(call: ReturnType<typeof sql>) {
    return sql<boolean>`exists (select 1 from call_watchers join bridges on bridges.id = call_watchers.bridge
      where call_watchers.call_id = ${call} and bridges.site = ${this.#site})`
  }

  #liesAtSite(origin: ReturnType<typeof sql>) {
    return sql<boolean>`(${origin} = '' or ${origin} in (select id from bridges where site = ${this.#site}))`
  }
}

/** The job queue: what the worker claims and settles. */
import { type Kysely, sql, type Transaction } from 'kysely'
import type { EventId } from '../../events/event.ts'
import type { RecordingId } from '../../events/recording.ts'
import type { Lane } from '../job.ts'
import type { ClaimedJob, JobPayload, JobQueue, Settled } from '../job-queue.ts'
import { databaseNow, passingOverClaimed, transact } from './dialect.ts'
import { columnsAfter, type JobRow } from './job-rows.ts'
import type { Schema } from './schema.ts'
import { DamagedRowError, readEvent, readItem } from './stored-json.ts'
import { giveTurns } from './turns.ts'

/** How a bridge holds what it claims from a shared database. */
export interface Lease {
  /** Of this process and no other. */
  readonly owner: string
  /** Without a sign of life for this long, its jobs are anybody's. */
  readonly ms: number
}

export interface JobStoreOptions {
  readonly db: Kysely<Schema>
  /** Epoch ms. */
  readonly now: () => number
  /** `null`: one bridge has the database to itself. */
  readonly lease?: Lease | null
}

export class JobStore implements JobQueue {
  readonly #db: Kysely<Schema>
  readonly #now: () => number
  readonly #lease: Lease | null
  /** Of a claim of an odd number, every other one takes one more of the newest. */
  #newestIsNext = false

  constructor(options: JobStoreOptions) {
    this.#db = options.db
    this.#now = options.now
    this.#lease = options.lease ?? null
  }

  /** Says that this bridge is alive: what it delivers stays its own for another lease. */
  async renewLease(): Promise<void> {
    if (this.#lease === null) return
    const { owner, ms } = this.#lease
    await this.#db
      .updateTable('jobs')
      .set({ lease_until: leaseFor(ms) })
      .where('owner', '=', owner)
      .where('state', '=', 'running')
      .execute()
  }

  async recover(): Promise<number> {
    const now = this.#now()
    const lease = this.#lease
    return await transact(this.#db, async trx => {
      const rows = await trx
        .updateTable('jobs')
        .set(eb => ({ state: 'pending', head: eb.case().when('order_key', 'is', null).then(1).else(0).end(), updated_at: now }))
        .where('state', '=', 'running')
        .$if(lease !== null, query => query.where('lease_until', '<', databaseNow))
        .returning('order_key')
        .execute()
      await giveTurns(
        trx,
        rows.map(row => row.order_key),
      )
      return rows.length
    })
  }

  async claim(lane: Lane, limit: number): Promise<readonly ClaimedJob[]> {
    const now = this.#now()
    const newest = this.#newestOf(limit)
    return await transact(this.#db, async trx => {
      const due = await this.#dueFromBothEnds(trx, lane, { oldest: limit - newest, newest, now })
      if (due.length === 0) return []
      const rows = await trx
        .updateTable('jobs')
        .set({ state: 'running', updated_at: now, ...this.#claimed() })
        .where('seq', 'in', due)
        .returningAll()
        .execute()
      rows.sort((a, b) => a.run_at - b.run_at || a.seq - b.seq)
      return await withPayloads(trx, rows)
    })
  }

  async settle(settled: readonly Settled[]): Promise<void> {
    if (settled.length === 0) return
    const now = this.#now()
    await transact(this.#db, async trx => {
      for (const { job, verdict } of settled) {
        const [changed] = await trx
          .updateTable('jobs')
          .set({ ...columnsAfter(verdict, job, now), owner: null, lease_until: null })
          .where('id', '=', job.id)
          .where('state', '=', 'running')
          .$if(this.#lease !== null, query => query.where('owner', '=', this.#lease?.owner ?? ''))
          .execute()
        // Another bridge has taken it over: the verdict is that one's to give.
        if (changed?.numUpdatedRows === 0n) continue
        if (verdict.kind === 'delivered' && job.payload.kind === 'item') {
          const { id } = job.payload.item
          await trx.updateTable('items').set({ state: 'delivered', reason: null, updated_at: now }).where('id', '=', id).execute()
        }
      }
      await giveTurns(
        trx,
        settled.map(({ job }) => job.orderKey),
      )
    })
  }

  async nextRunAt(lane: Lane): Promise<number | null> {
    const row = await this.#due(this.#db, lane).select('run_at').orderBy('run_at').limit(1).executeTakeFirst()
    return row?.run_at ?? null
  }

  #newestOf(limit: number): number {
    if (limit % 2 === 1) this.#newestIsNext = !this.#newestIsNext
    return Math.floor(limit / 2) + (limit % 2 === 1 && !this.#newestIsNext ? 1 : 0)
  }

  /**
   * What has been due longest, so that a backlog goes down, and what fell due last, so that a call of this minute does not wait
   * behind all of yesterday's. Both ends of one index: the cost does not grow with what lies between.
   */
  async #dueFromBothEnds(
    trx: Transaction<Schema>,
    lane: Lane,
    { oldest, newest, now }: { readonly oldest: number; readonly newest: number; readonly now: number },
  ): Promise<readonly number[]> {
    const due = this.#due(trx, lane).select('seq').where('run_at', '<=', now)
    const first = await passingOverClaimed(trx, due.orderBy('run_at').orderBy('seq').limit(oldest)).execute()
    const chosen = first.map(row => row.seq)
    if (newest === 0 || chosen.length < oldest) return chosen
    const others = chosen.length === 0 ? due : due.where('seq', 'not in', chosen)
    const last = await passingOverClaimed(trx, others.orderBy('run_at', 'desc').orderBy('seq', 'desc').limit(newest)).execute()
    return [...chosen, ...last.map(row => row.seq)]
  }

  #claimed() {
    return this.#lease === null ? {} : { owner: this.#lease.owner, lease_until: leaseFor(this.#lease.ms) }
  }

  // The two conditions are spelled out, not bound: the planner then sees that the index jobs_due covers them.
  #due(db: Kysely<Schema>, lane: Lane) {
    return db
      .selectFrom('jobs')
      .where('lane', '=', lane)
      .where(eb => eb('state', '=', sql.lit('pending' as const)))
      .where(eb => eb('head', '=', eb.lit(1)))
  }
}

const leaseFor = (ms: number) => sql<number>`${databaseNow} + ${sql.lit(ms)}`

// plan.ts: a job's id is the id of what it delivers.
const recordingIdOf = (job: JobRow): RecordingId => job.id as string as RecordingId
const eventIdOf = (job: JobRow): EventId => job.id as string as EventId

const withPayloads = async (trx: Transaction<Schema>, rows: readonly JobRow[]): Promise<readonly ClaimedJob[]> => {
  const payloads = new Map<string, JobPayload>()
  const events = rows.filter(row => row.kind === 'event').map(eventIdOf)
  if (events.length > 0) {
    for (const { id, body } of await trx.selectFrom('events').select(['id', 'body']).where('id', 'in', events).execute()) {
      payloads.set(
        id,
        readable(() => ({ kind: 'event', event: readEvent(id, body) })),
      )
    }
  }
  const items = rows.filter(row => row.kind !== 'event').map(recordingIdOf)
  if (items.length > 0) {
    for (const row of await trx.selectFrom('items').selectAll().where('id', 'in', items).execute()) {
      payloads.set(
        row.id,
        readable(() => ({ kind: 'item', item: readItem(row) })),
      )
    }
  }
  const missing: JobPayload = { kind: 'unreadable', reason: 'what this job delivers is no longer in the database' }
  return rows.map(row => ({
    id: row.id,
    kind: row.kind,
    lane: row.lane,
    orderKey: row.order_key,
    orderNo: row.order_no,
    createdAt: row.created_at,
    dueSince: row.due_since,
    attempts: row.attempts,
    payload: payloads.get(row.id) ?? missing,
  }))
}

// One damaged row must not keep the others of its batch from being delivered.
const readable = (read: () => JobPayload): JobPayload => {
  try {
    return read()
  } catch (error) {
    if (error instanceof DamagedRowError) return { kind: 'unreadable', reason: error.message }
    throw error
  }
}

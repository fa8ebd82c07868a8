/** The job queue: what the worker claims and settles. */
import { type Kysely, sql, type Transaction } from 'kysely'
import type { EventId } from '../../events/event.ts'
import type { RecordingId } from '../../events/recording.ts'
import { type JobId, jobIdOf, type Lane, subjectOf } from '../job.ts'
import type { ClaimedJob, JobPayload, JobQueue, Settled } from '../job-queue.ts'
import { databaseNow, passingOverClaimed, transact } from './dialect.ts'
import { makeDue } from './due-now.ts'
import { setItemState } from './item-state.ts'
import type { ArchiveReach } from './items.ts'
import { columnsAfter, type JobRow, notAfter } from './job-rows.ts'
import type { Schema } from './schema.ts'
import type { Share } from './share.ts'
import { DamagedRowError, readEvent, readItem } from './stored-json.ts'
import { giveTurns } from './turns.ts'

export interface JobStoreOptions {
  readonly db: Kysely<Schema>
  /** Epoch ms. */
  readonly now: () => number
  /** `null`: one bridge has the database to itself, or this is a tool. */
  readonly share: Share | null
  readonly archive: ArchiveReach | null
}

/** Clocks of bridges that share a database may differ by this much, and by less than this nothing waits too long. */
const CLOCK_TOLERANCE_MS = 60_000

export class JobStore implements JobQueue {
  readonly #db: Kysely<Schema>
  readonly #now: () => number
  readonly #share: Share | null
  readonly #archive: ArchiveReach | null
  /** What was claimed from a shared database and is not settled: at most the worker's slots. */
  readonly #held = new Set<JobId>()
  /** Of a claim of an odd number, every other one takes one more of the newest. */
  #newestIsNext = false

  constructor(options: JobStoreOptions) {
    this.#db = options.db
    this.#now = options.now
    this.#share = options.share
    this.#archive = options.archive
  }

  /**
   * Says that this bridge is alive: what it delivers stays its own for another lease. Only what it knows of: when the connection was
   * lost in the moment of a claim, the database may hold jobs to be ours that nobody delivers.
   */
  async renewLease(): Promise<void> {
    if (this.#share === null || this.#held.size === 0) return
    const { owner, leaseMs } = this.#share
    await this.#db
      .updateTable('jobs')
      .set({ lease_until: leaseFor(leaseMs) })
      .where('id', 'in', [...this.#held])
      .where('owner', '=', owner)
      .where('state', '=', 'running')
      .execute()
  }

  async recover(lanes: readonly Lane[]): Promise<number> {
    const now = this.#now()
    const share = this.#share
    return await transact(this.#db, async trx => {
      const rows = await trx
        .updateTable('jobs')
        .set(eb => ({
          state: 'pending',
          head: eb.case().when('order_key', 'is', null).then(1).else(0).end(),
          run_at: notAfter(now),
          updated_at: now,
        }))
        .where('state', '=', 'running')
        .where('lane', 'in', lanes)
        // A lease that is over, or the last process of this very bridge: that one is dead, since we have its data_dir.
        .$if(share !== null, query =>
          query.where(eb =>
            eb.or([
              eb('lease_until', '<', databaseNow),
              eb.and([eb('owner', 'like', `${share?.bridge}/%`), eb('owner', '<>', share?.owner ?? '')]),
            ]),
          ),
        )
        .returning('order_key')
        .execute()
      await giveTurns(
        trx,
        rows.map(row => row.order_key),
      )
      return rows.length
    })
  }

  async makeDue(lanes: readonly Lane[]): Promise<number> {
    return await makeDue(this.#db, { lanes, now: this.#now(), setAfter: null })
  }

  async claim(lane: Lane, limit: number): Promise<readonly ClaimedJob[]> {
    const now = this.#now()
    const newest = this.#newestOf(limit)
    const claimed = await transact(this.#db, async trx => {
      const due: number[] = []
      for (const of of this.#origins(lane)) {
        const most = { oldest: Math.max(0, limit - newest - due.length), newest, now }
        due.push(...(await this.#dueFromBothEnds(trx, lane, of, most)).slice(0, limit - due.length))
      }
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
    if (this.#share !== null) for (const { id } of claimed) this.#held.add(id)
    return claimed
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
          .$if(this.#share !== null, query => query.where('owner', '=', this.#share?.owner ?? ''))
          .execute()
        // Another bridge has taken it over: the verdict is that one's to give.
        if (changed?.numUpdatedRows === 0n) continue
        if (verdict.kind === 'delivered' && job.payload.kind === 'item')
          await this.#delivered(trx, job.lane, job.payload.item.id, verdict.remoteId, now)
      }
      await giveTurns(
        trx,
        settled.map(({ job }) => job.orderKey),
      )
    })
    for (const { job } of settled) this.#held.delete(job.id)
  }

  async nextRunAt(lane: Lane): Promise<number | null> {
    const now = this.#now()
    let next: number | null = null
    for (const of of this.#origins(lane)) {
      const due = this.#due(this.#db, lane, of).select(['run_at', 'due_since', 'updated_at'])
      const row = await due.orderBy('run_at').limit(1).executeTakeFirst()
      if (row === undefined) continue
      const runAt = row.run_at > now && (await this.#dueByAnotherClock(lane, row, now)) ? now : row.run_at
      next = Math.min(next ?? runAt, runAt)
    }
    return next
  }

  /** Whether a job was given its time by a clock that was set back since; then whatever was is due now. */
  async #dueByAnotherClock(lane: Lane, job: Pick<JobRow, 'due_since' | 'updated_at'>, now: number): Promise<boolean> {
    if (Math.max(job.due_since, job.updated_at) <= now + CLOCK_TOLERANCE_MS) return false
    await makeDue(this.#db, { lanes: [lane], now, setAfter: now + CLOCK_TOLERANCE_MS })
    return true
  }

  /** What follows for the item when one of its sinks has it. */
  async #delivered(trx: Transaction<Schema>, lane: Lane, id: RecordingId, remoteId: string | null, now: number): Promise<void> {
    if (lane === 'erasure') return
    const where = lane === 'media' ? { remote_id: remoteId } : { archive_key: remoteId }
    await trx.updateTable('items').set(where).where('id', '=', id).execute()
    // From now on any bridge can fetch it, so any may deliver it.
    if (lane === 'archive' && this.#archive === 'all-bridges' && this.#share !== null)
      await trx.updateTable('jobs').set({ origin: '' }).where('id', '=', jobIdOf(id, 'media')).execute()
    await setItemState(trx, id, now)
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
    of: Origin,
    { oldest, newest, now }: { readonly oldest: number; readonly newest: number; readonly now: number },
  ): Promise<readonly number[]> {
    const due = this.#due(trx, lane, of).select('seq').where('run_at', '<=', now)
    const first = await passingOverClaimed(trx, due.orderBy('run_at').orderBy('seq').limit(oldest)).execute()
    const chosen = first.map(row => row.seq)
    if (newest === 0 || chosen.length < oldest) return chosen
    const others = chosen.length === 0 ? due : due.where('seq', 'not in', chosen)
    const last = await passingOverClaimed(trx, others.orderBy('run_at', 'desc').orderBy('seq', 'desc').limit(newest)).execute()
    return [...chosen, ...last.map(row => row.seq)]
  }

  #claimed() {
    return this.#share === null ? {} : { owner: this.#share.owner, lease_until: leaseFor(this.#share.leaseMs) }
  }

  // One query each, because each reads one stretch of an index.
  #origins(lane: Lane): readonly Origin[] {
    return this.#share === null || lane === 'event' ? ['any'] : [this.#share, 'nobody']
  }

  // The two conditions are spelled out, not bound: the planner then sees that the index jobs_due covers them.
  #due(db: Kysely<Schema>, lane: Lane, of: Origin) {
    const due = db
      .selectFrom('jobs')
      .where('lane', '=', sql.lit(lane))
      .where(eb => eb('state', '=', sql.lit('pending' as const)))
      .where(eb => eb('head', '=', eb.lit(1)))
    if (of === 'any') return due
    return due.where('origin', '=', of === 'nobody' ? '' : of.bridge)
  }
}

/** Whose media: this bridge's own, those that any bridge can reach, or all there are. */
type Origin = Pick<Share, 'bridge'> | 'nobody' | 'any'

const leaseFor = (ms: number) => sql<number>`${databaseNow} + ${sql.lit(ms)}`

// By its kind (plan.ts).
const recordingIdOf = (job: JobRow): RecordingId => subjectOf(job) as RecordingId
const eventIdOf = (job: JobRow): EventId => subjectOf(job) as EventId

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
    payload: payloads.get(subjectOf(row)) ?? missing,
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

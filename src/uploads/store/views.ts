/** What operators, the admin API and the command line look at. Reads only; every list is bounded by its `limit`. */
import { type Kysely, sql } from 'kysely'
import type { Call } from '../../events/call.ts'
import type { CallEvent, CallId, CallSnapshot, EventId } from '../../events/event.ts'
import type { AudioItem } from '../../events/recording.ts'
import type { Job, JobId, JobState, Lane } from '../job.ts'
import { jobOf } from './job-rows.ts'
import type { Schema } from './schema.ts'
import { readCall, readEvent, readItem, readSnapshot } from './stored-json.ts'

export interface CallView {
  readonly call: CallSnapshot
  /** No further change is expected. */
  readonly ended: boolean
  /** Its events and recordings that are pending or running, and those that are dead. */
  readonly undelivered: number
  readonly dead: number
}

export interface CallDetails extends CallView {
  /** The tracker's state. */
  readonly state: Call
  /** In sequence, each with the job that delivers it; `null` once that job was pruned. */
  readonly events: readonly { readonly event: CallEvent; readonly storedAt: number; readonly job: Job | null }[]
  readonly items: readonly { readonly item: AudioItem; readonly job: Job | null }[]
}

/** Jobs that are not done with, by lane. Costs the same however many were ever delivered. */
export interface Backlog {
  readonly pending: Readonly<Record<Lane, number>>
  readonly running: Readonly<Record<Lane, number>>
  readonly dead: Readonly<Record<Lane, number>>
  /** When the oldest pending job was created, epoch ms. */
  readonly oldestPendingAt: number | null
}

export class StoreViews {
  readonly #db: Kysely<Schema>

  constructor(db: Kysely<Schema>) {
    this.#db = db
  }

  /** Newest first; `before` goes on after the last call of the page before. An unknown `before` gives an empty page. */
  async listCalls(page: { readonly limit: number; readonly before?: CallId }): Promise<readonly CallView[]> {
    let query = this.#db.selectFrom('calls').selectAll().where('started_at', 'is not', null)
    if (page.before !== undefined) {
      const { before } = page
      query = query.where(eb =>
        eb(
          eb.refTuple('started_at', 'id'),
          '<',
          eb.selectFrom('calls').select(['started_at', 'id']).where('id', '=', before).$asTuple('started_at', 'id'),
        ),
      )
    }
    const rows = await query.orderBy('started_at', 'desc').orderBy('id', 'desc').limit(page.limit).execute()
    const open = await this.#openJobsOf(rows.map(row => row.id))
    return rows.flatMap(row =>
      row.snapshot === null ? [] : [{ call: readSnapshot(row.id, row.snapshot), ended: row.ended === 1, ...open(row.id) }],
    )
  }

  /** One call with its state, events, items and jobs; `null` when it is not stored or has had no event. */
  async getCall(id: CallId): Promise<CallDetails | null> {
    const row = await this.#db.selectFrom('calls').selectAll().where('id', '=', id).executeTakeFirst()
    if (row === undefined || row.snapshot === null) return null
    const events = await this.#db.selectFrom('events').selectAll().where('call_id', '=', id).orderBy('seq').execute()
    const items = await this.#db.selectFrom('items').selectAll().where('call_id', '=', id).orderBy('seq').execute()
    const jobs = await this.#jobsById([...events.map(event => event.id), ...items.map(item => item.id)])
    const open = await this.#openJobsOf([id])
    return {
      call: readSnapshot(id, row.snapshot),
      state: readCall(id, row.state),
      ended: row.ended === 1,
      ...open(id),
      events: events.map(event => ({
        event: readEvent(event.id, event.body),
        storedAt: event.stored_at,
        job: jobs.get(event.id) ?? null,
      })),
      items: items.map(item => ({ item: readItem(item), job: jobs.get(item.id) ?? null })),
    }
  }

  /** Events in the order of storage, after the one named or from the oldest; `null` when that one is not stored (any more). */
  async eventsAfter(after: EventId | null, limit: number): Promise<readonly CallEvent[] | null> {
    let query = this.#db.selectFrom('events').select(['id', 'body'])
    if (after !== null) {
      const from = await this.#db.selectFrom('events').select('seq').where('id', '=', after).executeTakeFirst()
      if (from === undefined) return null
      query = query.where('seq', '>', from.seq)
    }
    const rows = await query.orderBy('seq').limit(limit).execute()
    return rows.map(row => readEvent(row.id, row.body))
  }

  /** The event that was stored last: where a live feed begins. */
  async lastEventId(): Promise<EventId | null> {
    const row = await this.#db.selectFrom('events').select('id').orderBy('seq', 'desc').limit(1).executeTakeFirst()
    return row?.id ?? null
  }

  /** Newest first; `before` goes on after the last job of the page before. An unknown `before` gives an empty page. */
  async listJobs(page: {
    readonly limit: number
    readonly state?: JobState['kind']
    readonly lane?: Lane
    readonly before?: JobId
  }): Promise<readonly Job[]> {
    const { state, lane, before } = page
    let query = this.#db.selectFrom('jobs').selectAll()
    if (state !== undefined) query = query.where('state', '=', state)
    if (lane !== undefined) query = query.where('lane', '=', lane)
    if (before !== undefined) query = query.where('seq', '<', eb => eb.selectFrom('jobs').select('seq').where('id', '=', before))
    const rows = await query.orderBy('seq', 'desc').limit(page.limit).execute()
    return rows.map(jobOf)
  }

  /** One job, or `null`. */
  async getJob(id: JobId): Promise<Job | null> {
    const row = await this.#db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst()
    return row === undefined ? null : jobOf(row)
  }

  /** What is still to be delivered, and what was refused. */
  async backlog(): Promise<Backlog> {
    const rows = await this.#db
      .selectFrom('job_counts')
      .selectAll()
      .where('state', 'in', ['pending', 'running', 'dead'])
      .execute()
    const byLane = (state: JobState['kind']): Record<Lane, number> => {
      const counts = { event: 0, media: 0, archive: 0, erasure: 0 }
      for (const row of rows) if (row.state === state) counts[row.lane] = row.jobs
      return counts
    }
    return {
      pending: byLane('pending'),
      running: byLane('running'),
      dead: byLane('dead'),
      oldestPendingAt: await this.#oldestPendingAt(),
    }
  }

  /** All jobs by state. A shared database counts every job that is kept, so it is for people, not for a scrape every few seconds. */
  async jobCounts(): Promise<Readonly<Record<JobState['kind'], number>>> {
    const counts = { pending: 0, running: 0, delivered: 0, dead: 0, dropped: 0 }
    for (const { state, jobs } of await this.#db.selectFrom('job_counts').selectAll().execute()) counts[state] += jobs
    return counts
  }

  async #oldestPendingAt(): Promise<number | null> {
    const query = this.#db.selectFrom('jobs').select('created_at').where('state', '=', 'pending')
    const row = await query.orderBy('seq').limit(1).executeTakeFirst()
    return row?.created_at ?? null
  }

  async #openJobsOf(ids: readonly CallId[]): Promise<(id: CallId) => { readonly undelivered: number; readonly dead: number }> {
    const counts = new Map<string, number>()
    if (ids.length > 0) {
      const rows = await this.#db
        .selectFrom('jobs')
        .select(['order_key', 'state', sql<number>`count(*)`.as('count')])
        .where('order_key', 'in', ids)
        .where('state', 'in', ['pending', 'running', 'dead'])
        .groupBy(['order_key', 'state'])
        .execute()
      for (const row of rows) counts.set(`${row.state} ${row.order_key}`, row.count)
    }
    const of = (state: JobState['kind'], id: CallId): number => counts.get(`${state} ${id}`) ?? 0
    return id => ({ undelivered: of('pending', id) + of('running', id), dead: of('dead', id) })
  }

  async #jobsById(ids: readonly string[]): Promise<ReadonlyMap<string, Job>> {
    if (ids.length === 0) return new Map()
    const rows = await this.#db
      .selectFrom('jobs')
      .selectAll()
      .where(
        'id',
        'in',
        ids.map(id => id as JobId),
      )
      .execute()
    return new Map(rows.map(row => [row.id, jobOf(row)]))
  }
}

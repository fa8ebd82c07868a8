/**
 * The operator's desk: every piece of delivery work in one list, from the moment it is known until a sink has it, whether it is a
 * job already or audio that is still waiting or was quarantined. And the two things an operator may do to them, one by one or to all
 * that fit a filter, a bounded step at a time.
 */
import type { Kysely } from 'kysely'
import type { CallId } from '../../events/event.ts'
import type { RecordingId } from '../../events/recording.ts'
import type { JobId } from '../job.ts'
import { jobOf } from './job-rows.ts'
import type { By, ByWithReason, Operations, OperatorAnswer, Outcome, Refusal, Subjects } from './operations.ts'
import type { Schema } from './schema.ts'
import { readItem } from './stored-json.ts'
import { type Upload, type UploadState, uploadOfItem, uploadOfJob } from './upload.ts'
import { filterOf, type UploadFilter } from './upload-filter.ts'
import { countUploads, formatPlace, type Narrowing, readPlace, stretch } from './upload-pages.ts'

export type DeskAnswer =
  | { readonly kind: 'done'; readonly upload: Upload }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly reason: string }

/** What one step of a sweep looked at and did. */
export interface SweepStep {
  /** How many were looked at: those that fit and those that do not. */
  readonly seen: number
  /** How many were redriven or dropped. */
  readonly done: number
  readonly refused: readonly Refusal[]
  /** Where the next step begins; `null` when this was the last one. */
  readonly next: string | null
}

/** What is done to all that fit a filter. */
export type Sweep = 'redrive' | 'drop'

/** Uploads that are looked at in one go, and at most changed in one transaction: others have to get their turn. */
const AT_ONCE = 250
/** A list that finds little looks at this many before it answers with a short page. */
const MOST_LOOKED_AT = 10_000
/** What a sweep means that names no state: all that was refused. */
const refusedStates: readonly UploadState[] = ['dead', 'quarantined']

export class Desk {
  readonly #db: Kysely<Schema>
  readonly #operations: Operations

  constructor(db: Kysely<Schema>, operations: Operations) {
    this.#db = db
    this.#operations = operations
  }

  /**
   * Newest first; `next` is the `before` of the following page, `null` on the last one. A page may be short, even empty, where few of
   * many fit. An unreadable `before` begins anew.
   */
  async listUploads(query: UploadFilter & { readonly limit: number; readonly before: string | null }): Promise<{
    readonly rows: readonly Upload[]
    readonly next: string | null
  }> {
    const { limit, before, ...filter } = query
    const fits = filterOf(filter)
    const narrowing = narrowingOf(filter, filter.state === undefined || filter.state === null ? null : [filter.state])
    const rows: Upload[] = []
    const size = isIndexed(filter) ? limit : AT_ONCE
    let place = readPlace(before, 'newest-first')
    for (let seen = 0; seen < MOST_LOOKED_AT; seen += size) {
      const { uploads, isLast } = await stretch(this.#db, {
        ...narrowing,
        direction: 'newest-first',
        after: place,
        size,
      })
      for (const [index, { upload, place: at }] of uploads.entries()) {
        place = at
        if (!fits(upload)) continue
        rows.push(upload)
        if (rows.length === limit) return { rows, next: isLast && index === uploads.length - 1 ? null : formatPlace(place) }
      }
      if (isLast) return { rows, next: null }
    }
    return { rows, next: formatPlace(place) }
  }

  /** One upload by the id of its event or item. */
  async getUpload(id: string): Promise<Upload | null> {
    const job = await this.#db
      .selectFrom('jobs')
      .selectAll()
      .where('id', '=', id as JobId) // a look-up: an id of no job finds nothing
      .executeTakeFirst()
    if (job !== undefined) return uploadOfJob(jobOf(job))
    const item = await this.#db
      .selectFrom('items')
      .selectAll()
      .where('id', '=', id as RecordingId) // likewise
      .executeTakeFirst()
    return item === undefined ? null : uploadOfItem(readItem(item))
  }

  /** Tries a dead, dropped, pending or quarantined one afresh. */
  async redrive(id: string, by: By): Promise<DeskAnswer> {
    const job = await this.#operations.redriveJob(id as JobId, by)
    return await this.#answer(id, job.kind === 'unknown' ? await this.#operations.redriveItem(id as RecordingId, by) : job)
  }

  /** Gives one up for good; the reason is kept with it. */
  async drop(id: string, by: ByWithReason): Promise<DeskAnswer> {
    const job = await this.#operations.dropJob(id as JobId, by)
    return await this.#answer(id, job.kind === 'unknown' ? await this.#operations.dropItem(id as RecordingId, by) : job)
  }

  /**
   * One step of trying afresh whatever fits, oldest first, so that the order within a call holds from one step to the next. `after`
   * is the `next` of the step before, `null` at the beginning. Without a state in the filter: what is dead or quarantined.
   */
  async redriveSome(filter: UploadFilter, by: By, after: string | null): Promise<SweepStep> {
    return await this.#sweep('redrive', filter, after, subjects => this.#operations.redrive(subjects, by))
  }

  /** Likewise, of giving up; erasures, which somebody has a right to, only when the filter names their sink. */
  async dropSome(filter: UploadFilter, by: ByWithReason, after: string | null): Promise<SweepStep> {
    return await this.#sweep('drop', filter, after, subjects => this.#operations.drop(subjects, by))
  }

  /** One step of seeing what either would do: `done` is how many are meant. */
  async countSome(sweep: Sweep, filter: UploadFilter, after: string | null): Promise<SweepStep> {
    return await this.#sweep(sweep, filter, after, async ({ jobs, items }) => ({ done: [...jobs, ...items], refused: [] }))
  }

  /** How many uploads all the steps of a sweep will see, about: others are at work meanwhile. */
  async sweepSize(filter: UploadFilter): Promise<number> {
    return await countUploads(this.#db, sweepOf(filter))
  }

  async #sweep(
    sweep: Sweep,
    filter: UploadFilter,
    after: string | null,
    act: (subjects: Subjects) => Promise<Outcome>,
  ): Promise<SweepStep> {
    const place = readPlace(after, 'oldest-first')
    const { uploads, isLast } = await stretch(this.#db, {
      ...sweepOf(filter),
      direction: 'oldest-first',
      after: place,
      size: AT_ONCE,
    })
    const fits = filterOf(filter)
    const passesOverErasures = sweep === 'drop' && (filter.sink ?? null) === null
    const fitting = uploads.filter(({ upload }) => fits(upload) && !(passesOverErasures && upload.sink === 'erasure'))
    const jobs = fitting.flatMap(({ of }) => (of.kind === 'job' ? [of.id] : []))
    const items = fitting.flatMap(({ of }) => (of.kind === 'item' ? [of.id] : []))
    const { done, refused } = fitting.length === 0 ? { done: [], refused: [] } : await act({ jobs, items })
    return { seen: uploads.length, done: done.length, refused, next: isLast ? null : formatPlace(uploads.at(-1)?.place ?? place) }
  }

  async #answer(id: string, answer: OperatorAnswer): Promise<DeskAnswer> {
    if (answer.kind !== 'done') return answer
    const upload = await this.getUpload(id)
    return upload === null ? { kind: 'unknown' } : { kind: 'done', upload }
  }
}

/** Whether whatever the database gives for it fits. */
const isIndexed = ({ kind, since, until, reasonContains }: UploadFilter): boolean =>
  [kind, since, until, reasonContains].every(asked => asked === undefined || asked === null)

const sweepOf = (filter: UploadFilter): Narrowing =>
  narrowingOf(filter, filter.state === undefined || filter.state === null ? refusedStates : [filter.state])

const narrowingOf = ({ sink, callId }: UploadFilter, states: readonly UploadState[] | null): Narrowing => ({
  states,
  sink: sink ?? null,
  callId: callId === undefined || callId === null ? null : (callId as CallId), // a look-up: an id of no call finds nothing
})

/**
 * Uploads in the order in which they were made, a stretch at a time, in either direction: jobs, and among them the audio that has none.
 * Only what an index answers is asked of the database, so a stretch costs the same with ten uploads and with a million.
 */
import { type Kysely, sql } from 'kysely'
import type { CallId } from '../../events/event.ts'
import type { RecordingId } from '../../events/recording.ts'
import { type JobId, jobStates, type Lane, lanes, type SinkName, sinkOf } from '../job.ts'
import { type JobRow, jobOf } from './job-rows.ts'
import type { Schema } from './schema.ts'
import { readItem } from './stored-json.ts'
import { type Upload, type UploadState, uploadOfItem, uploadOfJob } from './upload.ts'

/** A place among the uploads: the sequence numbers that were reached, of jobs and of items. */
export interface Place {
  readonly job: number
  readonly item: number
}

export type Direction = 'newest-first' | 'oldest-first'

/** Before the first one. */
export const beginning = (direction: Direction): Place =>
  direction === 'newest-first' ? { job: Number.MAX_SAFE_INTEGER, item: Number.MAX_SAFE_INTEGER } : { job: 0, item: 0 }

/** `JOB.ITEM`; text that is none begins anew. */
export const readPlace = (text: string | null, direction: Direction): Place => {
  const [, job, item] = /^(\d{1,16})\.(\d{1,16})$/.exec(text ?? '') ?? []
  return job === undefined || item === undefined ? beginning(direction) : { job: Number(job), item: Number(item) }
}

export const formatPlace = ({ job, item }: Place): string => `${job}.${item}`

/** What an index narrows down. Several states of jobs at once are read in the order of all, so name one where there may be many. */
export interface Narrowing {
  /** `null`: any. */
  readonly states: readonly UploadState[] | null
  readonly sink: SinkName | null
  readonly callId: CallId | null
}

/** An upload, what it is in the database, and the place after it. */
export interface PlacedUpload {
  readonly upload: Upload
  readonly of: { readonly kind: 'job'; readonly id: JobId } | { readonly kind: 'item'; readonly id: RecordingId }
  readonly place: Place
}

export interface StretchOptions extends Narrowing {
  readonly direction: Direction
  readonly after: Place
  readonly size: number
}

/** The next `size` uploads; `isLast` when there is none after them. */
export const stretch = async (
  db: Kysely<Schema>,
  options: StretchOptions,
): Promise<{ readonly uploads: readonly PlacedUpload[]; readonly isLast: boolean }> => {
  const [jobs, items] = [await jobsOf(db, options), await itemsOf(db, options)]
  const merged = merge(jobs, items, options)
  return { uploads: merged.slice(0, options.size), isLast: merged.length <= options.size }
}

/** How many there are. */
export const countUploads = async (db: Kysely<Schema>, narrowing: Narrowing): Promise<number> => {
  const jobs = await narrowedJobs(db, byLanes(narrowing))
    ?.select(eb => eb.fn.countAll<number>().as('count'))
    .executeTakeFirst()
  const items = await narrowedItems(db, narrowing)
    ?.select(eb => eb.fn.countAll<number>().as('count'))
    .executeTakeFirst()
  return (jobs?.count ?? 0) + (items?.count ?? 0)
}

interface Row {
  readonly upload: Upload
  readonly of: PlacedUpload['of']
  readonly seq: number
}

const jobsOf = async (db: Kysely<Schema>, { direction, after, size, ...narrowing }: StretchOptions): Promise<readonly Row[]> => {
  const newestFirst = direction === 'newest-first'
  const rows: JobRow[] = []
  for (const part of inOrderOf(narrowing)) {
    const some = await narrowedJobs(db, part)
      ?.selectAll()
      .where('seq', newestFirst ? '<' : '>', after.job)
      .orderBy('seq', newestFirst ? 'desc' : 'asc')
      .limit(size + 1)
      .execute()
    rows.push(...(some ?? []))
  }
  rows.sort((a, b) => (newestFirst ? b.seq - a.seq : a.seq - b.seq))
  return rows.slice(0, size + 1).map(row => ({ seq: row.seq, upload: uploadOfJob(jobOf(row)), of: { kind: 'job', id: row.id } }))
}

const itemsOf = async (db: Kysely<Schema>, { direction, after, size, ...narrowing }: StretchOptions): Promise<readonly Row[]> => {
  const newestFirst = direction === 'newest-first'
  const rows = await narrowedItems(db, narrowing)
    ?.selectAll()
    .where('seq', newestFirst ? '<' : '>', after.item)
    .orderBy('seq', newestFirst ? 'desc' : 'asc')
    .limit(size + 1)
    .execute()
  return (rows ?? []).map(row => ({ seq: row.seq, upload: uploadOfItem(readItem(row)), of: { kind: 'item', id: row.id } }))
}

/** A narrowing of jobs, by their lanes. */
interface JobNarrowing extends Omit<Narrowing, 'sink'> {
  readonly lanes: readonly Lane[] | null
}

const byLanes = ({ sink, ...narrowing }: Narrowing): JobNarrowing => ({
  ...narrowing,
  lanes: sink === null ? null : lanes.filter(lane => sinkOf(lane) === sink),
})

/** Parts that an index gives in their order (jobs_lane): what one sink has may be far between in the order of all. */
const inOrderOf = (narrowing: Narrowing): readonly JobNarrowing[] => {
  const whole = byLanes(narrowing)
  // A call has few jobs.
  if (whole.lanes === null || whole.callId !== null) return [whole]
  const states = jobStates.filter(state => whole.states === null || whole.states.includes(state))
  return whole.lanes.flatMap(lane => states.map(state => ({ states: [state], lanes: [lane], callId: null })))
}

const narrowedJobs = (db: Kysely<Schema>, { states, lanes: ofSink, callId }: JobNarrowing) => {
  const wanted = states === null ? null : jobStates.filter(state => states.includes(state))
  if (wanted?.length === 0) return null
  let query = db.selectFrom('jobs')
  if (wanted !== null) query = query.where('state', 'in', wanted)
  if (callId !== null) query = query.where('order_key', '=', callId)
  if (ofSink !== null) query = query.where('lane', 'in', ofSink)
  return query
}

const itemStates = ['waiting', 'quarantined', 'dropped'] as const

/** Audio that has no job: it waits, was quarantined, or was dropped from there. It is on its way to Zendesk. */
const narrowedItems = (db: Kysely<Schema>, { states, sink, callId }: Narrowing) => {
  const wanted = itemStates.filter(state => states === null || states.includes(state))
  if (wanted.length === 0 || (sink !== null && sink !== 'zendesk')) return null
  const query = db
    .selectFrom('items')
    .where('state', 'in', wanted)
    .where(eb => eb.not(eb.exists(eb.selectFrom('jobs').select(sql`1`.as('one')).whereRef('jobs.id', '=', 'items.id'))))
  return callId === null ? query : query.where('call_id', '=', callId)
}

/** Each kind keeps its own order, whatever a clock that was set said of their times. */
const merge = (jobs: readonly Row[], items: readonly Row[], { direction, after }: StretchOptions): readonly PlacedUpload[] => {
  const merged: PlacedUpload[] = []
  let place = after
  for (let job = 0, item = 0; job < jobs.length || item < items.length; ) {
    const [ofJobs, ofItems] = [jobs[job], items[item]]
    const isJobNext =
      ofItems === undefined ||
      (ofJobs !== undefined && ofJobs.upload.createdAt < ofItems.upload.createdAt === (direction === 'oldest-first'))
    const next = isJobNext ? ofJobs : ofItems
    if (next === undefined) break
    if (isJobNext) job++
    else item++
    place = isJobNext ? { ...place, job: next.seq } : { ...place, item: next.seq }
    merged.push({ upload: next.upload, of: next.of, place })
  }
  return merged
}

/**
 * The operator's desk: every piece of delivery work in one list, from the moment it is known until a sink has it, whether it is a
 * job already or audio that is still waiting or was quarantined. And the two things an operator may do to one.
 */
import type { Kysely } from 'kysely'
import type { AudioItem, RecordingId } from '../../events/recording.ts'
import { type Job, type JobId, type JobState, jobStates, type SinkName, sinkOf } from '../job.ts'
import { jobOf } from './job-rows.ts'
import type { By, ByWithReason, Operations, OperatorAnswer } from './operations.ts'
import type { Schema } from './schema.ts'
import { readItem } from './stored-json.ts'

/** The states of a job, and those of audio that has no job yet. */
export type UploadState = JobState['kind'] | 'waiting' | 'quarantined'

/** One piece of work. Its id comes from the event or audio item, and is the idempotency key of its delivery. Times are epoch ms. */
export interface Upload {
  readonly id: string
  readonly sink: SinkName
  readonly kind: 'event' | 'recording' | 'voicemail'
  readonly state: UploadState
  readonly callId: string | null
  readonly attempts: number
  /** The last error, or why it is dead, dropped or quarantined. */
  readonly reason: string | null
  readonly createdAt: number
  readonly nextAttemptAt: number | null
  readonly deliveredAt: number | null
  readonly remoteId: string | null
}

export type DeskAnswer =
  | { readonly kind: 'done'; readonly upload: Upload }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly reason: string }

interface Row {
  readonly upload: Upload
  readonly seq: number
}

const itemStates = ['waiting', 'quarantined', 'dropped'] as const

export class Desk {
  readonly #db: Kysely<Schema>
  readonly #operations: Operations

  constructor(db: Kysely<Schema>, operations: Operations) {
    this.#db = db
    this.#operations = operations
  }

  /** Newest first; `next` is the `before` of the following page, `null` on the last one. An unreadable `before` begins anew. */
  async listUploads(query: {
    readonly limit: number
    readonly before: string | null
    readonly state: UploadState | null
  }): Promise<{
    readonly rows: readonly Upload[]
    readonly next: string | null
  }> {
    const before = readCursor(query.before)
    const jobs = await this.#jobs(query.state, before.job, query.limit + 1)
    const items = await this.#items(query.state, before.item, query.limit + 1)
    const merged = [...jobs.map(row => ({ ...row, isJob: true })), ...items.map(row => ({ ...row, isJob: false }))]
    merged.sort((a, b) => b.upload.createdAt - a.upload.createdAt)
    const page = merged.slice(0, query.limit)
    const oldest = (isJob: boolean, otherwise: number): number =>
      page.reduce((least, row) => (row.isJob === isJob ? Math.min(least, row.seq) : least), otherwise)
    const next = `${oldest(true, before.job)}.${oldest(false, before.item)}`
    return { rows: page.map(row => row.upload), next: merged.length > query.limit ? next : null }
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

  async #answer(id: string, answer: OperatorAnswer): Promise<DeskAnswer> {
    if (answer.kind !== 'done') return answer
    const upload = await this.getUpload(id)
    return upload === null ? { kind: 'unknown' } : { kind: 'done', upload }
  }

  async #jobs(state: UploadState | null, before: number, limit: number): Promise<Row[]> {
    const wanted = jobStates.find(each => each === state)
    if (state !== null && wanted === undefined) return []
    let query = this.#db.selectFrom('jobs').selectAll().where('seq', '<', before)
    if (wanted !== undefined) query = query.where('state', '=', wanted)
    const rows = await query.orderBy('seq', 'desc').limit(limit).execute()
    return rows.map(row => ({ seq: row.seq, upload: uploadOfJob(jobOf(row)) }))
  }

  /** Audio that has no job: it waits, was quarantined, or was dropped from there. */
  async #items(state: UploadState | null, before: number, limit: number): Promise<Row[]> {
    const wanted = itemStates.find(each => each === state)
    if (state !== null && wanted === undefined) return []
    const rows = await this.#db
      .selectFrom('items')
      .selectAll()
      .where('seq', '<', before)
      .where('state', 'in', wanted === undefined ? itemStates : [wanted])
      .where(eb => eb.not(eb.exists(eb.selectFrom('jobs').select('jobs.seq').whereRef('jobs.id', '=', 'items.id'))))
      .orderBy('seq', 'desc')
      .limit(limit)
      .execute()
    return rows.map(row => ({ seq: row.seq, upload: uploadOfItem(readItem(row)) }))
  }
}

function uploadOfJob(job: Job): Upload {
  const { state } = job
  const reason =
    state.kind === 'pending' ? state.lastError : state.kind === 'dead' || state.kind === 'dropped' ? state.reason : null
  return {
    id: job.id,
    sink: sinkOf(job.lane),
    kind: job.kind,
    state: state.kind,
    callId: job.orderKey,
    attempts: state.kind === 'dropped' ? 0 : state.attempts,
    reason,
    createdAt: job.createdAt,
    nextAttemptAt: state.kind === 'pending' ? state.runAt : null,
    deliveredAt: state.kind === 'delivered' ? state.deliveredAt : null,
    remoteId: state.kind === 'delivered' ? state.remoteId : null,
  }
}

function uploadOfItem(item: AudioItem): Upload {
  return {
    id: item.id,
    sink: 'zendesk',
    kind: item.kind,
    // Items that are queued or delivered have a job; one whose job was pruned is of no use to a desk.
    state: item.state === 'queued' ? 'pending' : item.state,
    callId: item.callId,
    attempts: 0,
    reason: item.reason,
    createdAt: item.foundAt,
    nextAttemptAt: null,
    deliveredAt: null,
    remoteId: null,
  }
}

/** `JOB.ITEM`: the sequence numbers that the page before went down to. */
function readCursor(text: string | null): { readonly job: number; readonly item: number } {
  const match = /^(\d{1,16})\.(\d{1,16})$/.exec(text ?? '')
  const beginning = Number.MAX_SAFE_INTEGER
  return { job: Number(match?.[1] ?? beginning), item: Number(match?.[2] ?? beginning) }
}

/**
 * What an operator may do to jobs and items: deliver again, or give up. Works beside a running bridge, from another process too.
 *
 * 1. Whatever is named in one request is done in one transaction, and each of them gets its line of the audit log in it.
 * 2. What may be done is decided on rows that nobody else changes meanwhile (dialect.ts, `holding`).
 */
import type { Kysely, Transaction } from 'kysely'
import type { RecordingId } from '../../events/recording.ts'
import { type JobId, sinkOf, subjectOf } from '../job.ts'
import { type AuditLine, appendAuditLines } from './audit.ts'
import { batches } from './batches.ts'
import { holding, transact } from './dialect.ts'
import { dropJobs, hastenJobs, reviveJobs } from './job-changes.ts'
import type { JobRow } from './job-rows.ts'
import type { Schema } from './schema.ts'

/** What an operator's request did, or why it could not. */
export type OperatorAnswer =
  | { readonly kind: 'done' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly reason: string }

/** The same for many; what is unknown is in neither list. */
export interface Outcome {
  readonly done: readonly string[]
  readonly refused: readonly Refusal[]
}

export interface Refusal {
  readonly id: string
  readonly reason: string
}

/** Jobs, and items that have none. */
export interface Subjects {
  readonly jobs: readonly JobId[]
  readonly items: readonly RecordingId[]
}

/** Who does it, as in the audit log (audit.ts). */
export interface By {
  readonly actor: string
}

/** Who does it, and why. */
export interface ByWithReason extends By {
  readonly reason: string
}

export interface OperationsOptions {
  readonly db: Kysely<Schema>
  /** Epoch ms. */
  readonly now: () => number
  /** Called after a commit that may have given the worker something to do. */
  readonly onJobs: () => void
}

type Action = ({ readonly kind: 'redrive' } & By) | ({ readonly kind: 'drop' } & ByWithReason)

export class Operations {
  readonly #db: Kysely<Schema>
  readonly #now: () => number
  readonly #onJobs: () => void

  constructor(options: OperationsOptions) {
    this.#db = options.db
    this.#now = options.now
    this.#onJobs = options.onJobs
  }

  /** Delivers a dead or dropped job again, with all its attempts; a pending one without waiting for its backoff. */
  async redriveJob(id: JobId, by: By): Promise<OperatorAnswer> {
    return answerOf(id, await this.redrive({ jobs: [id], items: [] }, by))
  }

  /** Gives a pending or dead job up for good, and with it the item that it would have delivered. */
  async dropJob(id: JobId, by: ByWithReason): Promise<OperatorAnswer> {
    return answerOf(id, await this.drop({ jobs: [id], items: [] }, by))
  }

  /** Sends a quarantined item back to the recordings stage, which takes it up as waiting. */
  async redriveItem(id: RecordingId, by: By): Promise<OperatorAnswer> {
    return answerOf(id, await this.redrive({ jobs: [], items: [id] }, by))
  }

  /** Gives a quarantined item up. */
  async dropItem(id: RecordingId, by: ByWithReason): Promise<OperatorAnswer> {
    return answerOf(id, await this.drop({ jobs: [], items: [id] }, by))
  }

  /** Many at once, in one transaction: some hundreds, so that others get their turn. */
  async redrive(subjects: Subjects, { actor }: By): Promise<Outcome> {
    return await this.#act(subjects, { kind: 'redrive', actor })
  }

  /** Likewise. */
  async drop(subjects: Subjects, { actor, reason }: ByWithReason): Promise<Outcome> {
    return await this.#act(subjects, { kind: 'drop', actor, reason })
  }

  async #act({ jobs, items }: Subjects, action: Action): Promise<Outcome> {
    const { ofJobs, ofItems } = await transact(this.#db, async trx => ({
      ofJobs: await this.#actOnJobs(trx, jobs, action),
      ofItems: await this.#actOnItems(trx, items, action),
    }))
    if (ofJobs.done.length > 0) this.#onJobs()
    return { done: [...ofJobs.done, ...ofItems.done], refused: [...ofJobs.refused, ...ofItems.refused] }
  }

  async #actOnJobs(trx: Transaction<Schema>, ids: readonly JobId[], action: Action): Promise<Outcome> {
    const now = this.#now()
    const rows: JobRow[] = []
    for (const some of batches(ids)) {
      const named = trx.selectFrom('jobs').selectAll().where('id', 'in', some).orderBy('seq')
      rows.push(...(await holding(trx, named).execute()))
    }
    const erased = action.kind === 'redrive' ? await erasedAmong(trx, rows) : new Set()
    const refused: Refusal[] = []
    const allowed = rows.filter(job => {
      const reason = erased.has(job.id) ? 'it is erased, or about to be' : whyNot(job)
      if (reason !== null) refused.push({ id: job.id, reason })
      return reason === null
    })
    await appendAuditLines(
      trx,
      allowed.map(job => lineOf(job.id, action, { sink: sinkOf(job.lane), kind: job.kind, was: job.state, error: job.reason })),
      now,
    )
    if (action.kind === 'drop') await dropJobs(trx, allowed, action.reason, now)
    else {
      const isPending = (job: JobRow): boolean => job.state === 'pending'
      await hastenJobs(trx, allowed.filter(isPending), now)
      const others = allowed.filter(job => !isPending(job))
      if (others.length > 0) await reviveJobs(trx, others, now)
    }
    return { done: allowed.map(job => job.id), refused }
  }

  async #actOnItems(trx: Transaction<Schema>, ids: readonly RecordingId[], action: Action): Promise<Outcome> {
    const now = this.#now()
    const done: RecordingId[] = []
    const refused: Refusal[] = []
    for (const some of batches(ids)) {
      const columns = ['id', 'state', 'reason', 'erasure'] as const
      const rows = await holding(trx, trx.selectFrom('items').select(columns).where('id', 'in', some).orderBy('seq')).execute()
      const allowed = rows.filter(({ id, state, erasure }) => {
        if (erasure !== null) refused.push({ id, reason: 'it is erased, or about to be' })
        else if (state !== 'quarantined') refused.push({ id, reason: `it is ${state}, not quarantined` })
        return erasure === null && state === 'quarantined'
      })
      if (allowed.length === 0) continue
      const changed =
        action.kind === 'drop'
          ? { state: 'dropped' as const, reason: action.reason }
          : { state: 'waiting' as const, reason: null }
      await trx
        .updateTable('items')
        .set({ ...changed, updated_at: now })
        .where(
          'id',
          'in',
          allowed.map(({ id }) => id),
        )
        .execute()
      const lines = allowed.map(({ id, state, reason }) => lineOf(id, action, { was: state, error: reason }))
      await appendAuditLines(trx, lines, now)
      done.push(...allowed.map(({ id }) => id))
    }
    return { done, refused }
  }
}

const answerOf = (id: string, { done, refused }: Outcome): OperatorAnswer => {
  if (done.includes(id)) return { kind: 'done' }
  const [refusal] = refused
  return refusal === undefined ? { kind: 'unknown' } : { kind: 'refused', reason: refusal.reason }
}

const whyNot = ({ state }: JobRow): string | null => {
  if (state === 'running') return 'it is being delivered at this moment; try again when that has ended'
  return state === 'delivered' ? 'it has been delivered' : null
}

const lineOf = (subject: string, action: Action, detail: Readonly<Record<string, unknown>>): AuditLine => {
  const { actor } = action
  return action.kind === 'drop'
    ? { actor, action: 'upload.dropped', subject, reason: action.reason, detail }
    : { actor, action: 'upload.redriven', subject, reason: null, detail }
}

/** Of jobs that deliver an item, those whose item somebody asked to have erased. */
const erasedAmong = async (trx: Transaction<Schema>, jobs: readonly JobRow[]): Promise<ReadonlySet<JobId>> => {
  const deliveries = jobs.filter(({ kind, lane }) => kind !== 'event' && lane !== 'erasure')
  const erased = new Set<JobId>()
  for (const some of batches(deliveries)) {
    const ids = some.map(job => subjectOf(job) as RecordingId) // by its kind (plan.ts)
    const rows = await trx.selectFrom('items').select('id').where('id', 'in', ids).where('erasure', 'is not', null).execute()
    const gone = new Set<string>(rows.map(({ id }) => id))
    for (const job of some) if (gone.has(subjectOf(job))) erased.add(job.id)
  }
  return erased
}

/**
 * What an operator may do to jobs and items: deliver again, or give up. Works beside a running bridge, from another process too.
 *
 * 1. Whatever is named in one request is done in one transaction, and each of them gets its line of the audit log in it.
 * 2. What may be done is decided on rows that nobody else changes meanwhile (dialect.ts, `holding`).
 */
import type { Kysely, Selectable, Transaction } from 'kysely'
import type { RecordingId } from '../../events/recording.ts'
import { type JobId, sinkOf, subjectOf } from '../job.ts'
import { type AuditLine, appendAuditLines } from './audit.ts'
import { batches } from './batches.ts'
import { holding, transact } from './dialect.ts'
import { dropJobs, hastenJobs, restartItems, reviveJobs, withoutAudio } from './job-changes.ts'
import type { JobRow } from './job-rows.ts'
import type { ItemsTable, Schema } from './schema.ts'

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

  /**
   * Delivers a dead or dropped job again, with all its attempts; a pending one without waiting for its backoff. Audio that was given
   * up is encoded once more from its source.
   */
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
    const closed = await (action.kind === 'redrive' ? erasedAmong(trx, rows) : heldAmong(trx, rows))
    const refused: Refusal[] = []
    const allowed = rows.filter(job => {
      const reason = closed.has(job.id) ? closedTo[action.kind] : whyNot(job)
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
      const gone = await withoutAudio(trx, others)
      await restartItems(trx, gone, now)
      const kept = others.filter(job => !gone.includes(job))
      if (kept.length > 0) await reviveJobs(trx, kept, now)
    }
    return { done: allowed.map(job => job.id), refused }
  }

  async #actOnItems(trx: Transaction<Schema>, ids: readonly RecordingId[], action: Action): Promise<Outcome> {
    const now = this.#now()
    const done: RecordingId[] = []
    const refused: Refusal[] = []
    for (const some of batches(ids)) {
      const columns = ['id', 'state', 'reason', 'hold', 'erasure'] as const
      const rows = await holding(trx, trx.selectFrom('items').select(columns).where('id', 'in', some).orderBy('seq')).execute()
      const allowed = rows.filter(({ id, ...row }) => {
        const reason = whyNotItem(row, action)
        if (reason !== null) refused.push({ id, reason })
        return reason === null
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

const closedTo = {
  redrive: 'it is erased, or about to be',
  // The bridge keeps no audio of what was given up.
  drop: 'it is held: release it first (tpe-bridge hold --release)',
} as const

const whyNotItem = (
  { state, hold, erasure }: Pick<Selectable<ItemsTable>, 'state' | 'hold' | 'erasure'>,
  { kind }: Action,
): string | null => {
  if (erasure !== null) return closedTo.redrive
  if (state !== 'quarantined') return `it is ${state}, not quarantined`
  return kind === 'drop' && hold !== null ? closedTo.drop : null
}

/** A reason may name a file, and recorders put their callers' numbers into names; no line of the audit log is ever deleted. */
const withoutNumbers = (reason: string): string =>
  reason.replace(/\d{5,}/g, digits => `${'*'.repeat(digits.length - 2)}${digits.slice(-2)}`)

const lineOf = (subject: string, action: Action, found: Readonly<Record<string, unknown>>): AuditLine => {
  const { actor } = action
  const { error } = found
  const detail = typeof error === 'string' ? { ...found, error: withoutNumbers(error) } : found
  return action.kind === 'drop'
    ? { actor, action: 'upload.dropped', subject, reason: action.reason, detail }
    : { actor, action: 'upload.redriven', subject, reason: null, detail }
}

/** Of jobs that deliver an item, those whose item somebody asked to have erased. */
const erasedAmong = async (trx: Transaction<Schema>, jobs: readonly JobRow[]): Promise<ReadonlySet<JobId>> =>
  await jobsOfItems(jobs, ids =>
    trx.selectFrom('items').select('id').where('id', 'in', ids).where('erasure', 'is not', null).execute(),
  )

/** Likewise those whose item is held. One that comes to be held at this moment keeps all that lies here of it. */
const heldAmong = async (trx: Transaction<Schema>, jobs: readonly JobRow[]): Promise<ReadonlySet<JobId>> =>
  await jobsOfItems(jobs, ids =>
    trx.selectFrom('items').select('id').where('id', 'in', ids).where('hold', 'is not', null).execute(),
  )

const jobsOfItems = async (
  jobs: readonly JobRow[],
  select: (ids: readonly RecordingId[]) => Promise<readonly { readonly id: RecordingId }[]>,
): Promise<ReadonlySet<JobId>> => {
  const deliveries = jobs.filter(({ kind, lane }) => kind !== 'event' && lane !== 'erasure')
  const found = new Set<JobId>()
  for (const some of batches(deliveries)) {
    const rows = await select(some.map(job => subjectOf(job) as RecordingId)) // by its kind (plan.ts)
    const ids = new Set<string>(rows.map(({ id }) => id))
    for (const job of some) if (ids.has(subjectOf(job))) found.add(job.id)
  }
  return found
}

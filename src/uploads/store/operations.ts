/**
 * What an operator may do to jobs and items: deliver again, or give up. Works beside a running bridge, from another process too.
 * Each change writes its line of the audit log in the same transaction.
 */
import type { Kysely, Transaction } from 'kysely'
import type { ItemState, RecordingId } from '../../events/recording.ts'
import { type JobId, sinkOf, subjectOf } from '../job.ts'
import { type AuditLine, appendAudit } from './audit.ts'
import { transact } from './dialect.ts'
import { setItemState } from './item-state.ts'
import type { JobRow } from './job-rows.ts'
import type { Schema } from './schema.ts'
import { giveTurns, takeTurns } from './turns.ts'

/** What an operator's request did, or why it could not. */
export type OperatorAnswer =
  | { readonly kind: 'done' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly reason: string }

const done: OperatorAnswer = { kind: 'done' }
const unknown: OperatorAnswer = { kind: 'unknown' }
const refused = (reason: string): OperatorAnswer => ({ kind: 'refused', reason })

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
  async redriveJob(id: JobId, { actor }: By): Promise<OperatorAnswer> {
    return await this.#changeJob(id, async (trx, job) => {
      const now = this.#now()
      const detail = { sink: sinkOf(job.lane), kind: job.kind, was: job.state, error: job.reason }
      await appendAudit(trx, { actor, action: 'upload.redriven', subject: id, reason: null, detail }, now)
      if (job.state === 'pending') await trx.updateTable('jobs').set({ run_at: now }).where('seq', '=', job.seq).execute()
      else await reviveJob(trx, job, now)
    })
  }

  /** Gives a pending or dead job up for good, and with it the item that it would have delivered. */
  async dropJob(id: JobId, { actor, reason }: ByWithReason): Promise<OperatorAnswer> {
    return await this.#changeJob(id, async (trx, job) => {
      const now = this.#now()
      const detail = { sink: sinkOf(job.lane), kind: job.kind, was: job.state, error: job.reason }
      await appendAudit(trx, { actor, action: 'upload.dropped', subject: id, reason, detail }, now)
      await trx
        .updateTable('jobs')
        .set({ state: 'dropped', head: 0, reason, updated_at: now })
        .where('seq', '=', job.seq)
        .execute()
      await followJob(trx, job, reason, now)
      await giveTurns(trx, [job.order_key])
    })
  }

  /** Sends a quarantined item back to the recordings stage, which takes it up as waiting. */
  async redriveItem(id: RecordingId, { actor }: By): Promise<OperatorAnswer> {
    return await this.#changeQuarantined(id, 'waiting', { actor, action: 'upload.redriven', reason: null })
  }

  /** Gives a quarantined item up. */
  async dropItem(id: RecordingId, { actor, reason }: ByWithReason): Promise<OperatorAnswer> {
    return await this.#changeQuarantined(id, 'dropped', { actor, action: 'upload.dropped', reason })
  }

  async #changeJob(id: JobId, change: (trx: Transaction<Schema>, job: JobRow) => Promise<void>): Promise<OperatorAnswer> {
    const answer = await transact(this.#db, async trx => {
      const job = await trx.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst()
      if (job === undefined) return unknown
      if (job.state === 'running') return refused('it is being delivered at this moment; try again when that has ended')
      if (job.state === 'delivered') return refused('it has been delivered')
      await change(trx, job)
      return done
    })
    if (answer.kind === 'done') this.#onJobs()
    return answer
  }

  async #changeQuarantined(
    id: RecordingId,
    state: ItemState,
    line: Pick<AuditLine, 'actor' | 'action' | 'reason'>,
  ): Promise<OperatorAnswer> {
    return await transact(this.#db, async trx => {
      const now = this.#now()
      const item = await trx.selectFrom('items').select(['state', 'reason']).where('id', '=', id).executeTakeFirst()
      if (item === undefined) return unknown
      if (item.state !== 'quarantined') return refused(`it is ${item.state}, not quarantined`)
      await trx.updateTable('items').set({ state, reason: line.reason, updated_at: now }).where('id', '=', id).execute()
      await appendAudit(trx, { ...line, subject: id, detail: { was: item.state, error: item.reason } }, now)
      return done
    })
  }
}

/** Makes a dead or dropped job pending as if it had just been planned, and its item queued. */
export const reviveJob = async (trx: Transaction<Schema>, job: JobRow, now: number): Promise<void> => {
  const fresh = { state: 'pending', run_at: now, attempts: 0, reason: null, due_since: now, updated_at: now } as const
  const head = job.order_key === null ? 1 : 0
  await trx
    .updateTable('jobs')
    .set({ ...fresh, head })
    .where('seq', '=', job.seq)
    .execute()
  await followJob(trx, job, null, now)
  if (job.order_key === null) return
  await takeTurns(trx, job.order_key)
  await giveTurns(trx, [job.order_key])
}

const followJob = async (trx: Transaction<Schema>, job: JobRow, reason: string | null, now: number): Promise<void> => {
  // The subject of any other job is an item (plan.ts).
  if (job.kind !== 'event') await setItemState(trx, subjectOf(job) as RecordingId, reason, now)
}

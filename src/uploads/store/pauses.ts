/**
 * Sinks that an operator has paused. It holds for every bridge of the database, and across restarts, until somebody resumes the sink.
 *
 * 1. A pause or a resumption and its line in the audit log are one transaction.
 * 2. Who delivers asks before each round of claims (`of`); the database is asked at most once every FRESH_MS, so a pause that another
 *    process made is known within that, and costs nothing in a round.
 */
import type { Kysely } from 'kysely'
import { type SinkName, sinkNames } from '../job.ts'
import { appendAudit } from './audit.ts'
import { transact } from './dialect.ts'
import type { Schema } from './schema.ts'

const FRESH_MS = 500

/** A sink that gets nothing until it is resumed. */
export interface PausedSink {
  readonly sink: SinkName
  /** Epoch ms. */
  readonly since: number
  /** Who, as the audit log names them. */
  readonly actor: string
  readonly reason: string
}

export interface PausesOptions {
  readonly db: Kysely<Schema>
  /** Epoch ms. */
  readonly now: () => number
  /** Called after a commit that changes what workers may do. */
  readonly onChange: () => void
}

export class Pauses {
  readonly #db: Kysely<Schema>
  readonly #now: () => number
  readonly #onChange: () => void
  #known: { readonly paused: readonly PausedSink[]; readonly at: number } | null = null

  constructor({ db, now, onChange }: PausesOptions) {
    this.#db = db
    this.#now = now
    this.#onChange = onChange
  }

  /** Holds back what has not gone to the sink yet. False when it is paused already: that pause stays, with its reason. */
  async pause(sink: SinkName, { actor, reason }: { readonly actor: string; readonly reason: string }): Promise<boolean> {
    const since = this.#now()
    const isNew = await transact(this.#db, async trx => {
      const [added] = await trx
        .insertInto('paused_sinks')
        .values({ sink, since, actor, reason })
        .onConflict(conflict => conflict.column('sink').doNothing())
        .execute()
      if (added?.numInsertedOrUpdatedRows !== 1n) return false
      await appendAudit(trx, { actor, action: 'sink.paused', subject: sink, reason }, since)
      return true
    })
    this.#known = null
    if (isNew) this.#onChange()
    return isNew
  }

  /** Lets the sink have its deliveries again. False when it was not paused. */
  async resume(sink: SinkName, { actor }: { readonly actor: string }): Promise<boolean> {
    const now = this.#now()
    const wasPaused = await transact(this.#db, async trx => {
      const ended = await trx.deleteFrom('paused_sinks').where('sink', '=', sink).returningAll().executeTakeFirst()
      if (ended === undefined) return false
      const detail = { pausedBy: ended.actor, pausedAt: ended.since, pausedFor: ended.reason }
      await appendAudit(trx, { actor, action: 'sink.resumed', subject: sink, reason: null, detail }, now)
      return true
    })
    this.#known = null
    if (wasPaused) this.#onChange()
    return wasPaused
  }

  /** Those that are paused now, in the order of `sinkNames`. */
  async list(): Promise<readonly PausedSink[]> {
    const rows = await this.#db.selectFrom('paused_sinks').selectAll().execute()
    return sinkNames.flatMap(name => rows.filter(({ sink }) => sink === name))
  }

  /** The pause of a sink, `null` without one; up to FRESH_MS old when another process made or ended it. */
  async of(sink: SinkName): Promise<PausedSink | null> {
    const now = this.#now()
    // A clock that was set back must not make old knowledge look fresh.
    if (this.#known === null || Math.abs(now - this.#known.at) >= FRESH_MS) this.#known = { paused: await this.list(), at: now }
    return this.#known.paused.find(paused => paused.sink === sink) ?? null
  }
}

/**
 * The audit log: who deleted, redrove, dropped, held or paused what, when and why. It only grows: the database itself refuses to
 * change or delete a line. What changes something writes its line in the same transaction.
 */
import type { Kysely, Transaction } from 'kysely'
import { batches } from './batches.ts'
import type { Schema } from './schema.ts'

export interface AuditLine {
  /** Who: a person at a machine (`ops@pbx1`), a client of the admin API (`api 10.0.0.7`), or `bridge` for what it does by itself. */
  readonly actor: string
  /** What was done: `upload.dropped`, `recording.erased`. */
  readonly action: string
  /** To what: the id of an upload, a call, a sink, a key in the archive. */
  readonly subject: string
  readonly reason: string | null
  /** Particulars; never audio, tokens or what somebody said. */
  readonly detail?: Readonly<Record<string, unknown>>
  /** A name under which it is told again by whoever repeats it after a crash; it is then written once. */
  readonly once?: string
}

export interface AuditEntry extends Omit<AuditLine, 'once' | 'detail'> {
  /** Rises by the order of writing. */
  readonly seq: number
  /** Epoch ms. */
  readonly at: number
  readonly detail: Readonly<Record<string, unknown>>
}

export interface AuditStoreOptions {
  readonly db: Kysely<Schema>
  /** Epoch ms. */
  readonly now: () => number
}

export class AuditStore {
  readonly #db: Kysely<Schema>
  readonly #now: () => number

  constructor({ db, now }: AuditStoreOptions) {
    this.#db = db
    this.#now = now
  }

  /** On disk when it resolves. */
  async append(line: AuditLine): Promise<void> {
    await appendAudit(this.#db, line, this.#now())
  }

  /** Newest first; `before` goes on after the last entry of the page before. */
  async list(page: {
    readonly limit: number
    readonly before?: number
    readonly subject?: string
  }): Promise<readonly AuditEntry[]> {
    let query = this.#db.selectFrom('audit').selectAll()
    if (page.before !== undefined) query = query.where('seq', '<', page.before)
    if (page.subject !== undefined) query = query.where('subject', '=', page.subject)
    const rows = await query.orderBy('seq', 'desc').limit(page.limit).execute()
    return rows.map(({ seq, at, actor, action, subject, reason, detail }) => ({
      seq,
      at,
      actor,
      action,
      subject,
      reason,
      detail: detailOf(detail),
    }))
  }
}

/** Writes a line in the transaction of what it tells. `now` is epoch ms. */
export const appendAudit = async (db: Kysely<Schema> | Transaction<Schema>, line: AuditLine, now: number): Promise<void> => {
  await appendAuditLines(db, [line], now)
}

/** Likewise, many. */
export const appendAuditLines = async (
  db: Kysely<Schema> | Transaction<Schema>,
  lines: readonly AuditLine[],
  now: number,
): Promise<void> => {
  for (const some of batches(lines)) {
    await db
      .insertInto('audit')
      .values(some.map(line => rowOf(line, now)))
      .onConflict(conflict => conflict.column('once').doNothing())
      .execute()
  }
}

const rowOf = ({ actor, action, subject, reason, detail, once }: AuditLine, at: number) => ({
  at,
  actor,
  action,
  subject,
  reason,
  detail: detail === undefined ? null : JSON.stringify(detail),
  once: once ?? null,
})

const detailOf = (text: string | null): Readonly<Record<string, unknown>> => {
  if (text === null) return {}
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? { ...value } : { value }
}

/** The documented API's calls: one mutable record each. */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'

const row = z.object({ id: z.int(), ticket_id: z.int().nullable(), call: z.string(), created_at: z.int(), updated_at: z.int() })
const fieldsSchema = z.record(z.string(), z.unknown())
const countRow = z.object({ n: z.int() })
const sameRow = z.object({ external_id: z.string(), ids: z.string() })

/** Fields by their wire name; validated when they came. */
export type CallFields = Readonly<Record<string, unknown>>

export interface StoredDocumentedCall {
  readonly id: number
  readonly ticketId: number | null
  readonly fields: CallFields
  /** Epoch ms. */
  readonly createdAt: number
  readonly updatedAt: number
}

export class DocumentedCalls {
  readonly #db: DatabaseSyncInstance
  readonly #byId: StatementSyncInstance
  readonly #insert: StatementSyncInstance
  readonly #update: StatementSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#db = db
    this.#byId = db.prepare('SELECT id, ticket_id, call, created_at, updated_at FROM documented_calls WHERE id = ?')
    this.#insert = db.prepare(
      'INSERT INTO documented_calls (external_id, ticket_id, call, created_at, updated_at) VALUES (?, ?, ?, ?, ?)',
    )
    this.#update = db.prepare('UPDATE documented_calls SET external_id = ?, ticket_id = ?, call = ?, updated_at = ? WHERE id = ?')
  }

  get(id: number): StoredDocumentedCall | null {
    const found = this.#byId.get(id)
    if (found === undefined) return null
    const { ticket_id, call, created_at, updated_at } = row.parse(found)
    return { id, ticketId: ticket_id, fields: fieldsSchema.parse(JSON.parse(call)), createdAt: created_at, updatedAt: updated_at }
  }

  /** For use inside a transaction. */
  add(fields: CallFields, ticketId: number | null, now: number): StoredDocumentedCall {
    const { lastInsertRowid } = this.#insert.run(externalIdIn(fields), ticketId, JSON.stringify(fields), now, now)
    return { id: Number(lastInsertRowid), ticketId, fields, createdAt: now, updatedAt: now }
  }

  /** For use inside a transaction. What `changes` leaves out stays. */
  change(call: StoredDocumentedCall, changes: CallFields, ticketId: number | null, now: number): StoredDocumentedCall {
    const fields = { ...call.fields, ...changes }
    this.#update.run(externalIdIn(fields), ticketId, JSON.stringify(fields), now, call.id)
    return { ...call, ticketId, fields, updatedAt: now }
  }

  count(): number {
    return countRow.parse(this.#db.prepare('SELECT count(*) AS n FROM documented_calls').get()).n
  }

  /** The newest first; at most `limit`. */
  newest(limit: number): readonly StoredDocumentedCall[] {
    return this.#db
      .prepare('SELECT id FROM documented_calls ORDER BY id DESC LIMIT ?')
      .all(limit)
      .flatMap(found => this.get(z.object({ id: z.int() }).parse(found).id) ?? [])
  }

  /** Calls that have one external id between them, as lists of ids: calls that were reported twice. */
  sameExternalId(): readonly (readonly number[])[] {
    return this.#db
      .prepare(
        `SELECT external_id, group_concat(id) AS ids FROM documented_calls WHERE external_id IS NOT NULL
           GROUP BY external_id HAVING count(*) > 1 LIMIT 1000`,
      )
      .all()
      .map(found => sameRow.parse(found).ids.split(',').map(Number))
  }
}

const externalIdIn = ({ external_id }: CallFields) => (typeof external_id === 'string' && external_id !== '' ? external_id : null)

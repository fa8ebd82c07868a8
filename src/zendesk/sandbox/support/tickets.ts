/**
 * Tickets of both halves of the API. What was said on them, and what became of them, is in their history (ticket-history.ts).
 *
 * Invariants
 *  1 Whatever makes or changes a ticket writes one audit, in the same transaction.
 *  2 A closed ticket never changes again: a 422.
 */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { priorities, ticketStatuses } from '../../wire/ticket.ts'
import type { Condition } from '../page.ts'
import type { Slice } from './documented-page.ts'
import { invalidValue, recordNotFound } from './refusals.ts'
import type { NewComment, StoredAudit, TicketHistory } from './ticket-history.ts'

const idOrNull = z.int().nullable().default(null)
const fieldsSchema = z.object({
  subject: z.string(),
  description: z.string(),
  priority: z.enum(priorities).nullable().default(null),
  status: z.enum(ticketStatuses),
  type: z.string().nullable().default(null),
  tags: z.array(z.string()).default([]),
  custom_fields: z
    .array(z.object({ id: z.int(), value: z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]) }))
    .default([]),
  assignee_id: idOrNull,
  group_id: idOrNull,
  brand_id: idOrNull,
  requester_id: idOrNull,
  submitter_id: idOrNull,
  external_id: z.string().nullable().default(null),
  /** 44 voicemail, 45 inbound, 46 outbound; `null`: not by telephone. */
  via_id: idOrNull,
  /** Audio and other files that are elsewhere, by address. */
  links: z.array(z.string()).default([]),
  /** What the call or voicemail said when the ticket was made, for when it is gone. */
  origin: z
    .object({
      caller: z.string(),
      duration: z.int(),
      transcription: z.string().nullable(),
      agents: z.array(z.object({ id: z.int(), name: z.string() })),
    })
    .nullable()
    .default(null),
})

/** What a ticket says; field names are the wire's. */
export type TicketFields = z.output<typeof fieldsSchema>
export type NewTicketFields = z.input<typeof fieldsSchema>

const row = z.object({
  id: z.int(),
  ticket: z.string(),
  phone_call_id: z.int().nullable(),
  phone_voicemail_id: z.int().nullable(),
  created_at: z.int(),
  updated_at: z.int(),
})
const countRow = z.object({ n: z.int() })
const sameRow = z.object({ external_id: z.string(), ids: z.string() })

export interface StoredTicket {
  readonly id: number
  readonly fields: TicketFields
  readonly phoneCallId: number | null
  readonly phoneVoicemailId: number | null
  /** Epoch ms. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** One change of a ticket: by whom, which fields, with which comment. */
export interface TicketChange {
  readonly authorId: number
  /** What is `undefined` stays. */
  readonly fields: { readonly [Name in keyof NewTicketFields]?: NewTicketFields[Name] | undefined }
  readonly comment: NewComment | null
}

export interface TicketFilter {
  readonly externalId?: string
  readonly requesterId?: number
  /** Only those made at or before, epoch ms. */
  readonly madeUntil?: number
  /** Further conditions on the table `tickets`. */
  readonly conditions?: readonly Condition[]
  readonly order?:
    | 'id'
    | 'id DESC'
    | 'created_at, id'
    | 'created_at DESC, id DESC'
    | 'updated_at, id'
    | 'updated_at DESC, id DESC'
}

export class Tickets {
  readonly #db: DatabaseSyncInstance
  readonly #history: TicketHistory
  readonly #byId: StatementSyncInstance
  readonly #insert: StatementSyncInstance
  readonly #update: StatementSyncInstance

  constructor(db: DatabaseSyncInstance, history: TicketHistory) {
    this.#db = db
    this.#history = history
    this.#byId = db.prepare(`SELECT ${ticketColumns} FROM tickets WHERE id = ?`)
    this.#insert = db.prepare(
      `INSERT INTO tickets (external_id, requester_id, status, ticket, phone_call_id, phone_voicemail_id, created_at, updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#update = db.prepare(
      'UPDATE tickets SET external_id = ?, requester_id = ?, status = ?, ticket = ?, updated_at = ? WHERE id = ?',
    )
  }

  get(id: number): StoredTicket | null {
    const found = this.#byId.get(id)
    return found === undefined ? null : storedTicket(found)
  }

  /** Makes a ticket with its first comment, if it has one. For use inside a transaction. */
  create(
    given: NewTicketFields,
    first: NewComment | null,
    authorId: number,
    now: number,
    from: { readonly phoneCallId?: number | null; readonly phoneVoicemailId?: number | null } = {},
  ): { readonly ticket: StoredTicket; readonly audit: StoredAudit } {
    const fields = fieldsSchema.parse(given)
    const { phoneCallId = null, phoneVoicemailId = null } = from
    const { external_id, requester_id, status } = fields
    const text = JSON.stringify(fields)
    const { lastInsertRowid } = this.#insert.run(external_id, requester_id, status, text, phoneCallId, phoneVoicemailId, now, now)
    const ticket = { id: Number(lastInsertRowid), fields, phoneCallId, phoneVoicemailId, createdAt: now, updatedAt: now }
    return { ticket, audit: this.#history.record(ticket.id, authorId, {}, first, now) }
  }

  /** Changes a ticket. For use inside a transaction. Throws a 404, and a 422 for a closed or full one. */
  change(id: number, { authorId, fields: given, comment }: TicketChange, now: number) {
    const before = this.get(id)
    if (before === null) throw recordNotFound()
    if (before.fields.status === 'closed') throw invalidValue('status', 'Status: closed prevents ticket update')
    const said = Object.entries(given).filter(([, value]) => value !== undefined)
    const fields = fieldsSchema.parse({ ...before.fields, ...Object.fromEntries(said) })
    const { external_id, requester_id, status } = fields
    this.#update.run(external_id, requester_id, status, JSON.stringify(fields), now, id)
    const changes = Object.fromEntries(
      Object.entries(fields).filter(([name, value]) => {
        const earlier: unknown = Object.entries(before.fields).find(([other]) => other === name)?.[1]
        return JSON.stringify(value) !== JSON.stringify(earlier)
      }),
    )
    return { ticket: { ...before, fields, updatedAt: now }, audit: this.#history.record(id, authorId, changes, comment, now) }
  }

  /** Tickets by id unless told otherwise, and how many there are on all pages. */
  list(
    filter: TicketFilter,
    { limit, offset }: Pick<Slice, 'limit' | 'offset'>,
  ): { readonly rows: readonly StoredTicket[]; readonly count: number } {
    const { externalId, requesterId, madeUntil, conditions = [], order = 'id' } = filter
    const all = [
      ...conditions,
      ...(externalId === undefined ? [] : [{ sql: 'external_id = ?', values: [externalId] }]),
      ...(requesterId === undefined ? [] : [{ sql: 'requester_id = ?', values: [requesterId] }]),
      ...(madeUntil === undefined ? [] : [{ sql: 'created_at <= ?', values: [madeUntil] }]),
    ]
    const sql = all.map(condition => `(${condition.sql})`).join(' AND ') || 'TRUE'
    const values = all.flatMap(condition => condition.values)
    const { n } = countRow.parse(this.#db.prepare(`SELECT count(*) AS n FROM tickets WHERE ${sql}`).get(...values))
    const rows = this.#db
      .prepare(`SELECT ${ticketColumns} FROM tickets WHERE ${sql} ORDER BY ${order} LIMIT ? OFFSET ?`)
      .all(...values, limit, offset)
    return { rows: rows.map(storedTicket), count: n }
  }

  count(): number {
    return countRow.parse(this.#db.prepare('SELECT count(*) AS n FROM tickets').get()).n
  }

  /** Tickets that have one external id between them, as lists of ids: tickets that were made twice. */
  sameExternalId(): readonly (readonly number[])[] {
    return this.#db
      .prepare(
        `SELECT external_id, group_concat(id) AS ids FROM tickets WHERE external_id IS NOT NULL
           GROUP BY external_id HAVING count(*) > 1 LIMIT 1000`,
      )
      .all()
      .map(found => sameRow.parse(found).ids.split(',').map(Number))
  }
}

const ticketColumns = 'id, ticket, phone_call_id, phone_voicemail_id, created_at, updated_at'

function storedTicket(found: unknown): StoredTicket {
  const { id, ticket, phone_call_id, phone_voicemail_id, created_at, updated_at } = row.parse(found)
  return {
    id,
    fields: fieldsSchema.parse(JSON.parse(ticket)),
    phoneCallId: phone_call_id,
    phoneVoicemailId: phone_voicemail_id,
    createdAt: created_at,
    updatedAt: updated_at,
  }
}

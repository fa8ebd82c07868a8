/**
 * Tickets of both halves of the API, their comments and the audit of every change.
 *
 * Invariants
 *  1 Whatever changes a ticket writes one audit; a comment belongs to the audit it came with.
 *  2 A closed ticket never changes again; a ticket holds at most 5,000 comments. Both refuse with a 422.
 *  3 An upload's token attaches its files once, to one comment (attachments.ts).
 */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { priorities, ticketStatuses } from '../../wire/ticket.ts'
import type { Attachments, StoredAttachment } from './attachments.ts'
import type { Slice } from './documented-page.ts'
import { invalidValue, recordNotFound } from './refusals.ts'

/** More comments than this a ticket does not take. */
export const commentLimit = 5_000

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
const commentTypeSchema = z.enum(['Comment', 'VoiceComment', 'TpeVoiceComment'])
const contentSchema = z.object({
  body: z.string(),
  title: z.string().nullable().default(null),
  data: z.record(z.string(), z.unknown()).nullable().default(null),
})
const commentRow = z.object({
  id: z.int(),
  ticket_id: z.int(),
  audit_id: z.int(),
  type: commentTypeSchema,
  author_id: z.int(),
  public: z.int(),
  comment: z.string(),
  created_at: z.int(),
})
const auditRow = z.object({ id: z.int(), author_id: z.int(), changes: z.string(), created_at: z.int() })
const changesSchema = z.record(z.string(), z.unknown())
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

export interface NewComment {
  readonly type: z.infer<typeof commentTypeSchema>
  readonly authorId: number
  readonly public: boolean
  readonly body: string
  readonly title?: string | null
  readonly data?: Readonly<Record<string, unknown>> | null
  /** Tokens of uploads. */
  readonly uploads?: readonly string[]
}

export interface StoredComment {
  readonly id: number
  readonly ticketId: number
  readonly auditId: number
  readonly type: z.infer<typeof commentTypeSchema>
  readonly authorId: number
  readonly public: boolean
  readonly content: z.output<typeof contentSchema>
  readonly attachments: readonly StoredAttachment[]
  readonly createdAt: number
}

export interface StoredAudit {
  readonly id: number
  readonly ticketId: number
  readonly authorId: number
  /** Changed fields, by name. */
  readonly changes: Readonly<Record<string, unknown>>
  readonly comments: readonly StoredComment[]
  readonly createdAt: number
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
  readonly conditions?: readonly { readonly sql: string; readonly values: readonly (string | number)[] }[]
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
  readonly #attachments: Attachments
  readonly #byId: StatementSyncInstance
  readonly #insert: StatementSyncInstance
  readonly #update: StatementSyncInstance
  readonly #insertAudit: StatementSyncInstance
  readonly #insertComment: StatementSyncInstance
  readonly #countComments: StatementSyncInstance

  constructor(db: DatabaseSyncInstance, attachments: Attachments) {
    this.#db = db
    this.#attachments = attachments
    this.#byId = db.prepare(`SELECT ${ticketColumns} FROM tickets WHERE id = ?`)
    this.#insert = db.prepare(
      `INSERT INTO tickets (external_id, requester_id, status, ticket, phone_call_id, phone_voicemail_id, created_at, updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#update = db.prepare(
      'UPDATE tickets SET external_id = ?, requester_id = ?, status = ?, ticket = ?, updated_at = ? WHERE id = ?',
    )
    this.#insertAudit = db.prepare('INSERT INTO audits (ticket_id, author_id, changes, created_at) VALUES (?, ?, ?, ?)')
    this.#insertComment = db.prepare(
      'INSERT INTO ticket_comments (ticket_id, audit_id, type, author_id, public, comment, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    this.#countComments = db.prepare('SELECT count(*) AS n FROM ticket_comments WHERE ticket_id = ?')
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
    return { ticket, audit: this.#audit(ticket.id, authorId, {}, first, now) }
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
    return { ticket: { ...before, fields, updatedAt: now }, audit: this.#audit(id, authorId, changes, comment, now) }
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

  /** A ticket's comments, oldest first unless `newestFirst`, and how many there are. */
  comments(
    ticketId: number,
    { limit, offset }: Pick<Slice, 'limit' | 'offset'>,
    newestFirst = false,
  ): { readonly rows: readonly StoredComment[]; readonly count: number } {
    const { n } = countRow.parse(this.#countComments.get(ticketId))
    const rows = this.#db
      .prepare(
        `SELECT ${commentColumns} FROM ticket_comments WHERE ticket_id = ? ORDER BY id ${newestFirst ? 'DESC' : 'ASC'} LIMIT ? OFFSET ?`,
      )
      .all(ticketId, limit, offset)
    return { rows: rows.map(found => this.#storedComment(found)), count: n }
  }

  audits(
    ticketId: number,
    { limit, offset }: Pick<Slice, 'limit' | 'offset'>,
  ): { readonly rows: readonly StoredAudit[]; readonly count: number } {
    const { n } = countRow.parse(this.#db.prepare('SELECT count(*) AS n FROM audits WHERE ticket_id = ?').get(ticketId))
    const rows = this.#db
      .prepare('SELECT id, author_id, changes, created_at FROM audits WHERE ticket_id = ? ORDER BY id LIMIT ? OFFSET ?')
      .all(ticketId, limit, offset)
      .map(found => {
        const { id, author_id, changes, created_at } = auditRow.parse(found)
        const comments = this.#db
          .prepare(`SELECT ${commentColumns} FROM ticket_comments WHERE audit_id = ? ORDER BY id`)
          .all(id)
          .map(comment => this.#storedComment(comment))
        const changed = changesSchema.parse(JSON.parse(changes))
        return { id, ticketId, authorId: author_id, changes: changed, comments, createdAt: created_at }
      })
    return { rows, count: n }
  }

  totals(): { readonly tickets: number; readonly comments: number } {
    const count = (table: string) => countRow.parse(this.#db.prepare(`SELECT count(*) AS n FROM ${table}`).get()).n
    return { tickets: count('tickets'), comments: count('ticket_comments') }
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

  #audit(
    ticketId: number,
    authorId: number,
    changes: Readonly<Record<string, unknown>>,
    comment: NewComment | null,
    now: number,
  ): StoredAudit {
    const { lastInsertRowid } = this.#insertAudit.run(ticketId, authorId, JSON.stringify(changes), now)
    const id = Number(lastInsertRowid)
    const comments = comment === null ? [] : [this.#comment(ticketId, id, comment, now)]
    return { id, ticketId, authorId, changes, comments, createdAt: now }
  }

  #comment(ticketId: number, auditId: number, given: NewComment, now: number): StoredComment {
    const { n } = countRow.parse(this.#countComments.get(ticketId))
    if (n >= commentLimit) throw invalidValue('base', `Ticket has reached its limit of ${commentLimit} comments`)
    const { type, authorId, uploads = [], title = null, data = null, body } = given
    const content = { body, title, data: data === null ? null : { ...data } }
    const inserted = this.#insertComment.run(
      ticketId,
      auditId,
      type,
      authorId,
      given.public ? 1 : 0,
      JSON.stringify(content),
      now,
    )
    const id = Number(inserted.lastInsertRowid)
    const attachments = uploads.flatMap(token => this.#attachments.attach(token, id, now))
    return { id, ticketId, auditId, type, authorId, public: given.public, content, attachments, createdAt: now }
  }

  #storedComment(found: unknown): StoredComment {
    const parsed = commentRow.parse(found)
    return {
      id: parsed.id,
      ticketId: parsed.ticket_id,
      auditId: parsed.audit_id,
      type: parsed.type,
      authorId: parsed.author_id,
      public: parsed.public === 1,
      content: contentSchema.parse(JSON.parse(parsed.comment)),
      attachments: this.#attachments.ofComment(parsed.id),
      createdAt: parsed.created_at,
    }
  }
}

const ticketColumns = 'id, ticket, phone_call_id, phone_voicemail_id, created_at, updated_at'
const commentColumns = 'id, ticket_id, audit_id, type, author_id, public, comment, created_at'

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

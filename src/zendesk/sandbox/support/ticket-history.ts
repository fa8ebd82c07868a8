/**
 * What was said on tickets and what became of them: comments, and the audit of every change.
 *
 * Invariants
 *  1 A comment belongs to the audit of the change it came with.
 *  2 A ticket holds at most 5,000 comments: a 422.
 *  3 An upload's token attaches its files once, to one comment (attachments.ts).
 */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import type { Attachments, StoredAttachment } from './attachments.ts'
import type { Slice } from './documented-page.ts'
import { invalidValue } from './refusals.ts'

/** More comments than this a ticket does not take. */
const commentLimit = 5_000

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
const idRow = z.object({ id: z.int() })

const commentColumns = 'id, ticket_id, audit_id, type, author_id, public, comment, created_at'

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

export class TicketHistory {
  readonly #db: DatabaseSyncInstance
  readonly #attachments: Attachments
  readonly #insertAudit: StatementSyncInstance
  readonly #insertComment: StatementSyncInstance
  readonly #countComments: StatementSyncInstance

  constructor(db: DatabaseSyncInstance, attachments: Attachments) {
    this.#db = db
    this.#attachments = attachments
    this.#insertAudit = db.prepare('INSERT INTO audits (ticket_id, author_id, changes, created_at) VALUES (?, ?, ?, ?)')
    this.#insertComment = db.prepare(
      'INSERT INTO ticket_comments (ticket_id, audit_id, type, author_id, public, comment, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    this.#countComments = db.prepare('SELECT count(*) AS n FROM ticket_comments WHERE ticket_id = ?')
  }

  /** Writes down what was done to a ticket, with its comment. For use inside a transaction. Throws a 422 for a full ticket. */
  record(
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

  /** A ticket's comments, oldest first unless `newestFirst`, and how many there are. */
  commentsOn(
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

  /** Of all comments on a ticket. */
  commentIds(ticketId: number): ReadonlySet<number> {
    const rows = this.#db.prepare('SELECT id FROM ticket_comments WHERE ticket_id = ?').all(ticketId)
    return new Set(rows.map(found => idRow.parse(found).id))
  }

  auditsOn(
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

  /** How many comments there are on all tickets. */
  comments(): number {
    return countRow.parse(this.#db.prepare('SELECT count(*) AS n FROM ticket_comments').get()).n
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

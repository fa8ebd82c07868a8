/**
 * Uploaded files: first they wait for a comment to name their token, then they belong to it.
 *
 * Invariants
 *  1 A row exists only once its file is in place; what waits too long is purged, row and file, and its address is a 404.
 *  2 A token attaches once.
 */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { invalidValue } from './refusals.ts'

const row = z.object({
  id: z.int(),
  token: z.string(),
  secret: z.string(),
  comment_id: z.int().nullable(),
  file_name: z.string(),
  content_type: z.string(),
  size: z.int(),
  file: z.string(),
  created_at: z.int(),
  expires_at: z.int(),
})
const fileRow = z.object({ file: z.string() })
const countRow = z.object({ n: z.int() })
const sameRow = z.object({ ticket_id: z.int(), file_name: z.string(), n: z.int() })

const columns = 'id, token, secret, comment_id, file_name, content_type, size, file, created_at, expires_at'

export interface NewAttachment {
  /** What a comment's `uploads` says; several files may have one. */
  readonly token: string
  /** The part of its address that nobody can guess. */
  readonly secret: string
  readonly fileName: string
  readonly contentType: string
  readonly size: number
  /** Name in the media folder. */
  readonly file: string
  /** Epoch ms. */
  readonly expiresAt: number
}

export interface StoredAttachment extends NewAttachment {
  readonly id: number
  readonly commentId: number | null
  readonly createdAt: number
}

export class Attachments {
  readonly #db: DatabaseSyncInstance
  readonly #insert: StatementSyncInstance
  readonly #byToken: StatementSyncInstance
  readonly #byComment: StatementSyncInstance
  readonly #bySecret: StatementSyncInstance
  readonly #attach: StatementSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#db = db
    this.#insert = db.prepare(
      `INSERT INTO attachments (token, secret, file_name, content_type, size, file, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#byToken = db.prepare(`SELECT ${columns} FROM attachments WHERE token = ? ORDER BY id`)
    this.#byComment = db.prepare(`SELECT ${columns} FROM attachments WHERE comment_id = ? ORDER BY id`)
    this.#bySecret = db.prepare(`SELECT ${columns} FROM attachments WHERE secret = ?`)
    this.#attach = db.prepare('UPDATE attachments SET comment_id = ? WHERE id = ?')
  }

  /** For use inside a transaction. */
  add(given: NewAttachment, now: number): StoredAttachment {
    const { token, secret, fileName, contentType, size, file, expiresAt } = given
    const { lastInsertRowid } = this.#insert.run(token, secret, fileName, contentType, size, file, now, expiresAt)
    return { ...given, id: Number(lastInsertRowid), commentId: null, createdAt: now }
  }

  get(id: number): StoredAttachment | null {
    const found = this.#db.prepare(`SELECT ${columns} FROM attachments WHERE id = ?`).get(id)
    return found === undefined ? null : stored(found)
  }

  /** Those with this token that are still waiting at `now`. */
  waiting(token: string, now: number): readonly StoredAttachment[] {
    return this.#byToken
      .all(token)
      .map(stored)
      .filter(({ commentId, expiresAt }) => commentId === null && now < expiresAt)
  }

  /** The file at an address; `null` when there is none, or it waited too long. */
  at(secret: string, now: number): StoredAttachment | null {
    const found = this.#bySecret.get(secret)
    const attachment = found === undefined ? null : stored(found)
    return attachment === null || (attachment.commentId === null && now >= attachment.expiresAt) ? null : attachment
  }

  ofComment(commentId: number): readonly StoredAttachment[] {
    return this.#byComment.all(commentId).map(stored)
  }

  /** Gives a token's files to a comment. For use inside a transaction. Throws a 422 when the token is used, expired or unknown. */
  attach(token: string, commentId: number, now: number): readonly StoredAttachment[] {
    const waiting = this.waiting(token, now)
    if (waiting.length === 0) throw invalidValue('uploads', 'Attachment token is not valid, was used before, or has expired')
    for (const { id } of waiting) this.#attach.run(commentId, id)
    return waiting.map(attachment => ({ ...attachment, commentId }))
  }

  /** Leaves of a comment's file only that there was one. For use inside a transaction. */
  redact(id: number, left: Pick<NewAttachment, 'fileName' | 'contentType' | 'size' | 'file'>): void {
    this.#db
      .prepare('UPDATE attachments SET file_name = ?, content_type = ?, size = ?, file = ? WHERE id = ?')
      .run(left.fileName, left.contentType, left.size, left.file, id)
  }

  /** Forgets what waits under a token. For use inside a transaction. Returns the files to remove after it. */
  forget(token: string): readonly string[] {
    return this.#db
      .prepare('DELETE FROM attachments WHERE token = ? AND comment_id IS NULL RETURNING file')
      .all(token)
      .map(found => fileRow.parse(found).file)
  }

  /** Forgets what has waited too long. For use inside a transaction. Returns the files to remove after it. */
  purge(now: number): readonly string[] {
    return this.#db
      .prepare('DELETE FROM attachments WHERE comment_id IS NULL AND expires_at <= ? RETURNING file')
      .all(now)
      .map(found => fileRow.parse(found).file)
  }

  /** Names of the files that must be kept. */
  filesInUse(): readonly string[] {
    return this.#db
      .prepare('SELECT file FROM attachments')
      .all()
      .map(found => fileRow.parse(found).file)
  }

  /** How many belong to a comment, and how many still wait for one. */
  totals(now: number): { readonly attached: number; readonly waiting: number } {
    const count = (sql: string, ...values: readonly number[]) =>
      countRow.parse(this.#db.prepare(`SELECT count(*) AS n FROM attachments WHERE ${sql}`).get(...values)).n
    return { attached: count('comment_id IS NOT NULL'), waiting: count('comment_id IS NULL AND expires_at > ?', now) }
  }

  /** File names that one ticket has more than once: recordings that were attached twice. */
  sameNames(): readonly { readonly ticket_id: number; readonly file_name: string; readonly n: number }[] {
    return this.#db
      .prepare(
        `SELECT c.ticket_id, a.file_name, count(*) AS n FROM attachments a JOIN ticket_comments c ON c.id = a.comment_id
           GROUP BY c.ticket_id, a.file_name HAVING n > 1 LIMIT 1000`,
      )
      .all()
      .map(found => sameRow.parse(found))
  }
}

function stored(found: unknown): StoredAttachment {
  const { id, token, secret, comment_id, file_name, content_type, size, file, created_at, expires_at } = row.parse(found)
  return {
    id,
    token,
    secret,
    commentId: comment_id,
    fileName: file_name,
    contentType: content_type,
    size,
    file,
    createdAt: created_at,
    expiresAt: expires_at,
  }
}

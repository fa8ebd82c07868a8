/** Recordings and voicemails: rows in the database, files in the media folder. A row exists only once its file is on disk. */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import {
  type RecordingMetadata,
  recordingMetadataSchema,
  type VoicemailMetadata,
  voicemailMetadataSchema,
} from '../../../wire/audio-upload.ts'
import { type VoicemailStatus, voicemailStatuses } from '../../../wire/stored-audio.ts'
import { type Condition, type Page, type PageQuery, page, where } from '../../page.ts'
import { invalidField } from '../../problem.ts'

const rowSchema = z.object({
  id: z.int(),
  metadata: z.string(),
  file: z.string(),
  status: z.enum(voicemailStatuses),
  ticket_id: z.int().nullable(),
  created_at: z.int(),
  deleted_at: z.int().nullable(),
})
const countRow = z.object({ n: z.int() })
const fileRow = z.object({ file: z.string() })

const columns = 'id, metadata, file, status, ticket_id, created_at, deleted_at'

export interface StoredAudio<Metadata> {
  readonly id: number
  readonly metadata: Metadata
  /** Name in the media folder. */
  readonly file: string
  /** Of a voicemail: whether somebody has heard it, or dealt with it. A recording stays `new`. */
  readonly status: VoicemailStatus
  readonly ticketId: number | null
  /** Epoch ms. */
  readonly createdAt: number
  readonly deleted: boolean
}

export type StoredRecording = StoredAudio<RecordingMetadata>
export type StoredVoicemail = StoredAudio<VoicemailMetadata>

export interface AudioFilter {
  readonly externalCallId?: string
  readonly status?: VoicemailStatus | undefined
}

/** The audio of one kind. */
export class AudioShelf<Metadata extends RecordingMetadata> {
  readonly #db: DatabaseSyncInstance
  readonly #kind: 'recording' | 'voicemail'
  readonly #schema: z.ZodType<Metadata>
  readonly #insert: StatementSyncInstance
  readonly #delete: StatementSyncInstance
  readonly #eraseAnswer: StatementSyncInstance
  readonly #ofCall: StatementSyncInstance
  readonly #setTicket: StatementSyncInstance
  readonly #advance: StatementSyncInstance

  constructor(db: DatabaseSyncInstance, kind: 'recording' | 'voicemail', schema: z.ZodType<Metadata>) {
    this.#db = db
    this.#kind = kind
    this.#schema = schema
    this.#insert = db.prepare(
      `INSERT INTO audio (kind, external_id, external_call_id, metadata, file, answer_key, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    )
    this.#delete = db.prepare(
      `UPDATE audio SET deleted_at = ?, metadata = json_remove(metadata, '$.transcript') WHERE kind = ? AND id = ?`,
    )
    // The answer is kept for repeats of its key: what was said must not live on there.
    this.#eraseAnswer = db.prepare(
      `UPDATE answers SET body = json_set(body, '$.phone_${kind}.transcription', NULL, '$.phone_${kind}.keywords', NULL)
       WHERE key = (SELECT answer_key FROM audio WHERE kind = ? AND id = ?)`,
    )
    this.#ofCall = db.prepare(
      `SELECT ${columns} FROM audio WHERE kind = ? AND external_call_id = ? AND deleted_at IS NULL ORDER BY id DESC LIMIT 1000`,
    )
    this.#setTicket = db.prepare('UPDATE audio SET ticket_id = ? WHERE kind = ? AND id = ?')
    this.#advance = db.prepare("UPDATE audio SET status = ? WHERE kind = ? AND id = ? AND (status = 'new' OR ? = 'archived')")
  }

  /**
   * Stores what is known of a file that is already in place. `answerKey` is that of the answer which shows it, too. For use inside
   * a transaction. Throws a 422 for an external id that came before.
   */
  add(
    metadata: Metadata,
    { file, answerKey }: { readonly file: string; readonly answerKey: string },
    now: number,
  ): StoredAudio<Metadata> {
    const { external_id, external_call_id } = metadata
    const text = JSON.stringify(metadata)
    const { changes, lastInsertRowid } = this.#insert.run(this.#kind, external_id, external_call_id, text, file, answerKey, now)
    if (changes === 0)
      throw invalidField('external_id', `another ${this.#kind} with this id came before under another Idempotency-Key`)
    return { id: Number(lastInsertRowid), metadata, file, status: 'new', ticketId: null, createdAt: now, deleted: false }
  }

  get(id: number): StoredAudio<Metadata> | null {
    const row = this.#db.prepare(`SELECT ${columns} FROM audio WHERE kind = ? AND id = ?`).get(this.#kind, id)
    return row === undefined ? null : this.#stored(row)
  }

  /** Not the deleted ones, newest first. */
  list(query: PageQuery, { externalCallId, status }: AudioFilter = {}): Page<StoredAudio<Metadata>> {
    const conditions: Condition[] = [{ sql: 'kind = ? AND deleted_at IS NULL', values: [this.#kind] }]
    if (externalCallId !== undefined) conditions.push({ sql: 'external_call_id = ?', values: [externalCallId] })
    if (status !== undefined) conditions.push({ sql: 'status = ?', values: [status] })
    const all = where(conditions)
    const { n } = countRow.parse(this.#db.prepare(`SELECT count(*) AS n FROM audio ${all.sql}`).get(...all.values))
    const here = where(query.before === undefined ? conditions : [...conditions, { sql: 'id < ?', values: [query.before] }])
    const rows = this.#db
      .prepare(`SELECT ${columns} FROM audio ${here.sql} ORDER BY id DESC LIMIT ?`)
      .all(...here.values, query.limit + 1)
    return page(
      rows.map(row => this.#stored(row)),
      query.limit,
      n,
    )
  }

  /** All of one call that are not deleted, newest first; at most 1,000. */
  ofCall(externalCallId: string): readonly StoredAudio<Metadata>[] {
    return this.#ofCall.all(this.#kind, externalCallId).map(row => this.#stored(row))
  }

  /** Says which ticket is about it. For use inside a transaction. */
  setTicket(id: number, ticketId: number): void {
    this.#setTicket.run(ticketId, this.#kind, id)
  }

  /** Moves a voicemail on: new, read, archived; never back. For use inside a transaction. */
  advance(id: number, to: 'read' | 'archived'): void {
    this.#advance.run(to, this.#kind, id, to)
  }

  /** Marks as deleted, and forgets what was said; the file goes after the commit. For use inside a transaction. */
  remove(id: number, now: number): void {
    this.#delete.run(now, this.#kind, id)
    this.#eraseAnswer.run(this.#kind, id)
  }

  #stored(row: unknown): StoredAudio<Metadata> {
    const { id, metadata, file, status, ticket_id, created_at, deleted_at } = rowSchema.parse(row)
    return {
      id,
      metadata: this.#schema.parse(JSON.parse(metadata)),
      file,
      status,
      ticketId: ticket_id,
      createdAt: created_at,
      deleted: deleted_at !== null,
    }
  }
}

export const recordingShelf = (db: DatabaseSyncInstance) => new AudioShelf(db, 'recording', recordingMetadataSchema)
export const voicemailShelf = (db: DatabaseSyncInstance) => new AudioShelf(db, 'voicemail', voicemailMetadataSchema)

/** Names of the files that must be kept. */
export function filesInUse(db: DatabaseSyncInstance): ReadonlySet<string> {
  const rows = db.prepare('SELECT file FROM audio WHERE deleted_at IS NULL').all()
  return new Set(rows.map(row => fileRow.parse(row).file))
}

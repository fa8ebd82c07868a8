/**
 * Users: callers are end users; agents and admins are users, too.
 *
 * Invariants
 *  1 An e-mail address and an external id belong to one user each. A telephone number may belong to several: nothing prevents that
 *    in Zendesk either, and `samePhone` tells who fell for it.
 */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { newUserSchema } from '../../wire/documented/user.ts'
import type { Condition } from '../page.ts'
import type { Slice } from './documented-page.ts'
import { invalidValue, recordNotFound } from './refusals.ts'

const row = z.object({
  id: z.int(),
  user: z.string(),
  created_at: z.int(),
  updated_at: z.int(),
})
const countRow = z.object({ n: z.int() })
const sameRow = z.object({ digits: z.string(), ids: z.string() })
const identityRow = z.object({
  id: z.int(),
  user_id: z.int(),
  type: z.string(),
  value: z.string(),
  verified: z.int(),
  created_at: z.int(),
})
const fieldsSchema = newUserSchema.shape.user

export type UserFields = z.output<typeof fieldsSchema>
export type Role = NonNullable<UserFields['role']>

export interface StoredUser {
  readonly id: number
  readonly role: Role
  readonly fields: UserFields
  /** Epoch ms. */
  readonly createdAt: number
  readonly updatedAt: number
}

export interface StoredIdentity {
  readonly id: number
  readonly userId: number
  readonly type: string
  readonly value: string
  readonly verified: boolean
  readonly createdAt: number
}

export class Users {
  readonly #db: DatabaseSyncInstance
  readonly #byId: StatementSyncInstance
  readonly #byExternalId: StatementSyncInstance
  readonly #byEmail: StatementSyncInstance
  readonly #byDigits: StatementSyncInstance
  readonly #insert: StatementSyncInstance
  readonly #update: StatementSyncInstance
  readonly #insertIdentity: StatementSyncInstance

  constructor(db: DatabaseSyncInstance) {
    const columns = 'id, user, created_at, updated_at'
    this.#db = db
    this.#byId = db.prepare(`SELECT ${columns} FROM users WHERE id = ?`)
    this.#byExternalId = db.prepare(`SELECT ${columns} FROM users WHERE external_id = ?`)
    this.#byEmail = db.prepare(`SELECT ${columns} FROM users WHERE email = ?`)
    this.#byDigits = db.prepare(`SELECT ${columns} FROM users WHERE digits = ? AND role = 'end-user' ORDER BY id`)
    this.#insert = db.prepare(
      'INSERT INTO users (external_id, email, role, digits, user, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    this.#update = db.prepare(
      'UPDATE users SET external_id = ?, email = ?, role = ?, digits = ?, user = ?, updated_at = ? WHERE id = ?',
    )
    this.#insertIdentity = db.prepare(
      `INSERT INTO identities (user_id, type, value, digits, verified, created_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    )
  }

  get(id: number): StoredUser | null {
    return storedOrNull(this.#byId.get(id))
  }

  byExternalId(externalId: string): StoredUser | null {
    return storedOrNull(this.#byExternalId.get(externalId))
  }

  byEmail(email: string): StoredUser | null {
    return storedOrNull(this.#byEmail.get(email))
  }

  /** The end users whose own number, shared with nobody, this is. */
  byDirectLine(phone: string): readonly StoredUser[] {
    return this.#byDigits
      .all(digitsOf(phone))
      .map(stored)
      .filter(({ fields }) => fields.shared_phone_number !== true)
  }

  /** For use inside a transaction. Throws a 422 when the e-mail address or the external id is taken. */
  add(fields: UserFields, now: number): StoredUser {
    const role = fields.role ?? 'end-user'
    this.#refuseTaken(fields, null)
    const { lastInsertRowid } = this.#insert.run(...columnsOf(fields, role), JSON.stringify({ ...fields, role }), now, now)
    return { id: Number(lastInsertRowid), role, fields: { ...fields, role }, createdAt: now, updatedAt: now }
  }

  /** For use inside a transaction. What `changes` leaves out stays. */
  change(id: number, changes: { readonly [Name in keyof UserFields]?: UserFields[Name] | undefined }, now: number): StoredUser {
    const before = this.get(id)
    if (before === null) throw recordNotFound()
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
    const fields = fieldsSchema.parse({ ...before.fields, ...given })
    const role = fields.role ?? before.role
    this.#refuseTaken(fields, id)
    this.#update.run(...columnsOf(fields, role), JSON.stringify({ ...fields, role }), now, id)
    return { ...before, role, fields, updatedAt: now }
  }

  /** Those that meet all conditions, by id, and how many there are on all pages. */
  list(
    conditions: readonly Condition[],
    { limit, offset }: Pick<Slice, 'limit' | 'offset'>,
  ): { readonly rows: readonly StoredUser[]; readonly count: number } {
    const sql = conditions.map(condition => `(${condition.sql})`).join(' AND ') || 'TRUE'
    const values = conditions.flatMap(condition => condition.values)
    const { n } = countRow.parse(this.#db.prepare(`SELECT count(*) AS n FROM users WHERE ${sql}`).get(...values))
    const rows = this.#db
      .prepare(`SELECT id, user, created_at, updated_at FROM users WHERE ${sql} ORDER BY id LIMIT ? OFFSET ?`)
      .all(...values, limit, offset)
    return { rows: rows.map(stored), count: n }
  }

  /** For use inside a transaction. Throws a 422 when somebody has it already. */
  addIdentity(
    userId: number,
    { type, value, verified }: Pick<StoredIdentity, 'type' | 'value' | 'verified'>,
    now: number,
  ): StoredIdentity {
    const digits = type === 'phone_number' ? digitsOf(value) : null
    const { changes, lastInsertRowid } = this.#insertIdentity.run(userId, type, value, digits, verified ? 1 : 0, now)
    if (changes === 0) throw invalidValue('value', `${value} is already being used by another user`, 'DuplicateValue')
    return { id: Number(lastInsertRowid), userId, type, value, verified, createdAt: now }
  }

  identities(userId: number): readonly StoredIdentity[] {
    return this.#db
      .prepare('SELECT id, user_id, type, value, verified, created_at FROM identities WHERE user_id = ? ORDER BY id')
      .all(userId)
      .map(found => {
        const { id, user_id, type, value, verified, created_at } = identityRow.parse(found)
        return { id, userId: user_id, type, value, verified: verified === 1, createdAt: created_at }
      })
  }

  /** How many end users there are. */
  callers(): number {
    return countRow.parse(this.#db.prepare("SELECT count(*) AS n FROM users WHERE role = 'end-user'").get()).n
  }

  /** End users who have one direct number between them, as lists of ids: caller profiles that were made twice. */
  samePhone(): readonly (readonly number[])[] {
    return this.#db
      .prepare(
        `SELECT digits, group_concat(id) AS ids FROM users WHERE role = 'end-user' AND digits IS NOT NULL
           AND json_extract(user, '$.shared_phone_number') IS NOT TRUE GROUP BY digits HAVING count(*) > 1 LIMIT 1000`,
      )
      .all()
      .map(found => sameRow.parse(found).ids.split(',').map(Number))
  }

  #refuseTaken({ email, external_id }: UserFields, own: number | null): void {
    const byEmail = email == null ? null : this.byEmail(email)
    if (byEmail !== null && byEmail.id !== own) {
      throw invalidValue('email', `Email: ${email} is already being used by another user`, 'DuplicateValue')
    }
    const byExternalId = external_id == null ? null : this.byExternalId(external_id)
    if (byExternalId !== null && byExternalId.id !== own) {
      throw invalidValue('external_id', 'External is already being used by another user', 'DuplicateValue')
    }
  }
}

/** A number without its extension, its plus and whatever stands between the digits. */
const digitsOf = (phone: string): string => phone.replace(/x.*$/i, '').replace(/\D/g, '')

function columnsOf({ external_id, email, phone }: UserFields, role: Role) {
  return [external_id ?? null, email ?? null, role, phone == null ? null : digitsOf(phone)] as const
}

function stored(found: unknown): StoredUser {
  const { id, user, created_at, updated_at } = row.parse(found)
  const fields = fieldsSchema.parse(JSON.parse(user))
  return { id, role: fields.role ?? 'end-user', fields, createdAt: created_at, updatedAt: updated_at }
}

const storedOrNull = (found: unknown) => (found === undefined ? null : stored(found))

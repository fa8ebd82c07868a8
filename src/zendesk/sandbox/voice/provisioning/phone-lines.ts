/** Phone lines: collections of numbers. A name belongs to one line; a line that has numbers cannot go. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import type { NewPhoneLine, PhoneLineChange } from '../../../wire/phone-line.ts'
import type { Page, PageQuery } from '../../page.ts'
import { notFound } from '../../problem.ts'
import { inUse, taken } from '../conflict.ts'
import { listed, merged, timeColumns, timesShown } from './rows.ts'

const rowSchema = z.object({
  id: z.int(),
  name: z.string(),
  location: z.string().nullable(),
  enabled: z.int(),
  ...timeColumns,
})
const idRow = z.object({ id: z.int() })

export interface StoredLine {
  readonly id: number
  readonly name: string
  readonly location: string | null
  readonly enabled: boolean
  readonly phone_number_ids: readonly number[]
  readonly created_at: string
  readonly updated_at: string
}

export class PhoneLines {
  readonly #db: DatabaseSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#db = db
  }

  list(query: PageQuery): Page<StoredLine> {
    return listed(this.#db, 'phone_lines', query, row => this.#stored(row))
  }

  /** Throws a 404. */
  get(id: number): StoredLine {
    const row = this.#db.prepare('SELECT * FROM phone_lines WHERE id = ?').get(id)
    if (row === undefined) throw notFound('Phone line')
    return this.#stored(row)
  }

  /** For use inside a transaction, as all that follow. */
  create({ name, location = null, enabled = true }: NewPhoneLine, now: number): StoredLine {
    this.#checkName(name, 0)
    const { lastInsertRowid } = this.#db
      .prepare('INSERT INTO phone_lines (name, location, enabled, created_at, updated_at) VALUES (?, ?, ?, ?, ?)')
      .run(name, location, enabled ? 1 : 0, now, now)
    return this.get(Number(lastInsertRowid))
  }

  change(id: number, change: PhoneLineChange, now: number): StoredLine {
    const { name, location, enabled } = merged<Pick<StoredLine, 'name' | 'location' | 'enabled'>>(this.get(id), change)
    this.#checkName(name, id)
    this.#db
      .prepare('UPDATE phone_lines SET name = ?, location = ?, enabled = ?, updated_at = ? WHERE id = ?')
      .run(name, location, enabled ? 1 : 0, now, id)
    return this.get(id)
  }

  remove(id: number): void {
    const [number] = this.get(id).phone_number_ids
    if (number !== undefined) throw inUse('phone line', `phone number ${number}`)
    this.#db.prepare('DELETE FROM phone_lines WHERE id = ?').run(id)
  }

  #checkName(name: string, own: number): void {
    const other = this.#db.prepare('SELECT id FROM phone_lines WHERE name = ? AND id <> ?').get(name, own)
    if (other !== undefined) throw taken('phone_line.name', `is the name of phone line ${idRow.parse(other).id}`)
  }

  #stored(row: unknown): StoredLine {
    const { id, name, location, enabled, ...times } = rowSchema.parse(row)
    const numbers = this.#db.prepare('SELECT id FROM phone_numbers WHERE phone_line_id = ? ORDER BY id').all(id)
    return {
      id,
      name,
      location,
      enabled: enabled === 1,
      phone_number_ids: numbers.map(number => idRow.parse(number).id),
      ...timesShown(times),
    }
  }
}

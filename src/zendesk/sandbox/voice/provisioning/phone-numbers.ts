/** Phone numbers and where their calls lead. Each number is there once; what it refers to exists. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import type { IvrSettings } from '../../../wire/ivr.ts'
import { capabilities, type NewPhoneNumber, type PhoneNumber, type PhoneNumberChange } from '../../../wire/phone-number.ts'
import type { Page, PageQuery } from '../../page.ts'
import { invalidField, notFound } from '../../problem.ts'
import { taken } from '../conflict.ts'
import { checkCountry, countryOf } from './country.ts'
import { References } from './references.ts'
import { listed, merged, timeColumns, timesShown } from './rows.ts'

const rowSchema = z.object({
  id: z.int(),
  number: z.string(),
  display_name: z.string(),
  country_code: z.string(),
  phone_line_id: z.int().nullable(),
  enabled: z.int(),
  capabilities: z.string(),
  ivr_enabled: z.int(),
  ivr_menu_id: z.int().nullable(),
  ivr_queue_id: z.int().nullable(),
  ivr_updated_at: z.int().nullable(),
  ...timeColumns,
})
const capabilitiesSchema = z.array(z.enum(capabilities))
const idRow = z.object({ id: z.int() })

export type StoredNumber = PhoneNumber & { readonly id: number; readonly phone_line_id: number | null }
type Writable = Omit<StoredNumber, 'id' | 'created_at' | 'updated_at'>

export class PhoneNumbers {
  readonly #db: DatabaseSyncInstance
  readonly #references: References

  constructor(db: DatabaseSyncInstance) {
    this.#db = db
    this.#references = new References(db)
  }

  list(query: PageQuery): Page<StoredNumber> {
    return listed(this.#db, 'phone_numbers', query, stored)
  }

  /** Throws a 404. */
  get(id: number): StoredNumber {
    return stored(this.#row(id))
  }

  /** For use inside a transaction, as all that change something. */
  create(asked: NewPhoneNumber, now: number): StoredNumber {
    const { number, display_name = number, enabled = true, capabilities: can = ['inbound', 'outbound'] } = asked
    const other = this.#db.prepare('SELECT id FROM phone_numbers WHERE number = ?').get(number)
    if (other !== undefined) throw taken('phone_number.number', `is phone number ${idRow.parse(other).id} already`)
    const country = asked.country_code ?? countryOf(number)
    checkCountry(number, country)
    const { lastInsertRowid } = this.#db
      .prepare(
        `INSERT INTO phone_numbers (number, display_name, country_code, phone_line_id, enabled, capabilities, created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(number, display_name, country, this.#line(asked.phone_line_id), enabled ? 1 : 0, JSON.stringify(unique(can)), now, now)
    return this.get(Number(lastInsertRowid))
  }

  change(id: number, { phone_line_id, ...change }: PhoneNumberChange, now: number): StoredNumber {
    const before = this.get(id)
    const next = merged<Omit<Writable, 'phone_line_id'>>(before, change)
    const line = phone_line_id === undefined ? before.phone_line_id : this.#line(phone_line_id)
    checkCountry(next.number, next.country_code)
    this.#db
      .prepare(
        `UPDATE phone_numbers SET display_name = ?, country_code = ?, phone_line_id = ?, enabled = ?, capabilities = ?, updated_at = ?
         WHERE id = ?`,
      )
      .run(next.display_name, next.country_code, line, next.enabled ? 1 : 0, JSON.stringify(unique(next.capabilities)), now, id)
    return this.get(id)
  }

  remove(id: number): void {
    this.get(id)
    this.#db.prepare('DELETE FROM phone_numbers WHERE id = ?').run(id)
  }

  ivr(id: number): IvrSettings {
    const { ivr_enabled, ivr_menu_id, ivr_queue_id, ivr_updated_at } = this.#row(id)
    return {
      phone_number_id: id,
      enabled: ivr_enabled === 1,
      menu_id: ivr_menu_id,
      queue_id: ivr_queue_id,
      updated_at: ivr_updated_at === null ? null : new Date(ivr_updated_at).toISOString(),
    }
  }

  setIvr(id: number, asked: Pick<IvrSettings, 'enabled' | 'menu_id' | 'queue_id'>, now: number): IvrSettings {
    this.#row(id)
    const menu = asked.menu_id === null ? null : this.#references.existing('menu', asked.menu_id, 'ivr.menu_id')
    const queue = asked.queue_id === null ? null : this.#references.existing('queue', asked.queue_id, 'ivr.queue_id')
    if (asked.enabled && menu === null && queue === null) {
      throw invalidField('ivr.menu_id', 'is needed, or a queue_id, for the IVR to be enabled')
    }
    this.#db
      .prepare('UPDATE phone_numbers SET ivr_enabled = ?, ivr_menu_id = ?, ivr_queue_id = ?, ivr_updated_at = ? WHERE id = ?')
      .run(asked.enabled ? 1 : 0, menu, queue, now, id)
    return this.ivr(id)
  }

  #line(id: PhoneNumber['phone_line_id'] | undefined): number | null {
    return id === undefined || id === null ? null : this.#references.existing('phone line', id, 'phone_number.phone_line_id')
  }

  #row(id: number): z.infer<typeof rowSchema> {
    const row = this.#db.prepare('SELECT * FROM phone_numbers WHERE id = ?').get(id)
    if (row === undefined) throw notFound('Phone number')
    return rowSchema.parse(row)
  }
}

function stored(row: unknown): StoredNumber {
  const { id, number, display_name, country_code, phone_line_id, enabled, capabilities: can, ...rest } = rowSchema.parse(row)
  const { created_at, updated_at } = rest
  return {
    id,
    number,
    display_name,
    country_code,
    phone_line_id,
    enabled: enabled === 1,
    capabilities: capabilitiesSchema.parse(JSON.parse(can)),
    ...timesShown({ created_at, updated_at }),
  }
}

const unique = <T>(values: readonly T[]) => [...new Set(values)]

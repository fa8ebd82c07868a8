/** How this account is set up: what an operator (or a test) may change while the sandbox runs. Kept with the data. */
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import { uploadKeptMs } from '../../wire/documented/upload.ts'

const row = z.object({ value: z.string() })

const accountSettingsSchema = z.strictObject({
  /** The Talk Partner Edition licence: without it `/calls`, display and voicemail tickets answer 403. */
  partner_edition: z.boolean().default(true),
  /** How long a new user or ticket is missing from searches, in ms. */
  search_lag_ms: z.int().min(0).max(600_000).default(2_000),
  /** How long an upload waits to be attached, in ms. */
  upload_kept_ms: z.int().min(0).default(uploadKeptMs),
  /** How often one user may update one ticket in ten minutes. */
  updates_per_ticket: z.int().min(1).default(30),
  /** Ids that are agents beside the users of that role. `any`: whoever is no end user. */
  agents: z.union([z.literal('any'), z.array(z.int().positive()).max(10_000)]).default('any'),
})

export type AccountSettings = z.infer<typeof accountSettingsSchema>
export const accountChangesSchema = z.strictObject({
  partner_edition: z.boolean().optional(),
  search_lag_ms: z.int().min(0).max(600_000).optional(),
  upload_kept_ms: z.int().min(0).optional(),
  updates_per_ticket: z.int().min(1).optional(),
  agents: z.union([z.literal('any'), z.array(z.int().positive()).max(10_000)]).optional(),
})

export class Settings {
  readonly #find: StatementSyncInstance
  readonly #save: StatementSyncInstance

  constructor(db: DatabaseSyncInstance) {
    this.#save = db.prepare(
      "INSERT INTO settings (name, value) VALUES ('account', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    )
    this.#find = db.prepare("SELECT value FROM settings WHERE name = 'account'")
  }

  get current(): AccountSettings {
    const found = this.#find.get()
    return accountSettingsSchema.parse(found === undefined ? {} : JSON.parse(row.parse(found).value))
  }

  /** For use inside a transaction. */
  change(changes: z.infer<typeof accountChangesSchema>): AccountSettings {
    const next = accountSettingsSchema.parse({ ...this.current, ...changes })
    this.#save.run(JSON.stringify(next))
    return next
  }
}

import type { Kysely } from 'kysely'
import type { Schema } from './schema.ts'

/** An open database of either kind, at this program's version. */
export interface OpenDatabase {
  readonly db: Kysely<Schema>
  /** For people; without a password. */
  readonly name: string
  /** Idempotent. */
  close(): Promise<void>
}

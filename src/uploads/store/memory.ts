/**
 * What a sink must still know after a crash between two of its requests: small texts by key. Satisfies the sink's SinkMemory.
 *
 * Notes about one call or one delivery go some time after it (prune.ts). All others are kept: who has called before, whose ticket is
 * whose, what an agent's status was, the newest OAuth tokens. There is one for each person or rule, so they stay few.
 */
import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.ts'

export interface MemoryStoreOptions {
  readonly db: Kysely<Schema>
  /** Epoch ms. */
  readonly now: () => number
}

/** Kinds of keys whose name is the id of a call or of a job (zendesk/memory.ts has them all). */
const passing: ReadonlySet<string> = new Set(['call', 'call-ticket', 'wish', 'item'])

const aboutOf = (key: string): string | null => {
  const colon = key.indexOf(':')
  return passing.has(key.slice(0, colon)) ? key.slice(colon + 1) : null
}

export class MemoryStore {
  readonly #db: Kysely<Schema>
  readonly #now: () => number

  constructor({ db, now }: MemoryStoreOptions) {
    this.#db = db
    this.#now = now
  }

  async get(key: string): Promise<string | null> {
    const row = await this.#db.selectFrom('sink_memory').select('value').where('key', '=', key).executeTakeFirst()
    return row?.value ?? null
  }

  async put(key: string, value: string): Promise<void> {
    await this.#db
      .insertInto('sink_memory')
      .values({ key, value, about: aboutOf(key), updated_at: this.#now() })
      .onConflict(conflict => conflict.column('key').doUpdateSet({ value, updated_at: this.#now() }))
      .execute()
  }

  async claim(key: string, value: string): Promise<string> {
    const row = await this.#db
      .insertInto('sink_memory')
      .values({ key, value, about: aboutOf(key), updated_at: this.#now() })
      // An update that changes nothing: only then is the row that was there returned.
      .onConflict(conflict => conflict.column('key').doUpdateSet({ value: sql`sink_memory.value` }))
      .returning('value')
      .executeTakeFirstOrThrow()
    return row.value
  }
}

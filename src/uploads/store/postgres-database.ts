/**
 * Opens the shared database (`store.postgres`). The connection may drop at any time: what was under way fails and is tried again by
 * whoever asked, and the pool dials anew.
 */
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import type { OpenDatabase } from './open-database.ts'
import { migratePostgres } from './postgres-migrations.ts'
import type { Schema } from './schema.ts'
import { StoreOpenError } from './store-open-error.ts'

export interface PostgresOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE` */
  readonly url: string
  /** Told of connections that failed while nobody used them. */
  readonly log: { warn(fields: object, msg: string): void }
}

const CONNECTIONS = 8
const CONNECT_TIMEOUT_MS = 10_000
/** No statement of ours comes near; one that hangs on a lock must not hang the bridge. */
const STATEMENT_TIMEOUT_MS = 30_000

/** Opens the database, or throws a StoreOpenError that says what to do. */
export const openPostgres = async ({ url, log }: PostgresOptions): Promise<OpenDatabase> => {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    application_name: 'tpe-bridge',
    types: { getTypeParser: numbersForBigints },
  })
  pool.on('error', error => log.warn({ reason: error.message }, 'a connection to the shared database was lost'))
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) })
  const name = describe(url)
  try {
    await sql`select 1`.execute(db)
    await migratePostgres(db, name)
  } catch (cause) {
    await db.destroy()
    if (cause instanceof StoreOpenError) throw cause
    throw new StoreOpenError(
      'unusable',
      `${name} cannot be used (${messageOf(cause)}): check store.postgres, and that it is up`,
      {
        cause,
      },
    )
  }
  let closed: Promise<void> | null = null
  return {
    db,
    close: () => {
      closed ??= db.destroy()
      return closed
    },
  }
}

/** All our bigints are epoch ms and counters: far below 2^53. */
const INT8 = 20
const numbersForBigints: typeof pg.types.getTypeParser = (id: number, format?: 'text' | 'binary') =>
  id === INT8 ? Number : format === 'binary' ? pg.types.getTypeParser(id, 'binary') : pg.types.getTypeParser(id, 'text')

/** The database without its password, for messages. */
const describe = (url: string): string => {
  if (!URL.canParse(url)) return 'store.postgres'
  const { host, pathname } = new URL(url)
  return `the database ${pathname.slice(1)} on ${host}`
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error))

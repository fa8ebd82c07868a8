/**
 * Opens the shared database (`store.postgres`). The connection may drop at any time: what was under way fails and is tried again by
 * whoever asked, and the pool dials anew.
 */
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import type { OpenDatabase } from './open-database.ts'
import { migratePostgres, requireCurrentPostgres } from './postgres-migrations.ts'
import type { Schema } from './schema.ts'
import { StoreOpenError } from './store-open-error.ts'

export interface PostgresOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE` */
  readonly url: string
  /** `bridge` creates and migrates; `tool` opens what bridges have made. */
  readonly role: 'bridge' | 'tool'
  /** Told of connections that failed while nobody used them. */
  readonly log: { warn(fields: object, msg: string): void }
}

const CONNECTIONS = 8
const CONNECT_TIMEOUT_MS = 10_000
/** No statement of ours comes near; one that hangs on a lock must not hang the bridge. */
const STATEMENT_TIMEOUT_MS = 30_000
/** A bridge that falls silent in the middle of a transaction (a cut cable) must not keep its locks from the others. */
const IDLE_IN_TRANSACTION_MS = 20_000
/** The same, seen from here: beyond the database's own limit, nobody is there who could answer. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5_000

/** Opens the database, or throws a StoreOpenError that says what to do. */
export const openPostgres = async ({ url, role, log }: PostgresOptions): Promise<OpenDatabase> => {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'tpe-bridge',
    types: { getTypeParser: numbersForBigints },
  })
  pool.on('error', error => log.warn({ reason: error.message }, 'a connection to the shared database was lost'))
  // The pool listens to idle connections only. One that is lost in use, between two statements, would end the process; the next
  // statement on it fails and says so.
  pool.on('connect', client => client.on('error', () => {}))
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) })
  const name = databaseName(url)
  try {
    await sql`select 1`.execute(db)
    await (role === 'bridge' ? migratePostgres(db, name) : requireCurrentPostgres(db, name))
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
    name,
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
export const databaseName = (url: string): string => {
  if (!URL.canParse(url)) return 'store.postgres'
  const { host, pathname } = new URL(url)
  return `the database ${pathname.slice(1)} on ${host}`
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error))

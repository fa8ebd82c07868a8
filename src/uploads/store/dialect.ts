/**
 * Where the two databases differ. SQLite has one writer, so whatever a transaction reads stays true until it commits. In PostgreSQL
 * several bridges write at once (read committed), so a transaction takes a lock on what it is about to decide on.
 */
import { type Kysely, PostgresAdapter, type SelectQueryBuilder, sql, type Transaction } from 'kysely'
import type { Schema } from './schema.ts'

/** Whether several processes write to this database at once. */
export const isShared = (db: Kysely<Schema>): boolean => db.getExecutor().adapter instanceof PostgresAdapter

/** Names our advisory locks among those of others in the same database: "tpe". */
const LOCK_SPACE = 0x747065

/** Events are numbered in the order of their commits only when one transaction at a time appends them; the live feed relies on it. */
export const lockAppends = async (trx: Transaction<Schema>): Promise<void> => {
  if (isShared(trx)) await sql`select pg_advisory_xact_lock(${LOCK_SPACE}::int, 0)`.execute(trx)
}

/** Whether this bridge may do now what one at a time is enough for. Until the commit. */
export const isOurTurnToPrune = async (trx: Transaction<Schema>): Promise<boolean> => {
  if (!isShared(trx)) return true
  const { rows } = await sql<{ ours: boolean }>`select pg_try_advisory_xact_lock(${LOCK_SPACE}::int, 1) as ours`.execute(trx)
  return rows[0]?.ours === true
}

/** One bridge after the other enters: of two that start together, one sees the other. */
export const lockEntrance = async (trx: Transaction<Schema>): Promise<void> => {
  await sql`select pg_advisory_xact_lock(${LOCK_SPACE}::int, 2)`.execute(trx)
}

/** Until the commit nobody else decides whose turn it is among the jobs of these keys. One order for all: no deadlocks. */
export const lockTurns = async (trx: Transaction<Schema>, keys: readonly string[]): Promise<void> => {
  if (!isShared(trx) || keys.length === 0) return
  await sql`select pg_advisory_xact_lock(hashtextextended(key, ${LOCK_SPACE}))
    from (select unnest(${sql.val([...keys])}::text[]) as key order by 1) as sorted`.execute(trx)
}

/** Rows that another claim is just taking are passed over instead of waited for. */
export const passingOverClaimed = <DB, TB extends keyof DB, O>(
  db: Kysely<Schema>,
  query: SelectQueryBuilder<DB, TB, O>,
): SelectQueryBuilder<DB, TB, O> => (isShared(db) ? query.forUpdate().skipLocked() : query)

/** Rows that are read to be changed: nobody else changes them until the commit. */
export const holding = <DB, TB extends keyof DB, O>(
  db: Kysely<Schema>,
  query: SelectQueryBuilder<DB, TB, O>,
): SelectQueryBuilder<DB, TB, O> => (isShared(db) ? query.forUpdate() : query)

/** Rows that are read to decide on: whoever is changing one is waited for, and nobody changes them until the commit. */
export const asTheyStay = <DB, TB extends keyof DB, O>(
  db: Kysely<Schema>,
  query: SelectQueryBuilder<DB, TB, O>,
): SelectQueryBuilder<DB, TB, O> => (isShared(db) ? query.forShare() : query)

/** A clock that goes back by more was set back; by less NTP moves it all day. */
export const STEP_MS = 1_000

/** The database's own clock, epoch ms: bridges agree on it, whatever theirs say. */
export const databaseNow = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`

/** PostgreSQL says so when two transactions stood in each other's way; the loser did nothing and may simply begin again. */
const serializationFailures = new Set(['40001', '40P01'])
const ATTEMPTS = 5

/** Runs `work` in a transaction. It may run more than once, so it touches nothing but the database. */
export const transact = async <T>(db: Kysely<Schema>, work: (trx: Transaction<Schema>) => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(work)
    } catch (error) {
      if (attempt >= ATTEMPTS || !isSerializationFailure(error)) throw error
    }
  }
}

const isSerializationFailure = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && serializationFailures.has(error.code)

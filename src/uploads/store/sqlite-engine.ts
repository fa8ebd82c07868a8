/**
 * SQLite itself: Node's own `node:sqlite` where it is stable (Node 24), else @photostructure/sqlite, which has the same API.
 * Neither is what kysely's SqliteDialect expects (better-sqlite3), so `forKysely` translates.
 */
import { version } from 'node:process'
import type { SqliteDatabase, SqliteStatement } from 'kysely'

export interface SqliteHandle {
  /** Whether a transaction is open. */
  readonly isTransaction: boolean
  exec(sql: string): void
  prepare(sql: string): SqliteHandleStatement
  close(): void
}

interface SqliteHandleStatement {
  all(...parameters: unknown[]): unknown[]
  run(...parameters: unknown[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint }
  iterate(...parameters: unknown[]): IterableIterator<unknown>
  columns(): readonly unknown[]
}

type DatabaseConstructor = new (path: string) => SqliteHandle

const NODE_WITH_STABLE_SQLITE = 24

/** Opens the file at `path`, creating it when it is missing. Throws what SQLite throws. */
export const openHandle = async (path: string): Promise<SqliteHandle> => {
  const Database = await loadEngine()
  return new Database(path)
}

const loadEngine = async (): Promise<DatabaseConstructor> => {
  if (Number.parseInt(version.slice(1), 10) < NODE_WITH_STABLE_SQLITE)
    return (await import('@photostructure/sqlite')).DatabaseSync
  // A variable, because the types of Node 20, which we build with, do not know the module.
  const builtin: string = 'node:sqlite'
  const engine: unknown = await import(builtin)
  if (!isEngine(engine)) throw new TypeError(`${builtin} of Node ${version} has no DatabaseSync`)
  return engine.DatabaseSync
}

const isEngine = (module: unknown): module is { readonly DatabaseSync: DatabaseConstructor } =>
  typeof module === 'object' && module !== null && 'DatabaseSync' in module && typeof module.DatabaseSync === 'function'

/** A statement of ours has one SQL text for each batch size, so their number is bounded, but not small. */
const CACHED_STATEMENTS = 400

/** The handle as kysely wants it, with three differences (see below). */
export const forKysely = (handle: SqliteHandle): SqliteDatabase => {
  // 1. Compiled statements are kept: kysely prepares anew for every query. A Map remembers the order of use.
  const compiled = new Map<string, SqliteStatement>()
  const prepare = (sql: string): SqliteStatement => {
    const known = compiled.get(sql)
    if (known !== undefined) {
      compiled.delete(sql)
      compiled.set(sql, known)
      return known
    }
    const statement = translate(handle.prepare(sql))
    compiled.set(sql, statement)
    for (const oldest of compiled.keys()) {
      if (compiled.size <= CACHED_STATEMENTS) break
      compiled.delete(oldest)
    }
    return statement
  }
  return {
    prepare: sql => {
      // 2. A transaction that reads first and writes then fails at once, without busy_timeout, when another process wrote in
      //    between (SQLITE_BUSY_SNAPSHOT); one that begins as a writer waits its turn instead.
      if (sql === 'begin') return prepare('begin immediate')
      // 3. SQLite rolls back by itself when the disk is full or fails; a second rollback would hide that error.
      if (sql === 'rollback' && !handle.isTransaction) return nothing
      return prepare(sql)
    },
    close: () => {
      compiled.clear()
      handle.close()
    },
  }
}

const translate = (statement: SqliteHandleStatement): SqliteStatement => ({
  reader: statement.columns().length > 0,
  all: parameters => statement.all(...parameters),
  run: parameters => statement.run(...parameters),
  iterate: parameters => statement.iterate(...parameters),
})

const nothing: SqliteStatement = {
  reader: false,
  all: () => [],
  run: () => ({ changes: 0, lastInsertRowid: 0 }),
  iterate: () => [].values(),
}

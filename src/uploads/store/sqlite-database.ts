/**
 * Opens `data_dir/bridge.db`.
 *
 * 1. WAL: readers (the command line) never wait for the bridge, nor the bridge for them.
 * 2. synchronous=FULL: a commit that was acknowledged survives a power cut (docs/adr/0004). The price is one fsync a commit,
 *    so everything that writes often writes in batches.
 * 3. The bridge holds the writer lock as long as the database is open; tools open the same file without it.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely, SqliteDialect } from 'kysely'
import type { OpenDatabase } from './open-database.ts'
import type { Schema } from './schema.ts'
import { forKysely, openHandle, type SqliteHandle } from './sqlite-engine.ts'
import { migrate, requireCurrentVersion } from './sqlite-migrations.ts'
import { StoreOpenError } from './store-open-error.ts'
import { takeWriterLock, type WriterLock } from './writer-lock.ts'

export interface SqliteOptions {
  readonly dataDir: string
  /** `bridge` creates, migrates and locks; `tool` opens what a bridge has made, whether it runs or not. */
  readonly role: 'bridge' | 'tool'
  /** How long a statement waits for another process's transaction, in ms. The event loop waits with it. */
  readonly busyTimeoutMs?: number
}

/** A bridge has calls to follow meanwhile; a tool may wait until a busy bridge lets it in. */
const BUSY_TIMEOUT_MS = { bridge: 2_000, tool: 15_000 } as const

/** Opens the database or throws a StoreOpenError that says what to do. */
export const openSqlite = async (options: SqliteOptions): Promise<OpenDatabase> => {
  const path = join(options.dataDir, 'bridge.db')
  const asBridge = options.role === 'bridge'
  if (asBridge) makeDataDir(options.dataDir)
  else if (!existsSync(path)) {
    throw new StoreOpenError('missing', `${path} does not exist: has a bridge been started with this data_dir?`)
  }
  const lock: WriterLock | null = asBridge ? await takeWriterLock(options.dataDir) : null
  let handle: SqliteHandle | null = null
  try {
    handle = await openHandle(path)
    configure(handle, options.busyTimeoutMs ?? BUSY_TIMEOUT_MS[options.role])
    const database = forKysely(handle)
    const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database }) })
    await (asBridge ? migrate(db, path) : requireCurrentVersion(db, path))
    return { db, name: path, close: closer(db, database, lock) }
  } catch (cause) {
    handle?.close()
    lock?.release()
    if (cause instanceof StoreOpenError) throw cause
    const advice = 'check the disk and the permissions; if the file is damaged, restore a backup or move it away to begin anew'
    throw new StoreOpenError('unusable', `${path} cannot be used (${messageOf(cause)}): ${advice}`, { cause })
  }
}

// 0700: the database holds phone numbers.
const makeDataDir = (dataDir: string): void => {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new StoreOpenError('unusable', `data_dir ${dataDir} cannot be created (${messageOf(cause)})`, { cause })
  }
}

const configure = (handle: SqliteHandle, busyTimeoutMs: number): void => {
  handle.exec(`pragma busy_timeout = ${Math.floor(busyTimeoutMs)}`)
  handle.exec('pragma journal_mode = wal')
  handle.exec('pragma synchronous = full')
  handle.exec('pragma foreign_keys = on')
  // After a burst the log shrinks again, instead of keeping its largest size for ever.
  handle.exec(`pragma journal_size_limit = ${64 * 1024 * 1024}`)
}

const closer = (db: Kysely<Schema>, database: { close(): void }, lock: WriterLock | null): (() => Promise<void>) => {
  let closed: Promise<void> | null = null
  // Holding the only connection means that no transaction is open.
  const close = async (): Promise<void> => {
    await db.connection().execute(async () => database.close())
    lock?.release()
  }
  return () => {
    closed ??= close()
    return closed
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

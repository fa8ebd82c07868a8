/**
 * The sandbox's SQLite file. Commits are on disk when they return (WAL, synchronous=FULL); one process at a time (the exclusive
 * lock is the operating system's, so it goes with the process however that ends).
 */
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { supportTables } from './support/tables.ts'
import { voiceTables } from './voice/tables.ts'

/** What the deliveries need; the two halves of the API add tables of their own. */
const deliveryTables = `
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE answers (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    body TEXT NOT NULL,
    repeats INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    external_id TEXT NOT NULL UNIQUE,
    sequence INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    call TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE events (
    arrival INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    call_id INTEGER NOT NULL REFERENCES calls (id),
    sequence INTEGER NOT NULL,
    type TEXT NOT NULL,
    late INTEGER NOT NULL,
    event TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    UNIQUE (call_id, sequence)
  ) STRICT;
  CREATE TABLE audio (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('recording', 'voicemail')),
    external_id TEXT NOT NULL,
    external_call_id TEXT,
    metadata TEXT NOT NULL,
    file TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    UNIQUE (kind, external_id)
  ) STRICT;
  CREATE INDEX audio_by_call ON audio (external_call_id) WHERE external_call_id IS NOT NULL;
`

/** One entry a version, never changed once released. */
const migrations: readonly string[] = [deliveryTables, `${voiceTables}${supportTables}`]
const version = migrations.length

/** Opens and, the first time, creates the file. Throws, saying what to do, when another process has it or it is of a newer version. */
export function openDatabase(path: string): DatabaseSyncInstance {
  const db = new DatabaseSync(path)
  try {
    // Before WAL is entered, so that no shared memory is used and nobody else gets in.
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
    const { user_version: found }: { user_version: number } = db.prepare('PRAGMA user_version').get()
    if (found > version)
      throw new Error(`${path} was written by a newer version of tpe-bridge: use that version, or move the file away`)
    // A transaction in any case: it takes the lock.
    db.exec(`BEGIN EXCLUSIVE; ${migrations.slice(found).join('')} PRAGMA user_version = ${version}; COMMIT`)
    return db
  } catch (cause) {
    db.close()
    if (cause instanceof Error && /locked|busy/i.test(cause.message)) {
      throw new Error(`${path} is in use by another sandbox: stop it, or give this one another data_dir`, { cause })
    }
    throw cause
  }
}

/**
 * Closes the file and lets the next process in. Closing alone is not enough: the connection, and with it the lock, lives on until
 * its prepared statements are garbage; and a lock that WAL was entered with is only given up by leaving WAL.
 */
export function closeDatabase(db: DatabaseSyncInstance): void {
  try {
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA locking_mode = NORMAL; SELECT count(*) FROM settings')
  } finally {
    db.close()
  }
}

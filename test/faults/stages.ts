/** Where worlds keep what they must not forget: a SQLite file each, or a schema each of one real PostgreSQL with clocks that can be moved. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { PostgresServer } from '../uploads/store/postgres-server.ts'
import type { Stage } from './batch.ts'

export interface OpenStage extends Stage {
  close(): Promise<void>
}

const LEASE_MS = 4_000
const REPEAT_MS = 20

// What is killed is a process, not the machine: memory keeps what a disk would, and costs no fsync.
const makeFolder = async (): Promise<string> => await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tpe-faults-'))

export async function openSqliteStage(): Promise<OpenStage> {
  const folder = await makeFolder()
  return {
    kind: 'sqlite',
    folder,
    storeFor: async () => ({ kind: 'sqlite' }),
    setDatabaseClock: async () => {},
    crash: async () => false,
    close: async () => await rm(folder, { recursive: true, force: true }),
  }
}

/** A function of this name in a schema that is searched first stands in for PostgreSQL's own. */
const clockOf = (schema: string) => `
  create schema ${schema};
  create table ${schema}.moved_clock (ms bigint not null);
  insert into ${schema}.moved_clock values (0);
  create function ${schema}.clock_timestamp() returns timestamptz language sql volatile as
    'select pg_catalog.clock_timestamp() + ms * interval ''1 millisecond'' from ${schema}.moved_clock'`

export async function openPostgresStage(): Promise<OpenStage> {
  const folder = await makeFolder()
  const server = await PostgresServer.start(['-c', 'max_connections=600'])
  const database = await server.database()
  const pool = new pg.Pool({ connectionString: database, max: 4 })
  pool.on('error', () => {}) // it is crashed on purpose
  return {
    kind: 'postgres',
    folder,
    storeFor: async world => {
      await pool.query(clockOf(world))
      const url = new URL(database)
      url.searchParams.set('options', `-c search_path=${world},pg_catalog`)
      return { kind: 'postgres', url: url.href, leaseMs: LEASE_MS }
    },
    setDatabaseClock: async (world, ms) => {
      for (;;) {
        try {
          await pool.query(`update ${world}.moved_clock set ms = $1`, [ms])
          return
        } catch {
          await wait(REPEAT_MS) // it is just being restarted
        }
      }
    },
    crash: async () => {
      await server.kill('SIGQUIT')
      await server.run()
      return true
    },
    close: async () => {
      await pool.end()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Where worlds keep what they must not forget: a SQLite file each, or a schema each of one real PostgreSQL with clocks that can be moved. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { byMovableClock, movableClock, moveClock } from '../uploads/store/movable-clock.ts'
import { PostgresServer } from '../uploads/store/postgres-server.ts'
import type { Stage } from './batch.ts'

export interface OpenStage extends Stage {
  /** After a batch: nothing asks for its worlds any more. */
  clear(): Promise<void>
  close(): Promise<void>
}

const LEASE_MS = 4_000
const WORLDS_A_DATABASE = 8
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
    clear: async () => {},
    close: async () => await rm(folder, { recursive: true, force: true }),
  }
}

export async function openPostgresStage(): Promise<OpenStage> {
  const folder = await makeFolder()
  const server = await PostgresServer.start(['-c', 'max_connections=800'])
  const pools = new Map<string, pg.Pool>()
  let filled = 0
  let newest: { readonly url: string; readonly pool: pg.Pool } | null = null
  const close = async (): Promise<void> => {
    await Promise.all([...new Set(pools.values())].map(pool => pool.end()))
    pools.clear()
    newest = null
  }
  return {
    kind: 'postgres',
    folder,
    storeFor: async world => {
      // Those who append to one database wait for each other; a few worlds of a batch may.
      if (newest === null || filled++ % WORLDS_A_DATABASE === 0) {
        const url = await server.database()
        newest = { url, pool: new pg.Pool({ connectionString: url, max: 2 }) }
        newest.pool.on('error', () => {}) // it is crashed on purpose
      }
      const { url, pool } = newest
      pools.set(world, pool)
      await pool.query(movableClock(world))
      return { kind: 'postgres', url: byMovableClock(url, world), leaseMs: LEASE_MS }
    },
    setDatabaseClock: async (world, ms) => {
      for (let pool = pools.get(world); pool !== undefined; pool = pools.get(world)) {
        try {
          await pool.query(moveClock(world, ms))
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
    clear: close,
    close: async () => {
      await close()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

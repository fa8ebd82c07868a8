/**
 * Opens the store that the configuration asks for: this bridge's own database in data_dir, or one that bridges share. With a shared one
 * the rate limit is shared, too.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type { Config } from '../config/schema.ts'
import type { Allowance } from '../uploads/flow/allowance.ts'
import { RateLimit } from '../uploads/flow/rate-limit.ts'
import { bridgeIdOf } from '../uploads/store/bridge-id.ts'
import { databaseName } from '../uploads/store/postgres-database.ts'
import { PostgresStore } from '../uploads/store/postgres-store.ts'
import { SqliteStore } from '../uploads/store/sqlite-store.ts'
import type { Store } from '../uploads/store/store.ts'
import { takeWriterLock } from '../uploads/store/writer-lock.ts'
import { reachOf } from './archive.ts'

type StoreConfig = Pick<Config, 'dataDir' | 'store'>

export interface StoreLog {
  info(fields: object, msg: string): void
  warn(fields: object, msg: string): void
  error(fields: object, msg: string): void
}

export interface OpenedStore {
  readonly store: Store
  /** The limit of `zendesk.requests_per_minute`, of all bridges together where they share a store. */
  readonly limit: Allowance & Pick<RateLimit, 'observe' | 'configure'>
  /** Closes the store and lets the next bridge have the data_dir. */
  close(): Promise<void>
}

/** For the bridge: creates what is missing. Throws a StoreOpenError that says what to do. */
export async function openStore(
  config: StoreConfig & Pick<Config, 'site' | 'zendesk' | 'archive'>,
  log: StoreLog,
): Promise<OpenedStore> {
  const { dataDir, site, zendesk } = config
  const archive = reachOf(config.archive)
  const perMinute = zendesk.requestsPerMinute
  const url = config.store.postgres
  if (url === null) {
    const store = await SqliteStore.open({ dataDir, role: 'bridge', now: Date.now, log, archive })
    return { store, limit: new RateLimit({ perMinute, now: Date.now() }), close: () => store.close() }
  }
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  // The spool and the bridge's name are in there: one process at a time, whichever database it works on.
  const lock = await takeWriterLock(dataDir)
  try {
    const bridge = bridgeIdOf(dataDir, randomUUID)
    const share = { bridge, site, account: accountOf(zendesk), owner: `${bridge}/${randomUUID()}`, leaseMs: config.store.leaseMs }
    const store = await PostgresStore.open({ url, share, now: Date.now, log, archive })
    log.info({ store: store.name, bridge, process: share.owner }, 'store is shared')
    return {
      store,
      limit: store.rateLimit({ name: share.account, perMinute, log }),
      close: async () => {
        await store.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** For a command that looks or operates beside a running bridge, or without one. Throws a StoreOpenError that says what to do. */
export async function openStoreAsTool({ dataDir, store }: StoreConfig, log: Omit<StoreLog, 'info'>): Promise<Store> {
  if (store.postgres === null) return await SqliteStore.open({ dataDir, role: 'tool', now: Date.now, log })
  return await PostgresStore.openAsTool({ url: store.postgres, now: Date.now, log })
}

/** Which database it is, for people; without a password. */
export function storeName({ store }: Pick<Config, 'store'>): string | null {
  return store.postgres === null ? null : databaseName(store.postgres)
}

function accountOf({ baseUrl }: Config['zendesk']): string {
  return baseUrl === null ? 'sandbox' : new URL(baseUrl).host
}

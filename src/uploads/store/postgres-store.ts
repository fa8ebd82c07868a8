/**
 * The store that several bridges share. What this bridge claims is its own while it renews its lease; what a dead bridge had
 * claimed becomes anybody's when its lease is over.
 */
import type { OpenDatabase } from './open-database.ts'
import { openPostgres, type PostgresOptions } from './postgres-database.ts'
import { SharedRateLimit } from './shared-rate-limit.ts'
import { Store, type StoreOptions } from './store.ts'

export interface SharedStoreOptions extends PostgresOptions, Omit<StoreOptions, 'lease' | 'log'> {
  /** Of this process and no other. */
  readonly owner: string
  readonly leaseMs?: number
  readonly log: StoreOptions['log'] & PostgresOptions['log']
}

const LEASE_MS = 30_000
/** Renewals that may fail in a row before the lease is over. */
const RENEWALS_PER_LEASE = 4

export class PostgresStore extends Store {
  readonly #db: OpenDatabase['db']
  readonly #now: () => number
  #timer: NodeJS.Timeout | null = null
  #beat: Promise<void> = Promise.resolve()

  private constructor(database: OpenDatabase, options: StoreOptions) {
    super(database, options)
    this.#db = database.db
    this.#now = options.now
  }

  /** Throws a StoreOpenError that says what to do. */
  static async open(options: SharedStoreOptions): Promise<PostgresStore> {
    const { owner, leaseMs = LEASE_MS } = options
    const store = new PostgresStore(await openPostgres(options), { ...options, lease: { owner, ms: leaseMs } })
    store.#renewEvery(leaseMs / RENEWALS_PER_LEASE, options.log)
    return store
  }

  /** One limit for all bridges of this database that name it. */
  rateLimit(options: {
    readonly name: string
    readonly perMinute: number
    readonly log: PostgresOptions['log']
  }): SharedRateLimit {
    return new SharedRateLimit({ ...options, db: this.#db, now: this.#now })
  }

  override async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    await this.#beat
    await super.close()
  }

  #renewEvery(ms: number, log: SharedStoreOptions['log']): void {
    this.#timer = setInterval(() => {
      this.#beat = this.#beat.then(() => this.#renew(log))
    }, ms)
  }

  /** Keeps our own jobs, and takes over those of bridges that are gone. */
  async #renew(log: SharedStoreOptions['log']): Promise<void> {
    try {
      await this.jobs.renewLease()
      const taken = await this.jobs.recover()
      if (taken > 0) {
        log.warn({ jobs: taken }, 'deliveries of a bridge that is gone are taken over')
        this.notifyJobs()
      }
    } catch (error) {
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'the lease on deliveries could not be renewed')
    }
  }
}

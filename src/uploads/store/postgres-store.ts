/**
 * The store that several bridges share. What this bridge claims is its own while it renews its lease; what a dead bridge had
 * claimed becomes anybody's when its lease is over, except audio, which lies on that bridge's disk.
 *
 * 1. A sign of life goes out four times a lease, whatever else the database is asked.
 * 2. What other bridges have stored is found by asking every WATCH_MS: that survives every loss of a connection by itself
 *    (docs/adr/0022).
 */
import { lanes } from '../job.ts'
import { Bridges, COUNTED_UP_TO } from './bridges.ts'
import type { OpenDatabase } from './open-database.ts'
import { openPostgres, type PostgresOptions } from './postgres-database.ts'
import { Repeating } from './repeating.ts'
import type { Share } from './share.ts'
import { SharedRateLimit } from './shared-rate-limit.ts'
import { Store, type StoreHealth, type StoreOptions } from './store.ts'

export interface SharedStoreOptions extends Omit<PostgresOptions, 'role'>, Omit<StoreOptions, 'share' | 'log'> {
  readonly share: Share
  readonly log: StoreOptions['log'] & PostgresOptions['log']
}

/** Renewals that may fail in a row before the lease is over. */
const RENEWALS_PER_LEASE = 4
const WATCH_MS = 500

export class PostgresStore extends Store {
  readonly #db: OpenDatabase['db']
  readonly #now: () => number
  readonly #log: SharedStoreOptions['log']
  readonly #bridges: Bridges
  readonly #rounds: readonly Repeating[]
  #newestEvent: number | null = null
  #trouble: { readonly since: number; readonly reason: string } | null = null
  #isImpersonated = false
  #waiting: { readonly audio: number; readonly told: string } | null = null

  private constructor(database: OpenDatabase, options: SharedStoreOptions, bridges: Bridges) {
    super(database, options)
    this.#db = database.db
    this.#now = options.now
    this.#log = options.log
    this.#bridges = bridges
    this.#rounds = [
      new Repeating(options.share.leaseMs / RENEWALS_PER_LEASE, () => this.#asked(() => this.#renew())),
      new Repeating(WATCH_MS, () => this.#asked(() => this.#watch())),
    ]
  }

  /** Throws a StoreOpenError that says what to do. */
  static async open(options: SharedStoreOptions): Promise<PostgresStore> {
    const database = await openPostgres({ ...options, role: 'bridge' })
    try {
      const bridges = new Bridges(database.db, options.share)
      await bridges.noticeSetBack()
      await bridges.enter(database.name)
      return new PostgresStore(database, options, bridges)
    } catch (error) {
      await database.close()
      throw error
    }
  }

  /** For a command that looks or operates, whether bridges run or not. Throws a StoreOpenError that says what to do. */
  static async openAsTool(options: Omit<SharedStoreOptions, 'share'>): Promise<Store> {
    return new Store(await openPostgres({ ...options, role: 'tool' }), options)
  }

  /** One limit for all bridges of this database that name it. */
  rateLimit(options: {
    readonly name: string
    readonly perMinute: number
    readonly log: PostgresOptions['log']
  }): SharedRateLimit {
    return new SharedRateLimit({ ...options, db: this.#db, now: this.#now })
  }

  override health(): StoreHealth {
    const troubles: string[] = []
    if (this.#trouble !== null) {
      const since = new Date(this.#trouble.since).toISOString()
      troubles.push(`${this.name} has not answered since ${since}, everything waits for it: ${this.#trouble.reason}`)
    }
    if (this.#isImpersonated) troubles.push(impersonated)
    if (this.#waiting !== null) troubles.push(this.#waiting.told)
    return troubles.length === 0 ? { state: 'ok', reason: null } : { state: 'degraded', reason: troubles.join('; ') }
  }

  override get audioElsewhere(): number {
    return this.#waiting?.audio ?? 0
  }

  override async close(): Promise<void> {
    await Promise.all(this.#rounds.map(round => round.stop()))
    await super.close()
  }

  async #asked(ask: () => Promise<void>): Promise<void> {
    try {
      await ask()
      if (this.#trouble !== null) this.#log.warn({ store: this.name }, 'the shared database answers again')
      this.#trouble = null
    } catch (error) {
      const reason = error instanceof Error ? error.message || error.name : String(error)
      if (this.#trouble === null) this.#log.warn({ store: this.name, reason }, 'the shared database does not answer')
      this.#trouble = { since: this.#trouble?.since ?? this.#now(), reason }
    }
  }

  /** Keeps our own jobs, takes over those of bridges that are gone, and looks at what cannot be taken over. */
  async #renew(): Promise<void> {
    await this.jobs.renewLease()
    // Before our own sign of life, which is of the present time again.
    if (await this.#bridges.noticeSetBack()) this.#log.warn({ store: this.name }, "the shared database's clock was set back")
    const isOurs = await this.#bridges.renew()
    if (!isOurs && !this.#isImpersonated) this.#log.error({}, impersonated)
    this.#isImpersonated = !isOurs
    const taken = await this.jobs.recover(lanes)
    if (taken > 0) {
      this.#log.warn({ jobs: taken }, 'deliveries of a bridge that is gone are taken over')
      this.notifyJobs()
    }
    const absent = await this.#bridges.absent()
    const told = absent.map(({ bridge, site, seenAt, audio }) => {
      const many = audio >= COUNTED_UP_TO ? `${COUNTED_UP_TO} or more` : String(audio)
      const since = new Date(seenAt).toISOString()
      return `${many} recordings wait on the disk of bridge ${bridge} (site ${site}), not heard of since ${since}: start it again`
    })
    const audio = absent.reduce((sum, bridge) => sum + bridge.audio, 0)
    this.#waiting = audio === 0 ? null : { audio, told: told.join('; ') }
  }

  async #watch(): Promise<void> {
    const row = await this.#db.selectFrom('events').select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst()
    const newest = row?.seq ?? 0
    const hasGrown = this.#newestEvent !== null && newest > this.#newestEvent
    this.#newestEvent = newest
    if (hasGrown) this.notifyGrowth()
  }
}

const impersonated =
  'another process runs as this bridge, so its data_dir was copied: give each bridge a data_dir of its own, without the file bridge-id'

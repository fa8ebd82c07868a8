/**
 * The outbox's store: one database, one part for each of those who use it. It stands on SQLite (sqlite-store.ts) or PostgreSQL
 * (postgres-store.ts); both pass the same contract tests (test/uploads/store/store-contract.ts).
 *
 * Listeners hear of a change after its commit (docs/architecture.md: store first). What another process did is found by polling.
 */
import type { CallEvent } from '../../events/event.ts'
import { AuditStore } from './audit.ts'
import { CallStore } from './calls.ts'
import { CdrStore } from './cdrs.ts'
import { Desk } from './desk.ts'
import { Erasures } from './erasures.ts'
import { Holds } from './holds.ts'
import { type ArchiveReach, ItemStore } from './items.ts'
import { JobStore } from './jobs.ts'
import { MemoryStore } from './memory.ts'
import type { OpenDatabase } from './open-database.ts'
import { Operations } from './operations.ts'
import { Pauses } from './pauses.ts'
import { type Pruned, prune } from './prune.ts'
import { ReconciliationViews } from './reconciliation.ts'
import type { Share } from './share.ts'
import { SourceStore } from './sources.ts'
import { StoreViews } from './views.ts'

export interface StoreOptions {
  /** Epoch ms. */
  readonly now: () => number
  readonly log: { error(fields: object, msg: string): void }
  /** Absent: one bridge has the database to itself, or this is a tool. */
  readonly share?: Share | null
  /** Where audio is kept beside Zendesk: in reach of this bridge, or of all that share the store. Absent: nowhere. */
  readonly archive?: ArchiveReach | null
}

/** How the database is. */
export interface StoreHealth {
  readonly state: 'ok' | 'degraded'
  /** Why it is degraded, and what that means; `null` when it is not. */
  readonly reason: string | null
}

export class Store {
  /** For the tracker: its CallJournal. */
  readonly calls: CallStore
  /** For the audio stage: its RecordingLedger. */
  readonly items: ItemStore
  /** For the worker: its JobQueue. */
  readonly jobs: JobStore
  /** For the sink: its SinkMemory. */
  readonly memory: MemoryStore
  /** For operators: what is on its way, and what they may do about it. */
  readonly desk: Desk
  readonly operations: Operations
  readonly pauses: Pauses
  /** For the admin API and the command line. */
  readonly views: StoreViews
  /** For what is to be erased, and what must not be. */
  readonly erasures: Erasures
  readonly holds: Holds
  /** For the retention of sources. */
  readonly sources: SourceStore
  /** Who did what to what is on its way. */
  readonly audit: AuditStore
  /** What the PBX's records say of calls. */
  readonly cdrs: CdrStore

  readonly #database: OpenDatabase
  readonly #now: () => number
  readonly #log: StoreOptions['log']
  readonly #jobListeners = new Set<() => void>()
  readonly #eventListeners = new Set<(events: readonly CallEvent[]) => void>()
  readonly #growthListeners = new Set<() => void>()

  constructor(database: OpenDatabase, options: StoreOptions) {
    const { db } = database
    const { now, share = null, archive = null } = options
    this.#database = database
    this.#now = now
    this.#log = options.log
    const onJobs = (): void => this.notifyJobs()
    const onEvents = (events: readonly CallEvent[]): void => this.#tellEvents(events)
    this.calls = new CallStore({ db, now, onEvents, share })
    this.items = new ItemStore({ db, now, onJobs, share, archive })
    this.sources = new SourceStore({ db, share })
    this.jobs = new JobStore({ db, now, share, archive })
    this.memory = new MemoryStore({ db, now })
    this.operations = new Operations({ db, now, onJobs })
    this.desk = new Desk(db, this.operations)
    this.pauses = new Pauses({ db, now, onChange: onJobs })
    this.views = new StoreViews(db)
    this.erasures = new Erasures({ db, now, onJobs })
    this.holds = new Holds({ db, now })
    this.audit = new AuditStore({ db, now })
    this.cdrs = new CdrStore({ db, now })
  }

  /** Calls the listener whenever there may be something new to deliver; answers how to stop that. */
  onJobs(listener: () => void): () => void {
    this.#jobListeners.add(listener)
    return () => this.#jobListeners.delete(listener)
  }

  /** Which database this is, for people; without a password. */
  get name(): string {
    return this.#database.name
  }

  /** How the database is, as far as is known without asking it. */
  health(): StoreHealth {
    return { state: 'ok', reason: null }
  }

  /** Recordings and voicemails that wait for another bridge, which is not heard of, because they lie on its disk. */
  get audioElsewhere(): number {
    return 0
  }

  /** Calls the listener with events that this bridge has just stored, in order; answers how to stop that. */
  onEvents(listener: (events: readonly CallEvent[]) => void): () => void {
    this.#eventListeners.add(listener)
    return () => this.#eventListeners.delete(listener)
  }

  /** Calls the listener whenever there are new events, this bridge's or (a moment later) another's; answers how to stop that. */
  onGrowth(listener: () => void): () => void {
    this.#growthListeners.add(listener)
    return () => this.#growthListeners.delete(listener)
  }

  /** What reconciliation reads of a site's calls and deliveries. */
  reconciliation(site: string): ReconciliationViews {
    return new ReconciliationViews(this.#database.db, site)
  }

  /** One bounded step of forgetting what was over `keepMs` ago (prune.ts). */
  async prune(keepMs: number): Promise<Pruned> {
    return await prune(this.#database.db, this.#now() - keepMs)
  }

  /** Waits for the transaction under way, closes the database and lets the next bridge in. */
  async close(): Promise<void> {
    await this.#database.close()
  }

  #tellEvents(events: readonly CallEvent[]): void {
    for (const listener of this.#eventListeners) this.#guarded(() => listener(events))
    this.notifyGrowth()
  }

  /** There are new events, and with them something to deliver. */
  protected notifyGrowth(): void {
    for (const listener of this.#growthListeners) this.#guarded(listener)
    this.notifyJobs()
  }

  /** There may be something new to deliver that did not come through this store. */
  notifyJobs(): void {
    for (const listener of this.#jobListeners) this.#guarded(listener)
  }

  // What was committed stays committed: whoever appended must not be told that it failed.
  #guarded(tell: () => void): void {
    try {
      tell()
    } catch (err) {
      this.#log.error({ err }, 'a listener to the store failed')
    }
  }
}

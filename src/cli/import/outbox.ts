/**
 * The outbox of imports: a store of its own beside the bridge's, one for each site, and a worker that delivers from it with a rate
 * limit of its own, because a bridge may run beside it with the same account. Ticket rules are not asked: nobody wants a thousand
 * tickets for calls of last year.
 */
import { join } from 'node:path'
import { linkInto, openArchive } from '../../bridge/archive.ts'
import { timeoutsFor, zendeskAccount } from '../../bridge/zendesk.ts'
import type { Config } from '../../config/schema.ts'
import type { CallChange } from '../../events/journal.ts'
import type { AudioItem } from '../../events/recording.ts'
import type { ImportedCall } from '../../migration/import/imported-call.ts'
import type { HistoryStore } from '../../migration/import/importer.ts'
import { deliveriesOf } from '../../uploads/delivery.ts'
import { RateLimit } from '../../uploads/flow/rate-limit.ts'
import { zendeskSlots } from '../../uploads/slots.ts'
import { SqliteStore } from '../../uploads/store/sqlite-store.ts'
import { DeliveryWorker } from '../../uploads/worker.ts'
import { Sandbox } from '../../zendesk/sandbox/sandbox.ts'
import type { CommandLog } from './command-log.ts'

export interface ImportOutboxOptions {
  readonly config: Config
  readonly site: string
  readonly requestsPerMinute: number
  readonly version: string
  readonly log: CommandLog
  readonly onDelivered: (item: AudioItem) => Promise<void>
}

export interface OutboxCounts {
  readonly delivered: number
  readonly pending: number
  readonly dead: number
}

/** `data_dir/import/SITE`: two PBXs may have given the same id to different calls. */
export function importFolder(dataDir: string, site: string): string {
  return join(dataDir, 'import', site)
}

const redrivePage = 200

export class ImportOutbox implements HistoryStore {
  readonly store: SqliteStore
  readonly #worker: DeliveryWorker
  readonly #stops: readonly (() => Promise<void>)[]

  private constructor(store: SqliteStore, worker: DeliveryWorker, stops: readonly (() => Promise<void>)[]) {
    this.store = store
    this.#worker = worker
    this.#stops = stops
  }

  /** Opens the store, finds the account or a sandbox, and begins to deliver what an earlier run left. */
  static async open(options: ImportOutboxOptions): Promise<ImportOutbox> {
    const { config, site, log, requestsPerMinute, version, onDelivered } = options
    const stops: (() => Promise<void>)[] = []
    const stopAll = async (): Promise<void> => {
      for (const stop of stops.reverse()) await stop()
    }
    try {
      const dataDir = importFolder(config.dataDir, site)
      const store = await SqliteStore.open({ dataDir, role: 'bridge', now: Date.now, log })
      stops.push(() => store.close())
      const account = await sandboxOf(options)
      stops.push(account.stop)
      const limit = new RateLimit({ perMinute: requestsPerMinute, now: Date.now() })
      const { memory } = store
      const archive = await openArchive(config)
      if (archive !== null) stops.push(async () => archive.stop())
      const { connection, sink } = zendeskAccount({
        config,
        sandbox: account.sandbox,
        memory,
        limit,
        link: linkInto(archive?.archive ?? null, id => store.items.call(id)),
        tickets: 'none',
        version,
        log,
      })
      stops.push(() => connection.close())
      const worker = new DeliveryWorker({
        queue: store.jobs,
        sink,
        limit,
        policy: { ...config.uploads.retry, giveUpAfterMs: config.uploads.giveUpAfterMs },
        prepare: deliveriesOf(site, timeoutsFor(config)),
        slots: zendeskSlots(config.uploads.concurrency),
        onDelivered: async job => {
          if (job.payload.kind === 'item') await onDelivered(job.payload.item)
        },
        log,
        now: Date.now,
        random: Math.random,
      })
      await redriveDead(store)
      store.onJobs(() => worker.notify())
      await worker.start()
      stops.push(() => worker.stop(config.shutdownGraceMs))
      return new ImportOutbox(store, worker, stops)
    } catch (error) {
      await stopAll()
      throw error
    }
  }

  async knows({ keys }: ImportedCall): Promise<boolean> {
    for (const key of keys) if ((await this.store.items.callByKey(key)) !== null) return true
    return false
  }

  async append(changes: readonly CallChange[]): Promise<void> {
    await this.store.calls.append(changes)
  }

  /** Of all runs. Counts every job, so not for every moment. */
  async counts(): Promise<OutboxCounts> {
    const { delivered, pending, running, dead } = await this.store.views.jobCounts()
    return { delivered, pending: pending + running, dead }
  }

  /** What this run delivered, and what Zendesk refused; costs nothing. */
  get progress(): Pick<OutboxCounts, 'delivered' | 'dead'> {
    const counts = { delivered: 0, dead: 0 }
    for (const { delivered, dead } of this.#worker.counters.lanes.values()) {
      counts.delivered += delivered
      counts.dead += dead
    }
    return counts
  }

  /** Whether nothing is left to deliver. Cheap: a job whose turn has not come waits for one that is due or in flight. */
  async isEmpty(): Promise<boolean> {
    const { jobs } = this.store
    if ((await jobs.nextRunAt('event')) !== null || (await jobs.nextRunAt('media')) !== null) return false
    const { inFlight } = this.#worker.health()
    return [...inFlight.values()].every(count => count === 0)
  }

  /** Why nothing goes out at the moment, other than the rate limit. */
  held(): string | null {
    const { state, reason } = this.#worker.health()
    return state === 'delivering' || state === 'limited' ? null : (reason ?? state)
  }

  /** Lets what is in flight finish. What is not delivered stays stored. */
  async stop(): Promise<void> {
    for (const stop of [...this.#stops].reverse()) await stop()
  }
}

/** What Zendesk refused in an earlier run may be taken now: whoever runs the command again has repaired something. */
async function redriveDead(store: SqliteStore): Promise<void> {
  for (;;) {
    const dead = await store.views.listJobs({ limit: redrivePage, state: 'dead' })
    for (const { id } of dead) await store.operations.redriveJob(id, { actor: 'import' })
    if (dead.length < redrivePage) return
  }
}

interface Account {
  readonly sandbox: { readonly url: string; readonly token: string } | null
  stop(): Promise<void>
}

/** The account of the configuration; else the sandbox, the one that runs already or one of our own. */
/** The sandbox to deliver to when no account is configured: the one that listens already, else one of our own. */
async function sandboxOf({ config, version, log }: ImportOutboxOptions): Promise<Account> {
  if (config.zendesk.baseUrl !== null) return { sandbox: null, stop: async () => {} }
  const { host, port } = config.sandbox.listen
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const { token } = config.sandbox
  if (port !== 0 && (await isSandbox(address))) return { sandbox: { url: `http://${address}`, token }, stop: async () => {} }
  const sandbox = new Sandbox({
    dataDir: config.dataDir,
    listen: address,
    token,
    requestsPerMinute: config.sandbox.requestsPerMinute,
    log,
    clock: Date.now,
    version,
  })
  return { sandbox: await sandbox.start(), stop: () => sandbox.stop() }
}

async function isSandbox(address: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://${address}/_sandbox/state`, { signal: AbortSignal.timeout(2_000) })
    await answer.body?.cancel()
    return answer.ok
  } catch {
    // Nobody listens there, or somebody who is no sandbox: ours says what is wrong when it cannot listen either.
    return false
  }
}

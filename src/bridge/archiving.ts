/**
 * The second sink: takes every recording and voicemail to the archive, in a worker of its own, so that neither an archive that is away
 * nor a Zendesk that is away holds back the other; and ends the time of what has been kept long enough.
 */
import type { Logger } from 'pino'
import type { PartHealth } from '../admin/health.ts'
import { type Archive, ArchiveError } from '../archive/archive.ts'
import type { ArchiveDelivery } from '../archive/delivery.ts'
import { itemOf } from '../archive/key.ts'
import { type Keeping, Retention } from '../archive/retention.ts'
import { ArchiveSink } from '../archive/sink.ts'
import type { Config } from '../config/schema.ts'
import { audioDeliveriesOf } from '../uploads/delivery.ts'
import { RateLimit } from '../uploads/flow/rate-limit.ts'
import type { ClaimedJob } from '../uploads/job-queue.ts'
import type { RetryPolicy } from '../uploads/retry.ts'
import type { Slots } from '../uploads/slots.ts'
import type { Store } from '../uploads/store/store.ts'
import { DeliveryWorker } from '../uploads/worker.ts'
import { type OpenArchive, openArchive } from './archive.ts'
import { deliveryHealth } from './delivery-health.ts'
import { retryPolicyOf } from './retry-policy.ts'

export interface ArchivingOptions {
  readonly config: Pick<Config, 'archive' | 'site' | 'uploads'>
  readonly store: Pick<Store, 'jobs' | 'items' | 'audit' | 'pauses' | 'onJobs'>
  /** Called after a delivery is stored, as by Zendesk's worker. */
  readonly onDelivered: (job: ClaimedJob) => Promise<void>
  readonly log: Logger
}

/** Audio is read twice and sent once; more at a time would only take from what goes to Zendesk. */
const slots: Slots = new Map([['archive', 2]])
const sweepEveryMs = 3_600_000
const deletionsOfASweep = 20_000
const dayMs = 86_400_000
/** How often to look whether something waits for an archive that is not there. */
const lookEveryMs = 60_000

export class Archiving {
  readonly #options: ArchivingOptions
  readonly #opened: OpenArchive | null
  readonly #worker: DeliveryWorker<ArchiveDelivery> | null
  readonly #retention: Retention | null
  #isMissed = false
  #looking: NodeJS.Timeout | null = null
  #running = false

  private constructor(options: ArchivingOptions, opened: OpenArchive | null) {
    this.#options = options
    this.#opened = opened
    this.#worker = opened === null ? null : workerFor(opened.archive, options)
    this.#retention = opened === null ? null : retentionOf(opened.archive, options)
  }

  static async open(options: ArchivingOptions): Promise<Archiving> {
    return new Archiving(options, await openArchive(options.config))
  }

  /** `null`: none is configured. */
  get archive(): Archive | null {
    return this.#opened?.archive ?? null
  }

  /** What was done since the start; `null` without an archive. */
  get counters(): DeliveryWorker<ArchiveDelivery>['counters'] | null {
    return this.#worker?.counters ?? null
  }

  /** Rejects when the store cannot be read. An archive that cannot be written is a matter of its deliveries, which wait. */
  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    const { store, log } = this.#options
    await this.#opened?.start().catch((error: unknown) => {
      if (!(error instanceof ArchiveError)) throw error
      log.warn({ reason: error.message }, 'the archive is not ready, audio for it waits')
    })
    const worker = this.#worker
    if (worker === null) {
      await this.#lookForMissed()
      this.#looking = setInterval(() => void this.#lookForMissed(), lookEveryMs)
      return
    }
    store.onJobs(() => worker.notify())
    await worker.start()
    this.#retention?.start()
  }

  /** Lets what is under way finish for `graceMs`. Idempotent. */
  async stop(graceMs: number): Promise<void> {
    if (this.#looking !== null) clearInterval(this.#looking)
    this.#looking = null
    await this.#retention?.stop()
    await this.#worker?.stop(graceMs)
    this.#opened?.stop()
    this.#running = false
  }

  /** Ends whatever pause the sink brought about, for an operator who has repaired the cause. */
  resume(): void {
    this.#worker?.resume()
  }

  /** Changes, while it runs, when a delivery is tried again and when it is given up. */
  configure(policy: RetryPolicy): void {
    this.#worker?.configure({ policy })
  }

  /** `null`: there is no archive, and nothing waits for one. */
  health(): PartHealth | null {
    if (this.#worker !== null) return deliveryHealth(this.#worker.health())
    return this.#isMissed ? { state: 'degraded', reason: missed } : null
  }

  async #lookForMissed(): Promise<void> {
    try {
      this.#isMissed = (await this.#options.store.jobs.nextRunAt('archive')) !== null
    } catch {
      // The store says itself how it is; until it answers, the last answer holds.
    }
  }
}

const missed =
  'audio waits for an archive, and none is configured any more: configure archive.folder or archive.s3, or give these deliveries up with tpe-bridge uploads drop --sink archive'

function workerFor(archive: Archive, { config, store, onDelivered, log }: ArchivingOptions): DeliveryWorker<ArchiveDelivery> {
  return new DeliveryWorker<ArchiveDelivery>({
    queue: store.jobs,
    operatorPause: () => store.pauses.of('archive'),
    sink: new ArchiveSink({ archive, findCall: id => store.items.call(id), clock: Date.now }),
    // A store tells when it is asked too much (SlowDown); nobody knows before.
    limit: new RateLimit({ perMinute: Number.POSITIVE_INFINITY, now: Date.now() }),
    policy: retryPolicyOf(config),
    prepare: audioDeliveriesOf(config.site),
    slots,
    onDelivered,
    log,
    now: Date.now,
    random: Math.random,
  })
}

function retentionOf(archive: Archive, { config, store, log }: ArchivingOptions): Retention | null {
  const { retentionMs } = config.archive
  if (retentionMs === null) return null
  const reason = `archive.retention ${retentionMs / dayMs}d`
  return new Retention({
    archive,
    retentionMs,
    everyMs: sweepEveryMs,
    atMost: deletionsOfASweep,
    clock: Date.now,
    keeping: async ({ key }) => await keepingOf(store, itemOf(key)),
    onDeleting: async ({ key }) => {
      const action = 'archive.expired'
      await store.audit.append({ actor: 'bridge', action, subject: key, reason, once: `${action} ${key}` })
    },
    log,
  })
}

/** Audio that Zendesk has not got yet may lie nowhere else. */
async function keepingOf(store: ArchivingOptions['store'], id: ReturnType<typeof itemOf>): Promise<Keeping | null> {
  const custody = await store.items.custody(id)
  if (custody === null) return null
  if (custody.hold !== null) return 'held'
  return custody.state === 'queued' ? 'needed' : null
}

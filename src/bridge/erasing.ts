/**
 * The third sink: takes away what a person asked to have erased, in a worker of its own.
 */
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import type { PartHealth } from '../admin/health.ts'
import type { Archive } from '../archive/archive.ts'
import type { Config } from '../config/schema.ts'
import { type Erasure, ErasureSink } from '../erasure/sink.ts'
import type { Prepared } from '../uploads/delivery.ts'
import { RateLimit } from '../uploads/flow/rate-limit.ts'
import type { ClaimedJob } from '../uploads/job-queue.ts'
import type { RetryPolicy } from '../uploads/retry.ts'
import type { Slots } from '../uploads/slots.ts'
import type { Store } from '../uploads/store/store.ts'
import { DeliveryWorker } from '../uploads/worker.ts'
import type { Connection } from '../zendesk/http/connection.ts'
import type { Audio } from './audio.ts'
import { deliveryHealth } from './delivery-health.ts'
import { archivePlace, sourcesPlace, spoolPlace, zendeskPlace } from './erasure-places.ts'
import { retryPolicyOf } from './retry-policy.ts'

export interface ErasingOptions {
  readonly config: Pick<Config, 'uploads' | 'recordings' | 'voicemail' | 'zendesk'>
  readonly store: Pick<Store, 'jobs' | 'erasures' | 'memory' | 'pauses' | 'onJobs'>
  readonly intake: Audio['intake']
  /** `null`: none is configured. */
  readonly archive: Archive | null
  readonly connection: Connection
  readonly log: Logger
}

const slots: Slots = new Map([['erasure', 2]])
/** Zendesk's requests wait for their turn in its rate limit, and a long recording is read before it goes. */
const timeoutMs = 600_000

export class Erasing {
  readonly #options: ErasingOptions
  readonly #worker: DeliveryWorker<Erasure>
  #forget: (() => void) | null = null

  constructor(options: ErasingOptions) {
    const { config, store, intake, archive, connection, log } = options
    this.#options = options
    const roots = [...config.recordings.folders, ...config.voicemail.folders].map(({ path }) => resolve(path))
    const { afterUpload } = config.recordings
    const moved = afterUpload.kind === 'move' ? { kind: 'move' as const, folder: resolve(afterUpload.path) } : afterUpload
    this.#worker = new DeliveryWorker<Erasure>({
      queue: store.jobs,
      operatorPause: () => store.pauses.of('erasure'),
      sink: new ErasureSink({
        book: store.erasures,
        places: [
          spoolPlace(intake),
          sourcesPlace({ roots, afterUpload: moved }),
          archivePlace(archive),
          zendeskPlace(config.zendesk.api, { connection, memory: store.memory, clock: Date.now }),
        ],
      }),
      // What it asks of Zendesk takes permits of Zendesk's own limit.
      limit: new RateLimit({ perMinute: Number.POSITIVE_INFINITY, now: Date.now() }),
      policy: retryPolicyOf(config),
      prepare,
      slots,
      log,
      now: Date.now,
      random: Math.random,
    })
  }

  /** What was done since the start. */
  get counters(): DeliveryWorker<Erasure>['counters'] {
    return this.#worker.counters
  }

  /** Rejects when the store cannot be read. Idempotent. */
  async start(): Promise<void> {
    this.#forget ??= this.#options.store.onJobs(() => this.#worker.notify())
    await this.#worker.start()
  }

  /** Lets what is under way finish for `graceMs`. Idempotent. */
  async stop(graceMs: number): Promise<void> {
    this.#forget?.()
    this.#forget = null
    await this.#worker.stop(graceMs)
  }

  /** Ends whatever pause the sink brought about, for an operator who has repaired the cause. */
  resume(): void {
    this.#worker.resume()
  }

  /** Changes, while it runs, when an erasure is tried again and when it is given up. */
  configure(policy: RetryPolicy): void {
    this.#worker.configure({ policy })
  }

  health(): PartHealth {
    return deliveryHealth(this.#worker.health())
  }
}

const prepare = ({ payload }: ClaimedJob): Prepared<Erasure> => {
  if (payload.kind === 'item') return { kind: 'ready', delivery: { item: payload.item }, timeoutMs }
  const reason = payload.kind === 'unreadable' ? payload.reason : 'events are not erased'
  return { kind: 'undeliverable', reason }
}

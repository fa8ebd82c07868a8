/** The real outbox before a sink: a store on disk and a worker, both gone and come back after a crash. */
import type { CallEvent } from '../../../src/events/event.ts'
import type { AudioItem } from '../../../src/events/recording.ts'
import { deliveriesOf } from '../../../src/uploads/delivery.ts'
import { RateLimit } from '../../../src/uploads/flow/rate-limit.ts'
import type { Sink } from '../../../src/uploads/sink.ts'
import { zendeskSlots } from '../../../src/uploads/slots.ts'
import type { MemoryStore } from '../../../src/uploads/store/memory.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { DeliveryWorker } from '../../../src/uploads/worker.ts'
import { aChange } from '../../uploads/fixtures.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

export class Outbox {
  readonly #dataDir: string
  readonly #sinkOn: (memory: MemoryStore) => Sink
  #store: SqliteStore | null = null
  #worker: DeliveryWorker | null = null

  /** `sinkOn` makes a new sink after each crash: it may know nothing but what is in its memory. */
  constructor(dataDir: string, sinkOn: (memory: MemoryStore) => Sink) {
    this.#dataDir = dataDir
    this.#sinkOn = sinkOn
  }

  async start(): Promise<void> {
    const store = await SqliteStore.open({ dataDir: this.#dataDir, role: 'bridge', now: Date.now, log: silent })
    const worker = new DeliveryWorker({
      queue: store.jobs,
      sink: this.#sinkOn(store.memory),
      limit: new RateLimit({ perMinute: Number.POSITIVE_INFINITY, now: Date.now() }),
      policy: { baseMs: 1, capMs: 5, giveUpAfterMs: 60_000 },
      prepare: deliveriesOf('hq'),
      slots: zendeskSlots(4),
      log: silent,
      now: Date.now,
      random: Math.random,
    })
    store.onJobs(() => worker.notify())
    this.#store = store
    this.#worker = worker
    await worker.start()
  }

  /** Gone in the middle of whatever it did. */
  async crash(): Promise<void> {
    await this.#worker?.stop(0)
    await this.#store?.close()
    this.#store = null
    this.#worker = null
  }

  async event(event: CallEvent): Promise<void> {
    const change = aChange(event.callId, [], { ended: event.type === 'call.ended' })
    await this.#open().calls.append([{ ...change, events: [event] }])
  }

  async audio(made: AudioItem): Promise<void> {
    // Found now: how long a recording waits for its call's ticket counts from then.
    const item = { ...made, foundAt: Date.now() }
    const { sourceSize: size, sourceMtimeMs: mtimeMs } = item
    await this.#open().items.add({ ...item, state: 'waiting' }, { path: `/spool/${item.id}.wav`, size, mtimeMs })
    await this.#open().items.queue(item)
  }

  /** Ends a pause that the sink asked for, as an operator would. */
  resume(): void {
    this.#worker?.resume()
  }

  /** How many jobs are not through yet, and why others never will be. */
  async left(): Promise<{ readonly undelivered: number; readonly dead: readonly (string | null)[] }> {
    const { pending, running } = await this.#open().views.jobCounts()
    const { rows } = await this.#open().desk.listUploads({ state: 'dead', limit: 10, before: null })
    return { undelivered: pending + running, dead: rows.map(upload => upload.reason) }
  }

  #open(): SqliteStore {
    if (this.#store === null) throw new Error('the outbox is not running')
    return this.#store
  }
}

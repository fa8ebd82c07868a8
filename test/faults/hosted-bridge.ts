/**
 * The durable half of one bridge: the real store, worker, flow control, connection and sink, fed with facts instead of SIP and WAVs.
 * It says what is stored for good, and when nothing is under way; its harness may then let time pass.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { ChangeWriter } from '../../src/events/change-writer.ts'
import type { EncodedAudio } from '../../src/events/recording.ts'
import { deliveriesOf } from '../../src/uploads/delivery.ts'
import type { Allowance } from '../../src/uploads/flow/allowance.ts'
import { Permits } from '../../src/uploads/flow/permits.ts'
import { RateLimit } from '../../src/uploads/flow/rate-limit.ts'
import type { JobQueue } from '../../src/uploads/job-queue.ts'
import { zendeskSlots } from '../../src/uploads/slots.ts'
import { PostgresStore } from '../../src/uploads/store/postgres-store.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import type { Store } from '../../src/uploads/store/store.ts'
import { DeliveryWorker } from '../../src/uploads/worker.ts'
import { bearer } from '../../src/zendesk/http/authorization.ts'
import { Connection } from '../../src/zendesk/http/connection.ts'
import { PartnerEditionSink } from '../../src/zendesk/partner-edition/sink.ts'
import { aChange, anEvent, aRecording, aVoicemail, fileOf } from '../uploads/fixtures.ts'
import { silence } from '../zendesk/made-mp3.ts'
import type { Clock, News, Order, SentFact } from './messages.ts'

type Opening = Extract<Order, { kind: 'open' }>

/** Real time: what a request may take before it is given up; long enough that a busy machine hardly ever causes it. */
const TIMEOUTS = { eventMs: 1_000, mediaMs: 1_500, perMiBMs: 0 }
const POLICY = { baseMs: 1_000, capMs: 300_000, giveUpAfterMs: 7 * 24 * 3_600_000 }
const LANES = ['event', 'media'] as const
const LOOK_EVERY_MS = 4
const LOOK_AGAIN_MS = 250
const REPEAT_MS = 50
const ASKED_EVERY_MS = 1_000
/** A part of the lease, so that what a dead bridge held is taken over by the living one as soon as it may be. */
const LOOK_AGAIN_SOON_MS = 500

export interface HostedBridgeOptions {
  readonly opening: Opening
  readonly tell: (news: News) => void
}

export class HostedBridge {
  readonly #opening: Opening
  readonly #tell: (news: News) => void
  readonly #log
  readonly #stopped = new AbortController()
  #clock: Clock
  #order: number
  #store: Store | null = null
  #parts: { readonly worker: DeliveryWorker; readonly limit: Allowance; readonly connection: Connection } | null = null
  #writer: ChangeWriter | null = null
  #audioUnderWay = 0
  #jobsUnderWay = 0
  #running: Promise<void> = Promise.resolve()

  constructor({ opening, tell }: HostedBridgeOptions) {
    this.#opening = opening
    this.#tell = tell
    this.#clock = opening.clock
    this.#order = opening.order
    const { world } = opening
    const quiet = (): void => {}
    // The store fails whenever its database is restarted, and says so; everything else at this level is a bug.
    const isStore = (msg: string) => /store|journal/.test(msg)
    this.#log = {
      debug: quiet,
      info: quiet,
      warn: (fields: object, msg: string) => tell({ kind: 'said', world, text: `${msg} ${JSON.stringify(fields)}` }),
      error: (fields: object, msg: string) =>
        tell({ kind: isStore(msg) ? 'said' : 'error', world, text: `${msg} ${JSON.stringify(fields)}` }),
    }
  }

  /** Opens the store as soon as its database answers, and begins. */
  start(): void {
    this.#running = this.#run()
  }

  take(order: Exclude<Order, { kind: 'open' | 'close' }>): void {
    this.#order = order.order
    switch (order.kind) {
      case 'clock':
        this.#clock = order.clock
        this.#parts?.worker.notify()
        return
      case 'learn':
        for (const fact of order.facts) void this.#learn(fact)
        return
      case 'report':
        void this.#report(order.order)
        return
      default:
        order satisfies never
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
    await this.#parts?.worker.stop(1_000)
    this.#writer?.close()
    await this.#parts?.connection.close()
    await this.#store?.close()
  }

  readonly #now = (): number => Date.now() + this.#clock.aheadMs + this.#clock.wrongByMs

  async #run(): Promise<void> {
    try {
      await this.#open()
      await this.#watch()
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#log.error({ reason: String(error) }, 'the hosted bridge failed')
    }
  }

  async #open(): Promise<void> {
    const { sinkUrl, requestsPerMinute, dataDir } = this.#opening
    await mkdir(dataDir, { recursive: true })
    const perMinute = requestsPerMinute ?? Number.POSITIVE_INFINITY
    const { store, limit } = await this.#openStore(perMinute)
    const connection = new Connection({
      baseUrl: sinkUrl,
      authorization: bearer('token'),
      userAgent: 'tpe-bridge/faults',
      clock: this.#now,
      permits: new Permits({ limit, now: this.#now }),
    })
    const worker = new DeliveryWorker({
      queue: this.#counting(store.jobs),
      sink: new PartnerEditionSink({ connection, clock: this.#now }),
      prepare: deliveriesOf('hq', TIMEOUTS),
      limit,
      policy: POLICY,
      slots: zendeskSlots(8),
      log: this.#log,
      now: this.#now,
      random: Math.random,
    })
    store.onJobs(() => worker.notify())
    this.#store = store
    this.#parts = { worker, limit, connection }
    this.#writer = new ChangeWriter({
      journal: store.calls,
      log: this.#log,
      clock: { now: this.#now },
      onStored: events => this.#acknowledge(events.map(event => event.id)),
      gatherMs: 1,
      retryBaseMs: 20,
      retryCapMs: 200,
    })
    await this.#untilItWorks(() => worker.start())
  }

  async #openStore(perMinute: number): Promise<{ readonly store: Store; readonly limit: Allowance }> {
    const { bridge, dataDir, store: of } = this.#opening
    const now = this.#now
    if (of.kind === 'sqlite') {
      const store = await SqliteStore.open({ dataDir, role: 'bridge', now, log: this.#log })
      return { store, limit: new RateLimit({ perMinute, now: now() }) }
    }
    const owner = `${bridge}/${process.pid}-${performance.now()}`
    const share = { bridge, site: 'hq', account: 'example.zendesk.com', owner, leaseMs: of.leaseMs }
    const store = await this.#untilItWorks(() => PostgresStore.open({ url: of.url, share, now, log: this.#log }))
    // A bucket that is shared counts in whole requests a minute.
    const limit = store.rateLimit({ name: share.account, perMinute: Math.min(perMinute, 60_000), log: this.#log })
    return { store, limit }
  }

  async #untilItWorks<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (this.#opening.store.kind === 'sqlite') throw error
        await wait(REPEAT_MS, undefined, { signal: this.#stopped.signal })
      }
    }
  }

  async #learn(fact: SentFact): Promise<void> {
    while (this.#writer === null || this.#store === null) {
      if (this.#stopped.signal.aborted) return
      await wait(1)
    }
    if (fact.kind === 'event') {
      const event = { ...anEvent(fact.call, fact.sequence), type: fact.type }
      this.#writer.write({ ...aChange(fact.call, [fact.sequence], { ended: fact.ended }), events: [event] })
      return
    }
    const { items } = this.#store
    this.#audioUnderWay++
    try {
      const encoded = await this.#encode(fact.id, fact.frames)
      const item =
        fact.kind === 'recording' ? { ...aRecording(fact.id, fact.call), encoded } : { ...aVoicemail(fact.id), encoded }
      await this.#untilStored(() => items.add({ ...item, state: 'waiting', encoded: null }, fileOf(item)))
      await this.#untilStored(() => items.queue(item))
      this.#acknowledge([fact.id])
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#log.error({ reason: String(error) }, 'audio could not be taken in')
    } finally {
      this.#audioUnderWay--
    }
  }

  /** An MP3 that no other item has: silence, with its name in an ID3v1 tag at the end. */
  async #encode(id: string, frames: number): Promise<EncodedAudio> {
    const path = join(this.#opening.dataDir, `${id}.mp3`)
    const tag = Buffer.alloc(128)
    tag.write(`TAG${id}`)
    const bytes = Buffer.concat([silence(frames), tag])
    if (!existsSync(path)) {
      // As the transcoder does: a kill in the middle leaves no half a file under its name.
      await writeFile(`${path}.part`, bytes)
      await rename(`${path}.part`, path)
    }
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { path, size: bytes.length, sha256, durationMs: frames * 72, channels: 1, sampleRate: 8_000 }
  }

  async #untilStored(store: () => Promise<unknown>): Promise<void> {
    for (;;) {
      try {
        await store()
        return
      } catch (error) {
        if (this.#opening.store.kind === 'sqlite') throw error
        await wait(REPEAT_MS, undefined, { signal: this.#stopped.signal })
      }
    }
  }

  #acknowledge(ids: readonly string[]): void {
    this.#tell({ kind: 'acknowledged', world: this.#opening.world, ids: [...ids] })
  }

  async #watch(): Promise<void> {
    let told: number | null = null
    let lookAt = 0
    while (!this.#stopped.signal.aborted) {
      await wait(LOOK_EVERY_MS)
      // Asked once for each order, and then now and then: another bridge may have given it something to do.
      if (this.#isBusy() || (told === this.#order && performance.now() < lookAt)) continue
      const order: number = this.#order
      const wakeInMs = await this.#wakeIn()
      if (wakeInMs === 'busy' || order !== this.#order) continue
      lookAt = performance.now() + LOOK_AGAIN_MS
      told = order
      this.#tell({ kind: 'idle', world: this.#opening.world, order, wakeInMs })
    }
  }

  /** How long nothing will happen; `null`: for ever, as far as is known. */
  async #wakeIn(): Promise<number | null | 'busy'> {
    const { worker, limit } = this.#parts ?? {}
    if (worker === undefined || limit === undefined || this.#store === null || this.#isBusy()) return 'busy'
    try {
      const dueAt = (await Promise.all(LANES.map(lane => this.#store?.jobs.nextRunAt(lane)))).filter(at => typeof at === 'number')
      // After that question: what another settles meanwhile may have given this one something to do.
      const others = await this.#othersWakeIn()
      if (this.#isBusy()) return 'busy'
      if (dueAt.length === 0) return others.delivering ?? others.waiting
      const now = this.#now()
      // What the limit says was true when it was last asked, and the worker asks it every second.
      const { state, until } = worker.health()
      const heldUntil =
        state === 'paused' || state === 'sink-failing' ? (until ?? now) : Math.min(limit.nextAt(now), now + ASKED_EVERY_MS)
      const wakeAt = Math.max(Math.min(...dueAt), heldUntil)
      if (wakeAt > now) return Math.min(wakeAt - now, others.delivering ?? Number.POSITIVE_INFINITY)
      worker.notify()
      return 'busy'
    } catch {
      return 'busy' // its database is being restarted
    }
  }

  /**
   * What the shared database, in one look, has for anybody: what is under way (with the other of a pair, or with nobody since a connection
   * was lost) is looked for again soon; what waits, when its time has come.
   */
  async #othersWakeIn(): Promise<{ readonly delivering: number | null; readonly waiting: number | null }> {
    if (this.#opening.store.kind === 'sqlite' || this.#store === null) return { delivering: null, waiting: null }
    const heads = new Map<string, number>()
    let isDelivering = false
    // The newest comes first: what is left for each call is the one whose turn it is.
    for (const { id, orderKey, state } of await this.#store.views.listJobs({ limit: 10_000 })) {
      if (state.kind === 'running') isDelivering = true
      if (state.kind === 'pending') heads.set(orderKey ?? id, state.runAt)
    }
    const waiting = heads.size === 0 ? null : Math.max(LOOK_AGAIN_SOON_MS, Math.min(...heads.values()) - this.#now())
    return { delivering: isDelivering ? LOOK_AGAIN_SOON_MS : null, waiting }
  }

  #isBusy(): boolean {
    return this.#jobsUnderWay > 0 || this.#audioUnderWay > 0 || (this.#writer?.pending ?? 0) > 0
  }

  /** The same queue; what is claimed and not settled is under way. The worker's health says it, too, but is asked too often here. */
  #counting(queue: JobQueue): JobQueue {
    return {
      recover: lanes => queue.recover(lanes),
      makeDue: lanes => queue.makeDue(lanes),
      nextRunAt: lane => queue.nextRunAt(lane),
      claim: async (lane, limit) => {
        const jobs = await queue.claim(lane, limit)
        this.#jobsUnderWay += jobs.length
        return jobs
      },
      settle: async settled => {
        await queue.settle(settled)
        this.#jobsUnderWay -= settled.length
      },
    }
  }

  async #report(order: number): Promise<void> {
    const { world } = this.#opening
    try {
      const jobs = (await this.#store?.views.listJobs({ limit: 10_000 })) ?? []
      const events = (await this.#store?.views.eventsAfter(null, 10_000)) ?? []
      this.#tell({
        kind: 'report',
        world,
        order,
        jobs: jobs.map(({ id, state }) => ({ id, state: state.kind, reason: 'reason' in state ? state.reason : null })),
        events: events.map(event => event.id),
        rssBytes: process.memoryUsage.rss(),
      })
    } catch {
      // Its database is being restarted.
      setTimeout(() => void this.#report(order), REPEAT_MS)
    }
  }
}

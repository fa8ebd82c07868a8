/**
 * The composition root: builds every part, wires the arrows between them, starts and stops them (last in, first out). Nothing else
 * knows both ends of an arrow.
 *
 *   signalling ── signals ──▶ tracker ── changes ──▶ store ──▶ worker ──▶ sink ──▶ Zendesk, or the sandbox
 *   audio ────────────────── items ────────────────▶ store       ├─ delivered ──▶ audio (clears its spool)
 *                                                                └──▶ archiving ──▶ the archive
 *                                                      └── read only ──▶ admin
 *   tracker ── stored events ──▶ agents' status ──▶ Zendesk
 *   signalling ── presence of extensions ──▶ agents' status
 */
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import type { PartHealth } from './admin/health.ts'
import type { MetricFamily } from './admin/metrics.ts'
import type { Reload } from './admin/reload-route.ts'
import { AdminServer } from './admin/server.ts'
import { callReader, storedEvents } from './bridge/admin-views.ts'
import { agentBoard, agentStatuses, callsThatMatter } from './bridge/agent-status.ts'
import { linkInto } from './bridge/archive.ts'
import { Archiving } from './bridge/archiving.ts'
import { Audio } from './bridge/audio.ts'
import { AudioInReach } from './bridge/audio-in-reach.ts'
import { Compliance } from './bridge/compliance.ts'
import { complianceDesk } from './bridge/compliance-desk.ts'
import { Erasing } from './bridge/erasing.ts'
import { healthOf } from './bridge/health.ts'
import { metricsOf } from './bridge/metrics.ts'
import type { BridgeParts } from './bridge/parts.ts'
import { Pruning } from './bridge/pruning.ts'
import { cdrDoor, reconcilingOf } from './bridge/reconciliation.ts'
import { planReload, type ReloadPlan, reconfigure } from './bridge/reload.ts'
import { retryPolicyOf } from './bridge/retry-policy.ts'
import { sinkBoard } from './bridge/sink-board.ts'
import { sourceRetention } from './bridge/source-retention.ts'
import { openStore } from './bridge/store.ts'
import { ThreadedSignalling } from './bridge/threaded-signalling.ts'
import { timeoutsFor, zendeskAccount } from './bridge/zendesk.ts'
import type { Config } from './config/schema.ts'
import { agentDirectory } from './events/agents.ts'
import type { CallEvent } from './events/event.ts'
import type { CallJournal } from './events/journal.ts'
import { numberPlan } from './events/numbers.ts'
import { CallTracker } from './events/tracker.ts'
import type { HepListenAddress } from './sip/hep/listener.ts'
import type { HopAddress } from './sip/message/message.ts'
import { deliveriesOf } from './uploads/delivery.ts'
import type { ClaimedJob } from './uploads/job-queue.ts'
import { zendeskSlots } from './uploads/slots.ts'
import { DeliveryWorker } from './uploads/worker.ts'
import { Sandbox, type SandboxAddress } from './zendesk/sandbox/sandbox.ts'

export interface BridgeOptions {
  readonly config: Config
  readonly version: string
  readonly log: Logger
  /** FFMPEG_PATH and PATH of the environment. */
  readonly ffmpegPath: string | null
  readonly searchPath: string
  /** Reads the configuration again and calls `reload` with it, for the admin API. Absent: there is none to read. */
  readonly reload?: Reload
  /** Told of each event after it was stored, as the live feed is. */
  readonly onEvent?: (event: CallEvent) => void
}

/** Where a running bridge can be reached. */
export interface BridgeAddresses {
  /** The embedded SIP server's sockets; empty with a drachtio-server. */
  readonly sip: readonly HopAddress[]
  /** Where capture agents may send to. */
  readonly hep: readonly HepListenAddress[]
  readonly admin: string
  /** `null` when the bridge delivers to an account. */
  readonly sandbox: SandboxAddress | null
}

export class Bridge {
  readonly #options: BridgeOptions
  /** What it runs on: what it was made with, and what has changed since (`reload`). */
  #config: Config
  /** How to stop what was started, in the order of the start. */
  readonly #running: { readonly part: string; readonly stop: () => Promise<void> | void }[] = []
  #parts: BridgeParts | null = null

  constructor(options: BridgeOptions) {
    this.#options = options
    this.#config = options.config
  }

  /** Starts every part; when one cannot start, those before it are stopped again and its error says what to do. */
  async start(): Promise<BridgeAddresses> {
    try {
      return await this.#start()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Stops taking in, then lets what is in flight finish within `shutdown_grace`. What is not delivered stays stored. */
  async stop(): Promise<void> {
    this.#parts = null
    for (let running = this.#running.pop(); running !== undefined; running = this.#running.pop()) {
      try {
        await running.stop()
      } catch (err) {
        this.#options.log.error({ err, part: running.part }, 'part did not stop cleanly')
      }
    }
  }

  /**
   * Takes from a configuration that was read again what can change while it runs; answers what that was, and what needs a restart.
   * One at a time. Rejects before all parts have started.
   */
  async reload(wanted: Config, by: { readonly actor: string }): Promise<ReloadPlan> {
    if (this.#parts === null) throw new Error('the bridge has not started yet')
    const { log } = this.#options
    const plan = planReload(this.#config, wanted)
    this.#config = plan.config
    await reconfigure(this.#parts, plan, by, log)
    return plan
  }

  health(): Readonly<Record<string, PartHealth>> {
    return this.#parts === null ? { bridge: { state: 'starting', reason: 'not all parts have started' } } : healthOf(this.#parts)
  }

  async #start(): Promise<BridgeAddresses> {
    const { config, log, version, ffmpegPath, searchPath, reload } = this.#options
    const numbers = numberPlan(config.numbers)

    const { store, limit, close } = await openStore(config, log)
    this.#started('store', close)
    const pruning = new Pruning({ store, keepMs: config.uploads.keepDeliveredMs, log })
    pruning.start()
    this.#started('pruning', () => pruning.stop())

    const audio = new Audio({ config, ledger: store.items, numbers, ffmpegPath, searchPath, log })
    const onDelivered = async ({ payload }: ClaimedJob): Promise<void> => {
      if (payload.kind === 'item') await audio.intake.onDelivered(payload.item)
    }
    const archiving = await Archiving.open({ config, store, onDelivered, log })
    const { archive } = archiving
    const reconciling = reconcilingOf(config, store, () => this.health(), log)
    const admin = new AdminServer({
      listen: config.admin.listen,
      token: config.admin.token,
      version,
      stopGraceMs: config.shutdownGraceMs,
      health: { parts: () => this.health() },
      metrics: { read: () => this.#metrics() },
      calls: callReader(store),
      uploads: store.desk,
      sinks: sinkBoard(store, () => this.#parts),
      compliance: complianceDesk(new Compliance({ store, archive, numbers })),
      audit: store.audit,
      ...(reload === undefined ? {} : { reload }),
      agents: agentBoard(() => this.#parts?.agents ?? null),
      events: storedEvents(store),
      recordings: config.recordings.http ? audio.http : null,
      cdrs: cdrDoor(config, store.cdrs),
      reconciliation: reconciling,
      log,
    })
    const { url: adminUrl } = await admin.start()
    this.#started('admin', () => admin.stop())
    store.onGrowth(() => admin.notifyStored())

    const sandbox = config.zendesk.baseUrl === null ? await this.#startSandbox() : null
    const { memory } = store
    const link = linkInto(archive, id => store.items.call(id))
    const { connection, sink } = zendeskAccount({ config, sandbox, memory, limit, link, tickets: 'by-rules', version, log })
    this.#started('zendesk', () => connection.close())
    const anyAudio = new AudioInReach({
      sink,
      archive,
      archivedAs: async id => (await store.items.custody(id))?.archiveKey ?? null,
      space: audio.space,
      folder: resolve(config.dataDir, 'spool', 'fetched'),
    })
    await anyAudio.start()

    const worker = new DeliveryWorker({
      queue: store.jobs,
      operatorPause: () => store.pauses.of('zendesk'),
      sink: anyAudio,
      limit,
      policy: retryPolicyOf(config),
      prepare: deliveriesOf(config.site, timeoutsFor(config)),
      slots: zendeskSlots(config.uploads.concurrency),
      onDelivered,
      log,
      now: Date.now,
      random: Math.random,
    })
    store.onJobs(() => worker.notify())
    const erasing = new Erasing({ config, store, intake: audio.intake, archive, connection, log })
    // Together, so that they share one grace.
    this.#started('uploads', async () => {
      await Promise.all([worker, archiving, erasing].map(each => each.stop(config.shutdownGraceMs)))
    })
    await worker.start()
    await archiving.start()
    await erasing.start()

    const agents = agentStatuses({ config, connection, memory, log })
    agents.start(await callsThatMatter(store.items, config.agentStatus.afterCallWorkMs))
    this.#started('agents', () => agents.stop())

    const { onEvent } = this.#options
    const journal: CallJournal = {
      append: async changes => {
        await store.calls.append(changes)
        audio.intake.onCallKnown(changes.flatMap(({ keys }) => keys))
      },
      openCalls: () => store.calls.openCalls(),
      findCall: sipCallId => store.calls.findCall(sipCallId),
    }
    const tracker = new CallTracker({
      journal,
      numbers,
      agents: agentDirectory(config.agents),
      site: config.site,
      clock: Date,
      log,
      onStored: events => {
        agents.observe(events)
        if (onEvent !== undefined) for (const event of events) onEvent(event)
      },
      orphanAfterMs: config.calls.orphanAfterMs,
      unansweredAfterMs: config.calls.ringOrphanAfterMs,
    })
    await tracker.start()
    this.#started('calls', () => tracker.stop())
    await audio.start()
    this.#started('audio', () => audio.stop())
    const retention = sourceRetention(config, store, log)
    retention?.start()
    this.#started('retention', () => retention?.stop())

    const signalling = new ThreadedSignalling({
      config,
      noRoom: () => audio.space.shortage('uploads')?.reason ?? null,
      onSignal: signal => tracker.accept(signal),
      onPresence: presence => agents.told(presence),
      log,
    })
    this.#started('sip', () => signalling.stop())
    const { sip, hep } = await signalling.start()
    reconciling.start()
    this.#started('reconciliation', () => reconciling.stop())
    const deliveries = { limit, pruning, worker, archiving, erasing }
    this.#parts = { store, tracker, connection, agents, audio, signalling, reconciling, ...deliveries }
    return { sip, hep, admin: adminUrl, sandbox }
  }

  async #startSandbox(): Promise<SandboxAddress> {
    const { config, log, version } = this.#options
    const { listen, requestsPerMinute, token } = config.sandbox
    const sandbox = new Sandbox({
      dataDir: config.dataDir,
      listen: hostPortText(listen),
      token,
      requestsPerMinute,
      log,
      clock: Date.now,
      version,
    })
    const address = await sandbox.start().catch(error => {
      throw new Error(`the sandbox cannot listen on sandbox.listen ${hostPortText(listen)}: ${reasonOf(error)}`, { cause: error })
    })
    this.#started('sandbox', () => sandbox.stop())
    return address
  }

  #started(part: string, stop: () => Promise<void> | void): void {
    this.#running.push({ part, stop })
  }

  async #metrics(): Promise<readonly MetricFamily[]> {
    return this.#parts === null ? [] : await metricsOf(this.#parts)
  }
}

function hostPortText({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const inUse = 'code' in error && error.code === 'EADDRINUSE'
  return inUse ? 'another program uses that port; stop it, choose another one, or set zendesk.base_url' : error.message
}

/**
 * The agents' status in Zendesk, after their phones; and what is known of both, for operators. With no API to speak to it only
 * watches the phones.
 *
 *   events ──────────────▶ phones ──▶ reconciler ──▶ Zendesk
 *   the PBX's word ─────────▲ └──────────┴── list() ──▶ the admin API
 *
 * Told of every stored event, and of what the PBX says of the extensions that it is asked about (dialog-state): an agent is on a call
 * while either says so (phones.ts). Events are never delayed by it.
 */
import type { AgentOnCall, CallEvent, CallSnapshot } from '../../events/event.ts'
import type { SinkMemory } from '../memory.ts'
import { type ExtensionPresence, trustedMs } from './phone-word.ts'
import { AgentPhones, type PhoneState } from './phones.ts'
import { type ReconcilerOptions, StatusReconciler } from './reconciler.ts'
import type { StatusApi } from './status-api.ts'
import { type UnmappedExtension, UnmappedExtensions } from './unmapped.ts'

export interface AgentStatusOptions {
  /** One entry an extension; an agent with several phones has several. */
  readonly agents: readonly AgentOnCall[]
  /** How an account's statuses are set; `null`: they are not reported. */
  readonly api: StatusApi | null
  readonly memory: SinkMemory
  /** Extensions of which the PBX is asked to tell (`told`); none by default. */
  readonly watched?: readonly string[]
  /** How long after-call work takes, ms. */
  readonly afterCallWorkMs: number
  /** Within this time every agent's status is read once, ms; 0: only when it is about to be set. */
  readonly pollMs: number
  /** Epoch ms. */
  readonly clock: () => number
  /** In [0, 1). */
  readonly random: () => number
  readonly log: ReconcilerOptions['log']
  readonly retryBaseMs?: number
}

/** An agent as operators see one. Times are epoch ms. */
export interface AgentView {
  readonly id: number
  readonly name: string
  readonly extensions: readonly string[]
  readonly phone: PhoneState['kind']
  /** When the phone came into that state; `null` when it was in no other since the start. */
  readonly since: number | null
  /** What Zendesk showed last; `null` before it was asked. */
  readonly zendesk: string | null
  /** What the status goes back to after the calls; `null` when it is the agent's own. */
  readonly returnsTo: string | null
  readonly problem: string | null
}

/** `degraded` once statuses could not be brought to Zendesk for longer than everyday trouble takes. */
export type AgentStatusHealth =
  | { readonly state: 'ok'; readonly reason: null }
  | { readonly state: 'degraded'; readonly reason: string }

const toleratedMs = 60_000
/** Reading statuses must leave the rate limit to deliveries. */
const shortestPollPaceMs = 500
const longestTimerMs = 24 * 3_600_000

export class AgentStatuses {
  readonly #options: AgentStatusOptions
  readonly #agents: ReadonlyMap<number, { readonly name: string; readonly extensions: readonly string[] }>
  readonly #phones: AgentPhones
  readonly #unmapped: UnmappedExtensions
  readonly #reconciler: StatusReconciler | null
  readonly #idOf: ReadonlyMap<string, number>
  /** Extensions of which the PBX has not told yet. */
  readonly #unheard: Set<string>
  #poller: NodeJS.Timeout | null = null
  #hearing: NodeJS.Timeout | null = null

  constructor(options: AgentStatusOptions) {
    const { agents, api, afterCallWorkMs, watched = [] } = options
    this.#options = options
    this.#idOf = new Map(agents.map(({ extension, id }) => [extension, id]))
    this.#unheard = new Set(watched.filter(extension => this.#idOf.has(extension)))
    this.#agents = byId(agents)
    const ids = [...this.#agents.keys()]
    this.#phones = new AgentPhones(ids, afterCallWorkMs)
    this.#unmapped = new UnmappedExtensions(agents.map(({ extension }) => extension))
    this.#reconciler =
      api === null ? null : new StatusReconciler(ids, { ...options, api, phone: (id, now) => this.#phones.stateOf(id, now) })
  }

  /** What is counted since the start; every number only grows. */
  get counters() {
    return this.#reconciler?.counters ?? {}
  }

  get unmapped(): readonly UnmappedExtension[] {
    return this.#unmapped.list()
  }

  /**
   * Takes up the calls that go on and those that ended within after-call work, as stored; gives back what a bridge that died still
   * held. Before the first event.
   */
  start(calls: readonly CallSnapshot[]): void {
    const { log, pollMs } = this.#options
    this.#phones.restore(calls)
    if (this.#reconciler === null) return
    if (this.#agents.size === 0) log.warn({}, 'agent_status.report is set, but there are no agents whose status to report')
    this.#wakeAll()
    // Before the PBX has told of its phones, a status that is still held from before must not be given back.
    if (this.#unheard.size > 0)
      this.#hearing = setTimeout(() => {
        this.#unheard.clear()
        this.#wakeAll()
      }, trustedMs)
    if (pollMs > 0 && this.#agents.size > 0) this.#poll(this.#reconciler, [...this.#agents.keys()], pollMs)
  }

  /** Events that were just stored, in order. Never throws, never waits. */
  observe(events: readonly CallEvent[]): void {
    for (const event of events) {
      for (const id of this.#phones.apply(event)) this.#reconciler?.wake(id)
      for (const extension of this.#unmapped.count(event))
        this.#options.log.info({ extension }, 'an extension in calls belongs to no agent')
    }
  }

  /** What the PBX says of an extension; of one that is no agent's, nothing follows. Never throws, never waits. */
  told(presence: ExtensionPresence): void {
    const id = this.#idOf.get(presence.extension)
    if (id === undefined) return
    this.#phones.told(id, presence)
    if (presence.presence !== 'unknown') this.#unheard.delete(presence.extension)
    this.#wakeHeard(id)
  }

  /** Ends what is in flight. What is held in Zendesk stays held: calls outlive a restart. */
  async stop(): Promise<void> {
    if (this.#poller !== null) clearInterval(this.#poller)
    this.#poller = null
    if (this.#hearing !== null) clearTimeout(this.#hearing)
    this.#hearing = null
    await this.#reconciler?.stop()
  }

  /** Every agent, as configured. */
  list(): readonly AgentView[] {
    const now = this.#options.clock()
    return [...this.#agents].map(([id, { name, extensions }]) => {
      const { kind, since } = this.#phones.stateOf(id, now)
      const seat = this.#reconciler?.view(id) ?? { zendesk: null, returnsTo: null, problem: null }
      return { id, name, extensions, phone: kind, since, ...seat }
    })
  }

  /** How many agents Zendesk does not know or refuses. */
  get refused(): number {
    return this.#reconciler?.troubles().refused ?? 0
  }

  health(): AgentStatusHealth {
    const { failing, since, reason } = this.#reconciler?.troubles() ?? { failing: 0, since: null, reason: null }
    if (since === null || this.#options.clock() - since < toleratedMs) return { state: 'ok', reason: null }
    const whose = failing === 1 ? 'the status of 1 agent' : `the statuses of ${failing} agents`
    return {
      state: 'degraded',
      reason: `${whose} could not be brought to Zendesk since ${new Date(since).toISOString()}: ${reason}`,
    }
  }

  #wakeAll(): void {
    for (const id of this.#agents.keys()) this.#wakeHeard(id)
  }

  #wakeHeard(id: number): void {
    const isHeard = !this.#agents.get(id)?.extensions.some(extension => this.#unheard.has(extension))
    if (isHeard) this.#reconciler?.wake(id)
  }

  #poll(reconciler: StatusReconciler, ids: readonly number[], pollMs: number): void {
    let turn = 0
    const pace = Math.min(longestTimerMs, Math.max(shortestPollPaceMs, pollMs / ids.length))
    this.#poller = setInterval(() => {
      const id = ids[turn % ids.length]
      turn += 1
      if (id !== undefined) reconciler.look(id)
    }, pace)
  }
}

function byId(agents: readonly AgentOnCall[]) {
  const grouped = new Map<number, { readonly name: string; readonly extensions: readonly string[] }>()
  for (const { id, name, extension } of agents) {
    const before = grouped.get(id)
    grouped.set(id, { name: before?.name ?? name, extensions: [...(before?.extensions ?? []), extension] })
  }
  return grouped
}

/**
 * One world while it runs: its time, its upstream, its sink account, and what came of everything.
 *
 * Time is the machine's, and jumps ahead whenever nothing is under way, to the next moment at which something happens: a fact of the
 * script, a retry that falls due, the end of a pause. So a day passes in seconds, and whoever waits in vain waits visibly.
 *
 * 1. A fact that was not acknowledged when its bridge was killed is told again, or forgotten with all that would follow it.
 * 2. A recording is told once the events of its call are acknowledged: its call has to be known to be found.
 */
import type { BridgeProcess } from './bridge-process.ts'
import type { FaultName } from './fault-names.ts'
import type { Account, Arrival } from './faulty-sink.ts'
import type { News, SentFact, StoreOf } from './messages.ts'
import { type AudioFact, type Fact, MINUTE_MS, type Script } from './script.ts'

/** The day on which every script begins. */
export const DAY = Date.UTC(2026, 10, 22)

/** Facts of so short a time are told at once. */
const TOGETHER_MS = 400
const NUDGE_MS = 5_000
const HISTORY = 400

/** Everything that a world left behind, for whoever judges it. Times are ms of the world's day. */
export interface Remains {
  readonly script: Script
  readonly acknowledgedAt: ReadonlyMap<string, number>
  /** Facts that died with a process before they were acknowledged: they may have come through. */
  readonly forgotten: ReadonlySet<string>
  readonly effects: readonly { readonly arrival: Arrival; readonly at: number }[]
  readonly nonsense: readonly string[]
  /** When a bridge was (re)started. */
  readonly startedAt: readonly number[]
  readonly report: Extract<News, { kind: 'report' }> | null
  readonly history: readonly string[]
}

export interface WorldOptions {
  readonly script: Script
  /** Where the bridges of this world keep their things. */
  readonly dataDir: string
  readonly store: StoreOf
  /** Moves the clock of the world's database, if it has one of its own. */
  readonly setDatabaseClock: (ms: number) => Promise<void>
  /** Counts what happens; the batch kills by these numbers. */
  readonly onRequest: (fault: FaultName | null) => void
  readonly onTold: (facts: number) => void
  readonly onJump: () => void
  readonly onEnd: () => void
  /** 0 … 1, for what no script can decide. */
  readonly random: () => number
}

interface Seat {
  readonly bridge: number
  process: BridgeProcess | null
  order: number
  idle: { readonly order: number; readonly wakeInMs: number | null } | null
  restarts: number
}

export class World implements Account {
  readonly name: string
  readonly #options: WorldOptions
  readonly #seats: readonly Seat[]
  /** From the machine's clock to the world's. */
  #aheadMs = DAY - Date.now()
  /** Of both bridges of a pair: their clocks have to agree. */
  #wrongByMs = 0
  #databaseWrongByMs = 0
  #next = 0
  #requests = 0
  readonly #attempts = new Map<string, number>()
  readonly #untold = new Map<string, Fact>()
  readonly #acknowledgedAt = new Map<string, number>()
  readonly #forgotten = new Set<string>()
  readonly #known = new Set<string>()
  readonly #effects: { arrival: Arrival; at: number }[] = []
  readonly #nonsense: string[] = []
  readonly #startedAt: number[] = []
  readonly #history: string[] = []
  #sinkUrl = ''
  #isStepping = false
  #report: Extract<News, { kind: 'report' }> | null = null
  #ended = false

  constructor(options: WorldOptions) {
    this.#options = options
    this.name = `w${options.script.seed}`
    this.#seats = Array.from({ length: options.script.bridges }, (_, bridge) => ({
      bridge,
      process: null,
      order: 0,
      idle: null,
      restarts: 0,
    }))
  }

  get hasEnded(): boolean {
    return this.#ended
  }

  get simulatedMs(): number {
    return this.#day()
  }

  set sinkUrl(url: string) {
    this.#sinkUrl = url
  }

  remains(): Remains {
    return {
      script: this.#options.script,
      acknowledgedAt: this.#acknowledgedAt,
      forgotten: this.#forgotten,
      effects: this.#effects,
      nonsense: this.#nonsense,
      startedAt: this.#startedAt,
      report: this.#report,
      history: this.#history,
    }
  }

  /** A process has come up that is to run one of the bridges. */
  async seat(bridge: number, process: BridgeProcess): Promise<void> {
    const seat = this.#seats[bridge]
    if (seat === undefined || this.#ended) return
    const { store, dataDir, script } = this.#options
    if (seat.restarts > 0) {
      const byMs = script.jumpsAcrossRestarts[(seat.restarts - 1) % script.jumpsAcrossRestarts.length] ?? 0
      if (byMs !== 0) this.#jump(byMs, `while bridge ${bridge} was down`)
    } else await this.#setDatabaseClock()
    seat.restarts++
    seat.process = process
    seat.idle = null
    this.#startedAt.push(this.#day())
    this.#note(`bridge ${bridge} starts`)
    process.tell({
      kind: 'open',
      world: this.name,
      order: ++seat.order,
      bridge: `br_${bridge}`,
      dataDir: `${dataDir}/${this.name}-${bridge}`,
      sinkUrl: this.#sinkUrl,
      store,
      requestsPerMinute: Number.isFinite(script.requestsPerMinute) ? script.requestsPerMinute : null,
      clock: this.#clock(),
    })
    this.#tell(seat, [...this.#untold.values()])
  }

  /** The process of one of the bridges is gone. */
  unseat(bridge: number): void {
    const seat = this.#seats[bridge]
    if (seat === undefined || seat.process === null) return
    seat.process = null
    seat.idle = null
    this.#note(`bridge ${bridge} is killed`)
    if (this.#seats.length === 1 && this.#untold.size > 0 && this.#options.random() < 0.3) this.#forget()
  }

  take(bridge: number, news: News): void {
    const seat = this.#seats[bridge]
    if (seat === undefined || this.#ended) return
    switch (news.kind) {
      case 'acknowledged':
        for (const id of news.ids) {
          this.#untold.delete(id)
          if (!this.#acknowledgedAt.has(id)) this.#acknowledgedAt.set(id, this.#day())
        }
        this.#note(`bridge ${bridge} has stored ${news.ids.join(' ')}`)
        break
      case 'idle':
        if (news.order === seat.order) seat.idle = news
        break
      case 'report':
        if (news.order === seat.order) this.#onReport(news)
        return
      case 'error':
        this.#nonsense.push(`bridge ${bridge}: ${news.text}`)
        this.#note(`bridge ${bridge} ERROR ${news.text}`)
        return
      case 'said':
        this.#note(`bridge ${bridge}: ${news.text.slice(0, 200)}`)
        return
      case 'closed':
        return
      default:
        news satisfies never
    }
    void this.#step()
  }

  now(): number {
    return Date.now() + this.#aheadMs
  }

  onRequest(id: string): { readonly fault: FaultName | null; readonly chance: number } {
    const { script } = this.#options
    const attempt = (this.#attempts.get(id) ?? 0) + 1
    this.#attempts.set(id, attempt)
    this.#requests++
    const day = this.#day()
    const outage = script.outages.find(({ from, to }) => from <= day && day < to)
    const fault = outage?.fault ?? (script.refused.has(id) ? '422' : script.fault(id, attempt))
    this.#note(`${id} attempt ${attempt}: ${fault ?? 'taken'}${outage === undefined ? '' : ' (outage)'}`)
    for (const jump of script.jumps) {
      if (jump.atRequest !== this.#requests) continue
      if (jump.of === 'database') {
        this.#databaseWrongByMs += jump.byMs
        this.#note(`the database's clock jumps by ${minutes(jump.byMs)}`)
        this.#options.onJump()
        void this.#setDatabaseClock()
        continue
      }
      this.#jump(jump.byMs, 'while it runs')
    }
    this.#options.onRequest(fault)
    return { fault, chance: (attempt * 0.37 + id.length * 0.11) % 1 }
  }

  knows(call: string): boolean {
    return this.#known.has(call)
  }

  onEffect(arrival: Arrival): void {
    if (arrival.kind === 'event') this.#known.add(arrival.call)
    this.#effects.push({ arrival, at: this.#day() })
  }

  onNonsense(what: string): void {
    this.#nonsense.push(what)
    this.#note(`NONSENSE ${what}`)
  }

  /** Goes on to whatever comes next, when nothing is under way. */
  async #step(): Promise<void> {
    if (this.#isStepping || this.#ended || this.#untold.size > 0) return
    const up = this.#seats.filter(seat => seat.process !== null)
    if (up.length === 0 || up.some(seat => seat.idle === null || seat.idle.order !== seat.order)) return
    this.#isStepping = true
    try {
      await this.#goOn(up)
    } finally {
      this.#isStepping = false
    }
  }

  async #goOn(up: readonly Seat[]): Promise<void> {
    const { facts } = this.#options.script
    while (this.#next < facts.length && this.#isForgotten(facts[this.#next])) this.#next++
    const wakes = up.map(seat => seat.idle?.wakeInMs ?? null).filter(ms => ms !== null)
    const fact = facts[this.#next]
    const inMs = Math.min(...wakes, fact === undefined ? Number.POSITIVE_INFINITY : fact.at - this.#day())
    if (inMs === Number.POSITIVE_INFINITY) {
      if (up.length < this.#seats.length) return
      const [first] = this.#seats
      first?.process?.tell({ kind: 'report', world: this.name, order: first.order })
      return
    }
    this.#aheadMs += Math.max(0, Math.ceil(inMs))
    // Before the bridges hear of it: their next question to the database must find its clock moved.
    await this.#setDatabaseClock()
    const due: Fact[] = []
    for (let next = facts[this.#next]; next !== undefined && next.at <= this.#day() + TOGETHER_MS; next = facts[++this.#next]) {
      if (this.#isForgotten(next)) continue
      if (next.kind === 'recording' && due.some(({ call }) => call === next.call)) break
      due.push(next)
      this.#untold.set(next.id, next)
    }
    for (const seat of this.#seats) {
      if (seat.process === null) continue
      this.#tellClock(seat)
      this.#tell(seat, due)
    }
  }

  #onReport(report: Extract<News, { kind: 'report' }>): void {
    const isOver = report.jobs.every(({ state }) => state !== 'pending' && state !== 'running')
    this.#report = report
    if (isOver) {
      this.#ended = true
      for (const seat of this.#seats) seat.process?.tell({ kind: 'close', world: this.name, order: ++seat.order })
      this.#options.onEnd()
      return
    }
    // What a lost connection has left behind is nobody's until its lease is over.
    this.#note('nothing is under way, but not everything is delivered')
    this.#aheadMs += NUDGE_MS
    void this.#setDatabaseClock().then(() => {
      for (const seat of this.#seats) if (seat.process !== null) this.#tellClock(seat)
    })
  }

  #isForgotten(fact: Fact | undefined): boolean {
    return fact !== undefined && this.#forgotten.has(fact.id)
  }

  #forget(): void {
    const { facts } = this.#options.script
    const calls = new Set([...this.#untold.values()].flatMap(fact => (fact.call === null ? [] : [fact.call])))
    for (const [i, fact] of facts.entries()) {
      const follows = fact.call !== null && calls.has(fact.call) && (i >= this.#next || this.#untold.has(fact.id))
      if (follows || this.#untold.has(fact.id)) this.#forgotten.add(fact.id)
    }
    this.#note(`lost with the process: ${[...this.#untold.keys()].join(' ')}, and what would have followed`)
    this.#untold.clear()
  }

  #tell(seat: Seat, facts: readonly Fact[]): void {
    const own = facts.filter(fact => fact.kind === 'event' || (fact as AudioFact).bridge === seat.bridge)
    if (own.length === 0 || seat.process === null) return
    seat.idle = null
    this.#note(`bridge ${seat.bridge} learns ${own.map(({ id }) => id).join(' ')}`)
    const sent = own.map(({ at, ...fact }): SentFact => fact as SentFact)
    seat.process.tell({ kind: 'learn', world: this.name, order: ++seat.order, facts: sent })
    this.#options.onTold(own.length)
  }

  #tellClock(seat: Seat): void {
    seat.idle = null
    seat.process?.tell({ kind: 'clock', world: this.name, order: ++seat.order, clock: this.#clock() })
  }

  #clock() {
    return { aheadMs: this.#aheadMs, wrongByMs: this.#wrongByMs }
  }

  #jump(byMs: number, when: string): void {
    this.#wrongByMs += byMs
    this.#note(`the clock jumps by ${minutes(byMs)} ${when}`)
    this.#options.onJump()
    for (const seat of this.#seats) if (seat.process !== null) this.#tellClock(seat)
  }

  async #setDatabaseClock(): Promise<void> {
    await this.#options.setDatabaseClock(this.#aheadMs + this.#databaseWrongByMs)
  }

  #day(): number {
    return this.now() - DAY
  }

  #note(text: string): void {
    const ms = this.#day()
    this.#history.push(`${minutes(ms).padStart(9)} ${((ms % MINUTE_MS) / 1000).toFixed(3).padStart(6)} s  ${text}`)
    if (this.#history.length > HISTORY) this.#history.shift()
  }
}

const minutes = (ms: number): string => `${Math.floor(ms / MINUTE_MS)} min`

/**
 * Runs worlds side by side: one process has the first bridge of each, another the second bridges of pairs. When the sink has got, or the
 * bridges have been told, as much as the batch's own script says, a process is killed or the database crashes; that hits every world, as a
 * power cut would.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { seeded } from '../bridge/seeded.ts'
import { BridgeProcess, type BridgeProgram } from './bridge-process.ts'
import { FaultySink } from './faulty-sink.ts'
import { findingsOf } from './findings.ts'
import type { StoreOf } from './messages.ts'
import { scriptOf } from './script.ts'
import { World } from './world.ts'

/** Where the worlds of a batch keep what they must not forget. */
export interface Stage {
  readonly kind: 'sqlite' | 'postgres'
  /** A folder that is there, for the bridges of all worlds. */
  readonly folder: string
  storeFor(world: string): Promise<StoreOf>
  setDatabaseClock(world: string, ms: number): Promise<void>
  /** Crashes and restarts the database; `false` when there is none. */
  crash(): Promise<boolean>
}

/** What was done, and what is wrong. */
export interface Outcome {
  readonly figures: Figures
  readonly findings: readonly Finding[]
}

export interface Finding {
  readonly seed: number
  readonly problems: readonly string[]
  readonly history: readonly string[]
}

export interface Figures {
  seeds: number
  kills: number
  clockJumps: number
  databaseCrashes: number
  requests: number
  faults: Record<string, number>
  events: number
  recordings: number
  voicemails: number
  refused: number
  simulatedHours: number
  mostMemoryMiB: number
  seconds: number
}

interface Blow {
  readonly counted: 'requests' | 'told'
  readonly at: number
  readonly what: 'kill' | 'crash'
  readonly victim: number
  readonly afterMs: number
}

/** One kill for so many worlds. */
const WORLDS_A_KILL = 10
const CRASHES = 1
/** Real time, for a whole batch. */
const LONGEST_MS = 240_000

export async function runBatch(options: {
  readonly seeds: readonly number[]
  readonly stage: Stage
  readonly program: BridgeProgram
}): Promise<Outcome> {
  return await new Batch(options).run()
}

class Batch {
  readonly #options: Parameters<typeof runBatch>[0]
  readonly #random: () => number
  readonly #figures: Figures
  readonly #worlds = new Map<string, World>()
  readonly #processes: (BridgeProcess | null)[] = []
  readonly #crashed: string[] = []
  #blows: readonly Blow[] = []
  #counts = { requests: 0, told: 0 }
  #blowing: Promise<void> = Promise.resolve()
  #left = 0
  #onOver: () => void = () => {}

  constructor(options: Parameters<typeof runBatch>[0]) {
    this.#options = options
    this.#random = seeded(options.seeds[0] ?? 0)
    this.#figures = noFigures()
  }

  async run(): Promise<Outcome> {
    const began = performance.now()
    const sink = await FaultySink.start()
    const over = new Promise<void>(resolve => {
      this.#onOver = resolve
    })
    try {
      await this.#make(sink)
      await Promise.all(this.#processes.map((_, bridge) => this.#launch(bridge)))
      const patience = new AbortController()
      await Promise.race([over, wait(LONGEST_MS, undefined, { signal: patience.signal }).catch(() => {})])
      patience.abort()
      await this.#blowing
    } finally {
      for (const process of this.#processes) await process?.kill()
      await sink.stop()
    }
    return this.#outcome((performance.now() - began) / 1_000)
  }

  async #make(sink: FaultySink): Promise<void> {
    const { seeds, stage } = this.#options
    let facts = 0
    let bridges = 1
    for (const seed of seeds) {
      const script = scriptOf(seed, stage.kind)
      facts += script.facts.length
      bridges = Math.max(bridges, script.bridges)
      const name = `w${seed}`
      const world = new World({
        script,
        dataDir: stage.folder,
        store: await stage.storeFor(name),
        setDatabaseClock: ms => stage.setDatabaseClock(name, ms),
        onRequest: fault => {
          this.#figures.requests++
          if (fault !== null) this.#figures.faults[fault] = (this.#figures.faults[fault] ?? 0) + 1
          this.#count('requests', 1)
        },
        onTold: facts => this.#count('told', facts),
        onJump: () => {
          this.#figures.clockJumps++
        },
        onEnd: () => {
          if (--this.#left === 0) this.#onOver()
        },
        random: this.#random,
      })
      world.sinkUrl = sink.open(name, world)
      this.#worlds.set(name, world)
    }
    this.#left = this.#worlds.size
    for (let bridge = 0; bridge < bridges; bridge++) this.#processes.push(null)
    this.#blows = this.#blowsFor(facts)
  }

  #blowsFor(facts: number): readonly Blow[] {
    const random = this.#random
    const blow = (what: Blow['what']): Blow => ({
      counted: random() < 0.6 ? 'requests' : 'told',
      at: Math.ceil(facts * (0.05 + 0.9 * random())),
      what,
      victim: Math.floor(random() * 3),
      afterMs: random() * 10,
    })
    const crashes = this.#options.stage.kind === 'postgres' ? CRASHES : 0
    const kills = Math.ceil(this.#worlds.size / WORLDS_A_KILL)
    return [...Array.from({ length: kills }, () => blow('kill')), ...Array.from({ length: crashes }, () => blow('crash'))]
  }

  async #launch(bridge: number): Promise<void> {
    const process = new BridgeProcess(this.#options.program, news => this.#worlds.get(news.world)?.take(bridge, news))
    this.#processes[bridge] = process
    void process.gone.then(() => this.#onGone(bridge, process))
    for (const world of this.#worlds.values()) await world.seat(bridge, process)
  }

  #onGone(bridge: number, process: BridgeProcess): void {
    if (process.errors !== '') this.#crashed.push(`process ${bridge} wrote: ${process.errors}`)
  }

  #count(what: Blow['counted'], more: number): void {
    const before = this.#counts[what]
    this.#counts[what] += more
    for (const blow of this.#blows) {
      const isNow = blow.counted === what && before < blow.at && blow.at <= before + more
      if (isNow) this.#blowing = this.#blowing.then(() => this.#strike(blow))
    }
  }

  async #strike({ what, victim, afterMs }: Blow): Promise<void> {
    await wait(afterMs)
    if (this.#left === 0) return
    if (what === 'crash') {
      if (await this.#options.stage.crash()) this.#figures.databaseCrashes++
      return
    }
    // Two: both at once.
    const victims = victim >= 2 ? this.#processes.keys() : [victim % this.#processes.length]
    await Promise.all([...victims].map(bridge => this.#kill(bridge)))
  }

  async #kill(bridge: number): Promise<void> {
    this.#figures.kills++
    await this.#processes[bridge]?.kill()
    for (const world of this.#worlds.values()) world.unseat(bridge)
    await this.#launch(bridge)
  }

  #outcome(seconds: number): Outcome {
    const figures = { ...this.#figures, seeds: this.#worlds.size, seconds }
    const findings: Finding[] = []
    for (const world of this.#worlds.values()) {
      const remains = world.remains()
      const problems = world.hasEnded ? findingsOf(remains) : ['it did not come to an end', ...findingsOf(remains)]
      if (problems.length > 0) findings.push({ seed: remains.script.seed, problems, history: remains.history })
      figures.simulatedHours += world.simulatedMs / 3_600_000
      figures.refused += remains.report?.jobs.filter(job => job.state === 'dead').length ?? 0
      figures.mostMemoryMiB = Math.max(figures.mostMemoryMiB, (remains.report?.rssBytes ?? 0) / 1_048_576)
      for (const { arrival } of remains.effects) figures[`${arrival.kind}s`]++
    }
    if (this.#crashed.length > 0) findings.push({ seed: this.#options.seeds[0] ?? 0, problems: this.#crashed, history: [] })
    return { figures, findings }
  }
}

export const noFigures = (): Figures => ({
  seeds: 0,
  kills: 0,
  clockJumps: 0,
  databaseCrashes: 0,
  requests: 0,
  faults: {},
  events: 0,
  recordings: 0,
  voicemails: 0,
  refused: 0,
  simulatedHours: 0,
  mostMemoryMiB: 0,
  seconds: 0,
})

/** The sum; of memory the most. */
export function sumOf(all: readonly Figures[]): Figures {
  const sum = noFigures()
  for (const figures of all) {
    for (const key of Object.keys(sum) as (keyof Figures)[]) {
      if (key === 'faults') continue
      sum[key] = key === 'mostMemoryMiB' ? Math.max(sum[key], figures[key]) : sum[key] + figures[key]
    }
    for (const [fault, count] of Object.entries(figures.faults)) sum.faults[fault] = (sum.faults[fault] ?? 0) + count
  }
  return sum
}

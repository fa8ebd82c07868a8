/** What the worker has done since it was made: plain numbers for metrics, and how long the last deliveries took. */
import type { Lane } from './job.ts'
import type { Settled } from './job-queue.ts'

export interface LaneCounters {
  delivered: number
  retried: number
  waited: number
  dead: number
  putBack: number
}

export interface DeliveryCounters {
  /** By lane, of those that the worker serves. */
  readonly lanes: ReadonlyMap<Lane, Readonly<LaneCounters>>
  /** Deliveries that threw inside the bridge: bugs. */
  faults: number
  /** Times that the store failed to claim or settle. */
  storeErrors: number
  /** Times that the rate limit, not the slots, ended a round of claims. */
  limited: number
  /** Times that the sink shut itself. */
  pauses: number
  /** Times that deliveries failed in a row and the others were held back. */
  trips: number
}

/** Of the last deliveries, from the storing of their cause to the sink's acknowledgement, in ms. */
export interface Latency {
  readonly count: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly maxMs: number
}

/** Deliveries that fail one after the other, without one that succeeds in between. */
export interface FailureStreak {
  readonly count: number
  /** Epoch ms. */
  readonly since: number
  /** Of the last of them. */
  readonly reason: string
}

const REMEMBERED = 256

const noCounts = (): LaneCounters => ({ delivered: 0, retried: 0, waited: 0, dead: 0, putBack: 0 })

export class DeliveryStats {
  readonly counters: DeliveryCounters
  readonly #lanes: ReadonlyMap<Lane, LaneCounters>
  readonly #latencies: ReadonlyMap<Lane, number[]>
  #streak: FailureStreak | null = null

  constructor(lanes: readonly Lane[]) {
    this.#lanes = new Map(lanes.map(lane => [lane, noCounts()]))
    this.#latencies = new Map(lanes.map(lane => [lane, []]))
    this.counters = { lanes: this.#lanes, faults: 0, storeErrors: 0, limited: 0, pauses: 0, trips: 0 }
  }

  /** `null` as soon as any delivery succeeds. */
  get streak(): FailureStreak | null {
    return this.#streak
  }

  /** Counts a stored verdict. `now` is epoch ms. */
  record({ job, verdict }: Settled, now: number): void {
    const counts = this.#lanes.get(job.lane)
    if (counts === undefined) return
    switch (verdict.kind) {
      case 'delivered':
        counts.delivered++
        this.#streak = null
        this.#remember(job.lane, Math.max(0, now - job.createdAt))
        return
      case 'retry':
        counts.retried++
        this.#streak = { count: (this.#streak?.count ?? 0) + 1, since: this.#streak?.since ?? now, reason: verdict.reason }
        return
      case 'wait':
        counts.waited++
        return
      case 'dead':
        counts.dead++
        return
      case 'put-back':
        counts.putBack++
        return
      default:
        throw new TypeError(`no such verdict: ${JSON.stringify(verdict satisfies never)}`)
    }
  }

  /** How long the last deliveries of each lane took; `null` for a lane that has delivered nothing. */
  latency(): ReadonlyMap<Lane, Latency | null> {
    return new Map([...this.#latencies].map(([lane, latencies]) => [lane, summary(latencies)]))
  }

  #remember(lane: Lane, latencyMs: number): void {
    const latencies = this.#latencies.get(lane) ?? []
    latencies.push(latencyMs)
    if (latencies.length > REMEMBERED) latencies.shift()
  }
}

const summary = (latencies: readonly number[]): Latency | null => {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return sorted.length === 0 ? null : { count: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) }
}

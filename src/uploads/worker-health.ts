/** What the worker does now and what holds it back, for readiness and metrics. */
import type { FailureStreak, Latency } from './delivery-stats.ts'
import type { Lane } from './job.ts'
import type { Pause } from './rate-limit.ts'

export interface WorkerCondition {
  /** `limited` and `paused` hold deliveries back until `until`; `store-failing` until the store works again. */
  readonly state: 'stopped' | 'delivering' | 'limited' | 'paused' | 'store-failing' | 'stopping'
  readonly reason: string | null
  /** Epoch ms. */
  readonly until: number | null
}

export interface WorkerHealth extends WorkerCondition {
  readonly inFlight: Readonly<Record<Lane, number>>
  readonly slots: Readonly<Record<Lane, number>>
  readonly latency: Readonly<Record<Lane, Latency | null>>
  /** Deliveries fail, and none has succeeded since. */
  readonly streak: FailureStreak | null
}

/** The worst of what holds deliveries back. Pure; times are epoch ms. */
export const conditionOf = (worker: {
  readonly run: 'running' | 'stopping' | null
  readonly storeFailure: string | null
  readonly pause: Pause | null
  readonly limitedUntil: number | null
  readonly now: number
}): WorkerCondition => {
  const { run, storeFailure, pause, limitedUntil, now } = worker
  if (run === null) return { state: 'stopped', reason: null, until: null }
  if (run === 'stopping') return { state: 'stopping', reason: null, until: null }
  if (storeFailure !== null) return { state: 'store-failing', reason: storeFailure, until: null }
  if (pause !== null) return { state: 'paused', reason: pause.reason, until: pause.until }
  if (limitedUntil !== null && limitedUntil > now) {
    return { state: 'limited', reason: 'the rate limit is used up', until: limitedUntil }
  }
  return { state: 'delivering', reason: null, until: null }
}

/** What the worker does now and what holds it back, for readiness and metrics. */

import type { OperatorPause } from './claims.ts'
import type { FailureStreak, Latency } from './delivery-stats.ts'
import type { Pause } from './flow/allowance.ts'
import type { BreakerState } from './flow/breaker.ts'
import type { Lane } from './job.ts'
import type { Slots } from './slots.ts'

export interface WorkerCondition {
  /**
   * `limited`, `paused` and `sink-failing` hold deliveries back until `until`; `store-failing` until the store works again, and
   * `operator-paused` until an operator resumes the sink. `until` of `sink-failing` is null while a delivery asks whether the sink works again.
   */
  readonly state:
    | 'stopped'
    | 'delivering'
    | 'limited'
    | 'paused'
    | 'operator-paused'
    | 'sink-failing'
    | 'store-failing'
    | 'stopping'
  readonly reason: string | null
  /** Epoch ms. */
  readonly until: number | null
}

export interface WorkerHealth extends WorkerCondition {
  readonly inFlight: ReadonlyMap<Lane, number>
  readonly slots: Slots
  readonly latency: ReadonlyMap<Lane, Latency | null>
  /** Deliveries fail, and none has succeeded since. */
  readonly streak: FailureStreak | null
}

/** The worst of what holds deliveries back. Pure; times are epoch ms. */
export const conditionOf = (worker: {
  readonly run: 'running' | 'stopping' | null
  readonly storeFailure: string | null
  readonly operatorPause: OperatorPause | null
  readonly pause: Pause | null
  readonly breaker: BreakerState
  readonly limitedUntil: number | null
  readonly now: number
}): WorkerCondition => {
  const { run, storeFailure, operatorPause, pause, breaker, limitedUntil, now } = worker
  if (run === null) return { state: 'stopped', reason: null, until: null }
  if (run === 'stopping') return { state: 'stopping', reason: null, until: null }
  if (storeFailure !== null) return { state: 'store-failing', reason: storeFailure, until: null }
  if (operatorPause !== null) return { state: 'operator-paused', reason: told(operatorPause), until: null }
  if (pause !== null) return { state: 'paused', reason: pause.reason, until: pause.until }
  if (breaker.kind !== 'closed') {
    return { state: 'sink-failing', reason: breaker.reason, until: breaker.kind === 'open' ? breaker.until : null }
  }
  if (limitedUntil !== null && limitedUntil > now) {
    return { state: 'limited', reason: 'the rate limit is used up', until: limitedUntil }
  }
  return { state: 'delivering', reason: null, until: null }
}

const told = ({ sink, since, actor, reason }: OperatorPause): string =>
  `paused by ${actor} since ${new Date(since).toISOString()}: ${reason}; \`tpe-bridge sinks resume ${sink}\` lets it go on`

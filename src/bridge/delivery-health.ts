/** How a worker is, for /readyz. Pure. */
import type { PartHealth } from '../admin/health.ts'
import type { WorkerHealth } from '../uploads/worker-health.ts'

/** A single failure is the network's everyday; a row of them is an outage. */
export const toleratedFailures = 3

export function deliveryHealth({ state, reason, until, streak }: WorkerHealth): PartHealth {
  if (state === 'delivering') {
    if (streak === null || streak.count < toleratedFailures) return { state: 'ok', reason: null }
    const { count, since, reason: last } = streak
    const words = `the last ${count} deliveries failed, the first at ${new Date(since).toISOString()}: ${last}`
    return { state: 'degraded', reason: words }
  }
  if (state === 'stopped' || state === 'stopping') return { state: 'stopped', reason }
  return { state: 'degraded', reason: until === null ? reason : `${reason ?? state}, until ${new Date(until).toISOString()}` }
}

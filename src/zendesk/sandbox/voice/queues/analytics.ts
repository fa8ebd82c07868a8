/** How waiting in a queue went, from every wait there ever was in it. */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'
import type { QueueAnalytics } from '../../../wire/queue.ts'

const totalsRow = z.object({
  average_wait_time: z.number().nullable(),
  abandoned_calls: z.int(),
  success_rate: z.number().nullable(),
})
const depthRow = z.object({ depth: z.int() })

/**
 * `average_wait_time`: seconds, of callers who were answered or gave up. `max_queue_depth`: the most who waited at one moment.
 * `success_rate`: percent of these callers who were answered. Calls the queue had no room for were never in it.
 */
export function queueAnalytics(db: DatabaseSyncInstance, queueId: number): QueueAnalytics {
  const totals = db
    .prepare(
      `SELECT round(avg(left_at - entered_at) / 1000) AS average_wait_time,
         count(*) FILTER (WHERE outcome = 'abandoned') AS abandoned_calls,
         round(avg(outcome = 'answered') * 100, 1) AS success_rate
       FROM queue_waits WHERE queue_id = ? AND outcome IN ('answered', 'abandoned')`,
    )
    .get(queueId)
  // Who leaves in the same millisecond as another enters has left before.
  const depth = db
    .prepare(
      `SELECT coalesce(max(depth), 0) AS depth FROM (
         SELECT sum(step) OVER (ORDER BY at, step ROWS UNBOUNDED PRECEDING) AS depth FROM (
           SELECT entered_at AS at, 1 AS step FROM queue_waits WHERE queue_id = ?1 AND outcome <> 'overflowed'
           UNION ALL
           SELECT left_at, -1 FROM queue_waits WHERE queue_id = ?1 AND outcome <> 'overflowed' AND left_at IS NOT NULL))`,
    )
    .get(queueId)
  return { ...totalsRow.parse(totals), max_queue_depth: Math.max(0, depthRow.parse(depth).depth) }
}

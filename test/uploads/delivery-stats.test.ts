import { expect, test } from 'vitest'
import { DeliveryStats } from '../../src/uploads/delivery-stats.ts'
import { jobId } from '../../src/uploads/job.ts'
import type { ClaimedJob } from '../../src/uploads/job-queue.ts'
import { anEvent, callId, T0 } from './fixtures.ts'

const job: ClaimedJob = {
  id: jobId('a.1'),
  kind: 'event',
  lane: 'event',
  orderKey: callId('a'),
  orderNo: 1,
  createdAt: T0,
  dueSince: T0,
  attempts: 0,
  payload: { kind: 'event', event: anEvent('a', 1) },
}

test('failures in a row are a streak until one delivery succeeds', () => {
  const stats = new DeliveryStats(['event'])
  expect(stats.streak).toBeNull()
  stats.record({ job, verdict: { kind: 'retry', runAt: T0, reason: 'connection refused' } }, T0 + 1)
  stats.record({ job, verdict: { kind: 'wait', runAt: T0, reason: '429' } }, T0 + 2)
  stats.record({ job, verdict: { kind: 'retry', runAt: T0, reason: '503' } }, T0 + 3)
  expect(stats.streak).toEqual({ count: 2, since: T0 + 1, reason: '503' })
  stats.record({ job, verdict: { kind: 'delivered', remoteId: null } }, T0 + 4)
  expect(stats.streak).toBeNull()
})

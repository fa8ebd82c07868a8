/** Deliveries that ask nothing of the sink's far side: every other event, with the documented API. */
import { expect, onTestFinished, test, vi } from 'vitest'
import { deliveriesOf } from '../../../src/uploads/delivery.ts'
import { RateLimit } from '../../../src/uploads/flow/rate-limit.ts'
import type { DeliveryResult } from '../../../src/uploads/sink.ts'
import { zendeskSlots } from '../../../src/uploads/slots.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { DeliveryWorker } from '../../../src/uploads/worker.ts'
import { temporaryFolder } from '../../zendesk/running-sandbox.ts'
import { aChange } from '../fixtures.ts'
import { type Answer, ScriptedSink } from '../scripted-sink.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const unasked: DeliveryResult = { kind: 'delivered', remoteId: null, unasked: true }

async function started(calls: number, perMinute: number, answer: Answer) {
  const store = await SqliteStore.open({ dataDir: await temporaryFolder(), role: 'bridge', now: Date.now, log })
  onTestFinished(() => store.close())
  await store.calls.append(Array.from({ length: calls }, (_, n) => aChange(`c${n}`, [1])))
  const limit = new RateLimit({ perMinute, now: Date.now() })
  const sink = new ScriptedSink(answer)
  const worker = new DeliveryWorker({
    queue: store.jobs,
    sink,
    limit,
    policy: { baseMs: 1, capMs: 2, giveUpAfterMs: 60_000 },
    prepare: deliveriesOf('hq'),
    slots: zendeskSlots(8),
    log,
    now: Date.now,
    random: Math.random,
  })
  await worker.start()
  onTestFinished(() => worker.stop(0))
  return { sink, worker, limit }
}

test('what asked nothing takes nothing of the limit', async () => {
  // One request a minute: all that is there is the one token of the start.
  const { sink } = await started(60, 1, () => unasked)
  await vi.waitFor(() => expect(sink.acknowledged).toHaveLength(60), { timeout: 10_000 })
})

test('what asked nothing does not say that a sink works again', async () => {
  const fails: DeliveryResult = { kind: 'retry', reason: '503', afterMs: null }
  const { sink, worker } = await started(60, 6_000_000, delivery => (/^c[0-4]\./.test(delivery.idempotencyKey) ? fails : unasked))
  await vi.waitFor(() => expect(worker.counters.trips).toBe(1), { timeout: 10_000 })
  const before = sink.acknowledged.length
  await vi.waitFor(() => expect(sink.acknowledged.length).toBeGreaterThan(before), { timeout: 10_000 })
  expect(worker.health().state).toBe('sink-failing')
  expect(worker.counters.trips).toBe(1)
})

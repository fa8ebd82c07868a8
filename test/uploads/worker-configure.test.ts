import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { deliveriesOf } from '../../src/uploads/delivery.ts'
import { RateLimit } from '../../src/uploads/flow/rate-limit.ts'
import type { DeliveryResult } from '../../src/uploads/sink.ts'
import { zendeskSlots } from '../../src/uploads/slots.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import { DeliveryWorker } from '../../src/uploads/worker.ts'
import { aChange } from './fixtures.ts'
import { delivered, ScriptedSink } from './scripted-sink.ts'

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const HOUR = 3_600_000

let dataDir: string
let store: SqliteStore
let worker: DeliveryWorker | null = null

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tpe-configure-'))
  store = await SqliteStore.open({ dataDir, role: 'bridge', now: Date.now, log })
})

afterEach(async () => {
  await worker?.stop(0)
  worker = null
  await store.close()
  await rm(dataDir, { recursive: true, force: true })
})

const workerWith = (sink: ScriptedSink): DeliveryWorker => {
  const made = new DeliveryWorker({
    queue: store.jobs,
    sink,
    limit: new RateLimit({ perMinute: Number.POSITIVE_INFINITY, now: Date.now() }),
    policy: { baseMs: HOUR, capMs: HOUR, giveUpAfterMs: 24 * HOUR },
    prepare: deliveriesOf('hq'),
    slots: zendeskSlots(8),
    log,
    now: Date.now,
    random: () => 0.9,
  })
  store.onJobs(() => made.notify())
  worker = made
  return made
}

test('pauses between attempts that are changed while it runs hold from the next failure on', async () => {
  const refused: DeliveryResult = { kind: 'retry', reason: '503', afterMs: null }
  const sink = new ScriptedSink().script('a.1', () => refused)
  const running = workerWith(sink)
  await running.start()
  running.configure({ policy: { baseMs: 10, capMs: 10, giveUpAfterMs: 24 * HOUR } })
  await store.calls.append([aChange('a', [1])])
  await vi.waitFor(() => expect(sink.acknowledged).toEqual(['a.1']), { timeout: 3_000 })
})

test('with fewer slots no more are under way at once', async () => {
  const sink = new ScriptedSink(async () => {
    await new Promise(resolve => setImmediate(resolve))
    return delivered
  })
  const running = workerWith(sink)
  await running.start()
  running.configure({ slots: zendeskSlots(2) })
  await store.calls.append(Array.from({ length: 20 }, (_, n) => aChange(`c${n}`, [1])))
  await vi.waitFor(() => expect(sink.acknowledged).toHaveLength(20), { timeout: 5_000 })
  expect(sink.mostInFlight).toBe(2)
  expect(running.health().slots.get('event')).toBe(2)
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { deliveriesOf } from '../../src/uploads/delivery.ts'
import { RateLimit } from '../../src/uploads/flow/rate-limit.ts'
import { zendeskSlots } from '../../src/uploads/slots.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import { DeliveryWorker } from '../../src/uploads/worker.ts'
import { aChange, ops } from './fixtures.ts'
import { type Answer, Gate, ScriptedSink } from './scripted-sink.ts'

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const reason = 'maintenance until ten'
const HOUR = 3_600_000

let dataDir: string
let store: SqliteStore
let worker: DeliveryWorker | null = null

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tpe-pause-'))
  store = await SqliteStore.open({ dataDir, role: 'bridge', now: Date.now, log })
})

afterEach(async () => {
  await worker?.stop(0)
  worker = null
  await store.close()
  await rm(dataDir, { recursive: true, force: true })
})

const workerWith = (sink: ScriptedSink): DeliveryWorker => {
  const started = new DeliveryWorker({
    queue: store.jobs,
    operatorPause: () => store.pauses.of('zendesk'),
    sink,
    limit: new RateLimit({ perMinute: Number.POSITIVE_INFINITY, now: Date.now() }),
    policy: { baseMs: 10, capMs: 40, giveUpAfterMs: HOUR },
    prepare: deliveriesOf('hq'),
    slots: zendeskSlots(8),
    log,
    now: Date.now,
    random: Math.random,
  })
  store.onJobs(() => started.notify())
  worker = started
  return started
}

test('a paused sink gets nothing, says why, and goes on when it is resumed', async () => {
  const sink = new ScriptedSink()
  const paused = workerWith(sink)
  await store.pauses.pause('zendesk', { ...ops, reason })
  await paused.start()
  await store.calls.append([aChange('x', [1, 2])])
  await vi.waitFor(() => expect(paused.health().state).toBe('operator-paused'))
  expect(paused.health().reason).toMatch(
    /^paused by ops@pbx1 since 20.+Z: maintenance until ten; `tpe-bridge sinks resume zendesk` lets it go on$/,
  )
  expect(sink.attempts).toEqual([])
  await store.pauses.resume('zendesk', ops)
  await vi.waitFor(() => expect(sink.acknowledged).toEqual(['x.1', 'x.2']))
  expect(paused.health().state).toBe('delivering')
})

test('a pause lets what is under way finish, and what another process says counts', async () => {
  const gate = new Gate()
  const sink = new ScriptedSink().script('x.1', gate.answer)
  const delivering = workerWith(sink)
  await delivering.start()
  await store.calls.append([aChange('x', [1, 2])])
  await vi.waitFor(() => expect(sink.inFlight).toBe(1))
  const tool = await SqliteStore.open({ dataDir, role: 'tool', now: Date.now, log })
  await tool.pauses.pause('zendesk', { ...ops, reason })
  await vi.waitFor(() => expect(delivering.health().state).toBe('operator-paused'), { timeout: 3_000 })
  gate.open()
  await vi.waitFor(async () => expect((await store.desk.getUpload('x.1'))?.state).toBe('delivered'))
  expect(sink.attempts).toEqual(['x.1'])
  await tool.pauses.resume('zendesk', ops)
  await tool.close()
  await vi.waitFor(() => expect(sink.acknowledged).toEqual(['x.1', 'x.2']), { timeout: 3_000 })
})

test('resuming ends what the sink itself had asked for', async () => {
  const wait: Answer = () => ({ kind: 'wait', reason: '401, the token is refused', afterMs: HOUR, scope: 'sink' })
  const sink = new ScriptedSink().script('x.1', wait)
  const waiting = workerWith(sink)
  await waiting.start()
  await store.calls.append([aChange('x', [1])])
  await vi.waitFor(() => expect(waiting.health().state).toBe('paused'))
  await store.pauses.pause('zendesk', { ...ops, reason })
  await vi.waitFor(() => expect(waiting.health().state).toBe('operator-paused'), { timeout: 3_000 })
  await store.pauses.resume('zendesk', ops)
  await vi.waitFor(() => expect(waiting.health().state).toBe('delivering'), { timeout: 3_000 })
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ClockSteps } from '../../src/uploads/clock-steps.ts'
import { deliveriesOf } from '../../src/uploads/delivery.ts'
import { RateLimit } from '../../src/uploads/flow/rate-limit.ts'
import { jobId, lanes } from '../../src/uploads/job.ts'
import type { DeliveryResult } from '../../src/uploads/sink.ts'
import { zendeskSlots } from '../../src/uploads/slots.ts'
import { openHandle } from '../../src/uploads/store/sqlite-engine.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import { DeliveryWorker } from '../../src/uploads/worker.ts'
import { aChange, aRecording, fileOf } from './fixtures.ts'
import { delivered, ScriptedSink } from './scripted-sink.ts'

const HOUR = 3_600_000
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const retry: DeliveryResult = { kind: 'retry', reason: '503', afterMs: null }
const pause: DeliveryResult = { kind: 'wait', scope: 'sink', reason: '429', afterMs: 60_000 }

let dataDir: string
let store: SqliteStore
let wrongByMs: number
const workers: DeliveryWorker[] = []
const now = (): number => Date.now() + wrongByMs
const open = () => SqliteStore.open({ dataDir, role: 'bridge', busyTimeoutMs: 20, now, log: quiet })

beforeEach(async () => {
  wrongByMs = 0
  dataDir = await mkdtemp(join(tmpdir(), 'tpe-clock-'))
  store = await open()
})

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop(0)
  await store.close()
  await rm(dataDir, { recursive: true, force: true })
})

const startWorker = async (sink: ScriptedSink): Promise<DeliveryWorker> => {
  const worker = new DeliveryWorker({
    queue: store.jobs,
    sink,
    prepare: deliveriesOf('hq'),
    limit: new RateLimit({ perMinute: 6_000, now: now() }),
    policy: { baseMs: 60_000, capMs: 60_000, giveUpAfterMs: HOUR },
    slots: zendeskSlots(4),
    log: quiet,
    now,
    random: () => 0.9,
  })
  workers.push(worker)
  store.onJobs(() => worker.notify())
  await worker.start()
  return worker
}

test.each([
  ['a retry', retry],
  ['a pause of the sink', pause],
])('a clock that is set back by hours ends %s, instead of prolonging it', async (_what, first) => {
  const sink = new ScriptedSink().script('a.1', () => first)
  await startWorker(sink)
  await store.calls.append([aChange('a', [1, 2])])
  await vi.waitFor(() => expect(sink.attempts).toEqual(['a.1']))
  wrongByMs = -5 * HOUR
  await vi.waitFor(() => expect(sink.acknowledged).toEqual(['a.1', 'a.2']), { timeout: 10_000 })
})

test('a clock that is set back while its bridge is down holds nothing back', async () => {
  wrongByMs = 400 * 24 * HOUR
  await store.calls.append([aChange('a', [1, 2, 3])])
  const [first] = await store.jobs.claim('event', 1)
  expect(first?.id).toBe('a.1')
  await store.close()
  wrongByMs = 0
  store = await open()
  const sink = new ScriptedSink()
  await startWorker(sink)
  await vi.waitFor(() => expect(sink.acknowledged).toEqual(['a.1', 'a.2', 'a.3']), { timeout: 10_000 })
})

test('a restart under a clock that is right forgets no backoff', async () => {
  await store.calls.append([aChange('a', [1]), aChange('b', [1])])
  const [first] = await store.jobs.claim('event', 1)
  if (first === undefined) throw new Error('a job expected')
  const runAt = now() + HOUR
  await store.jobs.settle([{ job: first, verdict: { kind: 'retry', runAt, reason: '503' } }])
  await store.jobs.claim('event', 1)
  expect(await store.jobs.nextRunAt('event')).toBe(runAt)
  expect(await store.views.getJob(first.id)).toMatchObject({ state: { kind: 'pending', runAt } })
})

test('a verdict that waits to be stored while the clock is set back holds its job back no longer than the others', async () => {
  let answer: (result: DeliveryResult) => void = () => {}
  const sink = new ScriptedSink().script('a.1', () => new Promise(resolve => (answer = resolve)))
  const worker = await startWorker(sink)
  await store.calls.append([aChange('a', [1])])
  await vi.waitFor(() => expect(sink.attempts).toEqual(['a.1']))
  const other = await openHandle(join(dataDir, 'bridge.db'))
  other.exec('begin immediate')
  answer(retry)
  await vi.waitFor(() => expect(worker.health().state).toBe('store-failing'), { timeout: 5_000 })
  wrongByMs = -5 * HOUR
  worker.notify()
  other.exec('rollback')
  other.close()
  await vi.waitFor(() => expect(sink.acknowledged).toEqual(['a.1']), { timeout: 10_000 })
})

test('however many wait, all are made due, of the lanes that were asked for', async () => {
  wrongByMs = 10 * HOUR
  for (let n = 0; n < 25; n++) await store.calls.append(Array.from({ length: 100 }, (_, i) => aChange(`c${n * 100 + i}`, [1])))
  const recording = aRecording('r', null)
  await store.items.add({ ...recording, state: 'waiting' }, fileOf(recording))
  await store.items.queue(recording)
  wrongByMs = 0
  expect(await store.jobs.makeDue(['event'])).toBe(2_500)
  expect(await store.jobs.nextRunAt('event')).toBeLessThanOrEqual(now())
  expect(await store.views.getJob(jobId('r'))).toMatchObject({ state: { runAt: expect.toSatisfy((at: number) => at > now()) } })
})

test('a job that was claimed was due: put back, or taken over from a dead process, it is due again', async () => {
  wrongByMs = 10 * HOUR
  await store.calls.append([aChange('a', [1]), aChange('b', [1])])
  const [a, b] = await store.jobs.claim('event', 2)
  if (a === undefined || b === undefined) throw new Error('two jobs expected')
  wrongByMs = 0
  await store.jobs.settle([{ job: a, verdict: { kind: 'put-back' } }])
  await store.jobs.recover(lanes)
  expect(await store.jobs.claim('event', 2)).toHaveLength(2)
})

test('the clock is looked at against one that nobody can set: what NTP does all day is no step, and a failing store is asked again', async () => {
  let wall = 1_000_000
  let ticks = 0
  let asked = 0
  const stepped: number[] = []
  let failing = false
  const steps = new ClockSteps({
    makeDue: async () => {
      asked++
      if (failing) throw new Error('the disk is full')
      return 0
    },
    now: () => wall,
    ticks: () => ticks,
    onSetBack: byMs => stepped.push(byMs),
    onDue: () => {},
    onError: () => {},
  })
  const pass = async (wallMs: number, realMs: number) => {
    wall += wallMs
    ticks += realMs
    steps.look()
    await steps.settled()
  }
  await pass(0, 0)
  await pass(400, 1_000)
  await pass(5 * HOUR, 1_000)
  expect({ asked, stepped }).toEqual({ asked: 0, stepped: [] })
  failing = true
  await pass(-HOUR, 1_000)
  expect(stepped).toEqual([HOUR + 1_000])
  failing = false
  await pass(1_000, 1_000)
  await pass(1_000, 1_000)
  expect(asked).toBe(2)
})

test('a delivery that a clock set back in its middle seems to have ended before it began does not slow down those after it', async () => {
  const sink = new ScriptedSink(async () => {
    await new Promise(resolve => setTimeout(resolve, 5))
    return delivered
  }).script('a.1', async () => {
    wrongByMs -= 5 * HOUR
    return delivered
  })
  await startWorker(sink)
  await store.calls.append([aChange('a', [1])])
  await vi.waitFor(() => expect(sink.acknowledged).toEqual(['a.1']))
  for (let n = 0; n < 30; n++) await store.calls.append([aChange(`b${n}`, [1]), aChange(`c${n}`, [1])])
  await vi.waitFor(() => expect(sink.acknowledged).toHaveLength(61), { timeout: 10_000 })
  expect(sink.mostInFlight).toBe(4)
})

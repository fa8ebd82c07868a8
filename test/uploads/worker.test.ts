import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AudioItem } from '../../src/events/recording.ts'
import { deliveriesOf, type Prepared } from '../../src/uploads/delivery.ts'
import { RateLimit } from '../../src/uploads/flow/rate-limit.ts'
import { jobId } from '../../src/uploads/job.ts'
import type { Delivery, DeliveryResult } from '../../src/uploads/sink.ts'
import { zendeskSlots } from '../../src/uploads/slots.ts'
import { openHandle } from '../../src/uploads/store/sqlite-engine.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import { FEWEST_ATTEMPTS } from '../../src/uploads/verdict.ts'
import { DeliveryWorker, type WorkerOptions } from '../../src/uploads/worker.ts'
import { aChange, aRecording, aVoicemail, fileOf, ops, recordingId } from './fixtures.ts'
import { delivered, Gate, hang, ScriptedSink } from './scripted-sink.ts'

const retry = (afterMs: number | null = null): DeliveryResult => ({ kind: 'retry', reason: '503', afterMs })
const HOUR = 3_600_000

let dataDir: string
let store: SqliteStore
const workers: DeliveryWorker[] = []
const logged: { readonly level: string; readonly msg: string; readonly fields: object }[] = []

const logTo =
  (level: string) =>
  (fields: object, msg: string): void => {
    logged.push({ level, msg, fields })
  }
const log = { debug: logTo('debug'), info: logTo('info'), warn: logTo('warn'), error: logTo('error') }

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tpe-worker-'))
  store = await SqliteStore.open({ dataDir, role: 'bridge', busyTimeoutMs: 20, now: Date.now, log })
})

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.stop(0)
  await store.close()
  await rm(dataDir, { recursive: true, force: true })
  logged.length = 0
})

const workerWith = (sink: ScriptedSink, more: Partial<WorkerOptions<Delivery>> = {}): DeliveryWorker => {
  const worker = new DeliveryWorker({
    queue: store.jobs,
    sink,
    limit: new RateLimit({ perMinute: Number.POSITIVE_INFINITY, now: Date.now() }),
    policy: { baseMs: 10, capMs: 40, giveUpAfterMs: HOUR },
    prepare: deliveriesOf('hq'),
    slots: zendeskSlots(8),
    log,
    now: Date.now,
    random: Math.random,
    ...more,
  })
  store.onJobs(() => worker.notify())
  workers.push(worker)
  return worker
}

const queue = async (item: AudioItem): Promise<void> => {
  await store.items.add({ ...item, state: 'waiting' }, fileOf(item))
  await store.items.queue(item)
}

const stateOf = async (id: string) => (await store.views.getJob(jobId(id)))?.state
const counts = async () => await store.views.jobCounts()

describe('order', () => {
  test('the events of each call arrive in sequence, whatever the sink answers', async () => {
    const calls = Array.from({ length: 40 }, (_, index) => `c${index}`)
    const answers: readonly DeliveryResult[] = [
      delivered,
      retry(),
      { kind: 'wait', reason: 'not ready', afterMs: 1, scope: 'job' },
    ]
    let turn = 0
    const sink = new ScriptedSink(() => answers[turn++ % answers.length] ?? delivered)
    await workerWith(sink).start()
    for (const sequence of [1, 2, 3, 4]) await store.calls.append(calls.map(call => aChange(call, [sequence])))
    await vi.waitFor(async () => expect((await counts()).delivered).toBe(160), { timeout: 10_000 })
    for (const call of calls) {
      expect(sink.acknowledged.filter(key => key.startsWith(`${call}.`))).toEqual(
        [1, 2, 3, 4].map(sequence => `${call}.${sequence}`),
      )
    }
    expect(sink.mostInFlight).toBeGreaterThan(1)
    expect(sink.mostInFlight).toBeLessThanOrEqual(8)
  })

  test('a call that waits blocks no other call', async () => {
    const sink = new ScriptedSink()
    sink.script('stuck.1', () => retry(HOUR))
    await workerWith(sink, { slots: zendeskSlots(1) }).start()
    await store.calls.append([aChange('stuck', [1, 2]), aChange('free', [1, 2, 3])])
    await vi.waitFor(() => expect(sink.acknowledged).toEqual(['free.1', 'free.2', 'free.3']))
    expect(sink.attempts).not.toContain('stuck.2')
  })

  test('media never delays events', async () => {
    const uploads = new Gate()
    const sink = new ScriptedSink((delivery, signal) =>
      delivery.kind === 'event' ? delivered : uploads.answer(delivery, signal),
    )
    await workerWith(sink, { slots: zendeskSlots(4) }).start()
    for (const id of ['v1', 'v2', 'v3']) await queue(aVoicemail(id))
    await vi.waitFor(() => expect(sink.inFlight).toBe(1))
    await store.calls.append([aChange('a', [1, 2]), aChange('b', [1, 2])])
    await vi.waitFor(() => expect(sink.acknowledged.toSorted()).toEqual(['a.1', 'a.2', 'b.1', 'b.2']))
    uploads.open()
    await vi.waitFor(() => expect(sink.acknowledged).toHaveLength(7))
    expect(sink.attempts.filter(key => key.startsWith('v')).toSorted()).toEqual(['v1', 'v2', 'v3'])
  })

  test('a recording goes out after the first event of its call, with what its sink needs', async () => {
    const opening = new Gate()
    const sink = new ScriptedSink().script('a.1', opening.answer)
    const told: string[] = []
    await workerWith(sink, { onDelivered: job => void told.push(job.id) }).start()
    await store.calls.append([aChange('a', [1])])
    await queue(aRecording('r1', 'a'))
    await queue(aVoicemail('v1'))
    await vi.waitFor(() => expect(sink.acknowledged).toEqual(['v1']))
    opening.open()
    await vi.waitFor(() => expect(told).toEqual(['v1', 'a.1', 'r1']))
    const item = aRecording('r1', 'a')
    expect(sink.deliveries.at(-1)).toEqual({ kind: 'recording', idempotencyKey: 'r1', site: 'hq', item, audio: item.encoded })
    expect(await store.items.get(recordingId('r1'))).toMatchObject({ state: 'delivered' })
  })
})

describe('failure', () => {
  test('a 422 is never retried, and does not hold back what comes after it', async () => {
    const sink = new ScriptedSink().script('a.1', () => ({ kind: 'reject', reason: '422 from: not a number' }))
    const worker = workerWith(sink)
    await worker.start()
    await store.calls.append([aChange('a', [1, 2])])
    await vi.waitFor(() => expect(sink.acknowledged).toEqual(['a.2']))
    expect(await stateOf('a.1')).toMatchObject({ kind: 'dead', reason: '422 from: not a number' })
    expect(sink.attempts).toEqual(['a.1', 'a.2'])
    await vi.waitFor(() => expect(worker.counters.lanes.get('event')).toMatchObject({ delivered: 1, dead: 1, retried: 0 }))
  })

  test('an operator who redrives a dead letter has it delivered, also from another process', async () => {
    const sink = new ScriptedSink().script('a.1', () => ({ kind: 'reject', reason: '422' }))
    await workerWith(sink).start()
    await store.calls.append([aChange('a', [1])])
    await vi.waitFor(async () => expect(await stateOf('a.1')).toMatchObject({ kind: 'dead' }))
    const tool = await SqliteStore.open({ dataDir, role: 'tool', now: Date.now, log })
    expect(await tool.operations.redriveJob(jobId('a.1'), ops)).toEqual({ kind: 'done' })
    await tool.close()
    await vi.waitFor(() => expect(sink.acknowledged).toEqual(['a.1']), { timeout: 3_000 })
  })

  test('a retry honours the floor that the sink asked for', async () => {
    const at: number[] = []
    const note = (result: DeliveryResult) => () => {
      at.push(performance.now())
      return result
    }
    await workerWith(new ScriptedSink().script('a.1', note(retry(300)), note(delivered))).start()
    await store.calls.append([aChange('a', [1])])
    await vi.waitFor(() => expect(at).toHaveLength(2))
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(295)
  })

  test('a delivery that fails for longer than give_up_after becomes a dead letter that says why', async () => {
    const policy = { baseMs: 10, capMs: 40, giveUpAfterMs: 80 }
    // Waits, because failures in a row would trip the breaker, and twenty attempts take minutes then.
    const sink = new ScriptedSink(() => ({ kind: 'wait', scope: 'job', reason: '503', afterMs: 0 }))
    await workerWith(sink, { policy }).start()
    await store.calls.append([aChange('a', [1])])
    await vi.waitFor(async () => expect(await stateOf('a.1')).toMatchObject({ kind: 'dead' }), { timeout: 10_000 })
    expect(await stateOf('a.1')).toMatchObject({ reason: expect.stringMatching(/give_up_after.*503/) })
    expect(sink.attempts.length).toBeGreaterThanOrEqual(FEWEST_ATTEMPTS)
  })

  test('a sink that throws is our bug: logged as an error, retried with a bound, then a dead letter', async () => {
    const sink = new ScriptedSink(() => {
      throw new TypeError('undefined is not a function')
    })
    const worker = workerWith(sink, { policy: { baseMs: 1, capMs: 1, giveUpAfterMs: HOUR } })
    await worker.start()
    await store.calls.append([aChange('a', [1])])
    await vi.waitFor(async () => expect(await stateOf('a.1')).toMatchObject({ kind: 'dead', attempts: 20 }), { timeout: 5_000 })
    expect(worker.counters.faults).toBe(20)
    expect(logged.filter(line => line.level === 'error')).toHaveLength(20)
  })

  test('a delivery that gets no answer is aborted, retried, and frees its slot even when the sink is deaf', async () => {
    const deaf = (): Promise<DeliveryResult> => new Promise(() => {})
    const sink = new ScriptedSink().script('a.1', hang).script('b.1', deaf)
    await workerWith(sink, {
      slots: zendeskSlots(2),
      prepare: deliveriesOf('hq', { eventMs: 50, mediaMs: 50, perMiBMs: 0 }),
    }).start()
    await store.calls.append([aChange('a', [1]), aChange('b', [1])])
    await vi.waitFor(() => expect(sink.acknowledged).toEqual(['a.1', 'b.1']), { timeout: 5_000 })
    expect(sink.attempts.toSorted()).toEqual(['a.1', 'a.1', 'b.1', 'b.1'])
    const reasons = logged.filter(line => line.level === 'warn').map(line => JSON.stringify(line.fields))
    expect(reasons).toEqual([expect.stringContaining('no answer within 0.1 s'), expect.stringContaining('did not stop')])
  })

  test('an acknowledgement that comes just after the time-out counts', async () => {
    const late = (_delivery: unknown, signal: AbortSignal): Promise<DeliveryResult> =>
      new Promise(resolve => signal.addEventListener('abort', () => setImmediate(() => resolve(delivered)), { once: true }))
    const sink = new ScriptedSink().script('a.1', late)
    await workerWith(sink, { prepare: deliveriesOf('hq', { eventMs: 30, mediaMs: 30, perMiBMs: 0 }) }).start()
    await store.calls.append([aChange('a', [1])])
    await vi.waitFor(async () => expect(await stateOf('a.1')).toMatchObject({ kind: 'delivered', attempts: 0 }))
    expect(sink.attempts).toEqual(['a.1'])
  })

  test('a job whose content is damaged becomes a dead letter and the sink never sees it', async () => {
    await store.calls.append([aChange('a', [1, 2])])
    const handle = await openHandle(join(dataDir, 'bridge.db'))
    handle.exec(`update events set body = '{' where id = 'a.1'`)
    handle.close()
    const sink = new ScriptedSink()
    await workerWith(sink).start()
    await vi.waitFor(() => expect(sink.acknowledged).toEqual(['a.2']))
    expect(await stateOf('a.1')).toMatchObject({ kind: 'dead', reason: expect.stringContaining('cannot be read') })
  })

  test.each([
    ['cannot be delivered', (): Prepared<Delivery> => ({ kind: 'undeliverable', reason: 'damaged' })],
    [
      'cannot be prepared',
      (): Prepared<Delivery> => {
        throw new TypeError('undefined is not a function')
      },
    ],
  ])('a job that %s leaves it to the next one to ask whether the sink works again', async (_what, bad) => {
    const failing = ['a', 'b', 'c', 'd', 'e']
    const sink = new ScriptedSink()
    for (const call of failing) sink.script(`${call}.1`, () => retry(HOUR))
    const sound = deliveriesOf('hq')
    let probes = 0
    const worker = workerWith(sink, {
      prepare: job => (sink.attempts.length === failing.length && probes++ === 0 ? bad() : sound(job)),
      // The shortest pause of the breaker.
      random: () => 0,
    })
    await worker.start()
    for (const call of failing) await store.calls.append([aChange(call, [1])])
    await vi.waitFor(() => expect(worker.health().state).toBe('sink-failing'))
    for (const call of ['x', 'y']) await store.calls.append([aChange(call, [1])])
    await vi.waitFor(() => expect(worker.health().state).toBe('delivering'), { timeout: 5_000 })
    expect(probes).toBeGreaterThan(1)
    expect(sink.acknowledged.length).toBeGreaterThan(0)
  })

  test('while the store fails nothing is lost: the verdict waits, health says so, and it is stored once the store works', async () => {
    const gate = new Gate()
    const sink = new ScriptedSink(gate.answer)
    const worker = workerWith(sink)
    await worker.start()
    await store.calls.append([aChange('a', [1])])
    await vi.waitFor(() => expect(sink.inFlight).toBe(1))
    const holder = await openHandle(join(dataDir, 'bridge.db'))
    holder.exec('begin immediate')
    gate.open()
    await vi.waitFor(() =>
      expect(worker.health()).toMatchObject({ state: 'store-failing', reason: expect.stringContaining('locked') }),
    )
    holder.exec('rollback')
    holder.close()
    await vi.waitFor(async () => expect(await stateOf('a.1')).toMatchObject({ kind: 'delivered' }), { timeout: 5_000 })
    expect(worker.health().state).toBe('delivering')
    expect(sink.attempts).toEqual(['a.1'])
    expect(logged.filter(line => line.level === 'error')).toHaveLength(1)
  })
})

describe('limits', () => {
  test('a sink that asks for a pause gets one, for every delivery, and says why in health', async () => {
    const sink = new ScriptedSink().script('a.1', () => ({ kind: 'wait', reason: '429', afterMs: 400, scope: 'sink' }))
    const worker = workerWith(sink, { slots: zendeskSlots(1) })
    await worker.start()
    await store.calls.append([aChange('a', [1]), aChange('b', [1])])
    await vi.waitFor(() => expect(worker.health()).toMatchObject({ state: 'paused', reason: '429' }))
    expect(sink.attempts).toEqual(['a.1'])
    await vi.waitFor(() => expect(sink.acknowledged.toSorted()).toEqual(['a.1', 'b.1']))
    expect(await stateOf('a.1')).toMatchObject({ attempts: 0 })
    expect(worker.counters.pauses).toBe(1)
    expect(worker.health().state).toBe('delivering')
  })

  test('an operator ends a pause', async () => {
    const sink = new ScriptedSink().script('a.1', () => ({ kind: 'wait', reason: '401', afterMs: HOUR, scope: 'sink' }))
    const worker = workerWith(sink, { slots: zendeskSlots(1) })
    await worker.start()
    await store.calls.append([aChange('a', [1]), aChange('b', [1])])
    await vi.waitFor(() => expect(worker.health().state).toBe('paused'))
    worker.resume()
    await vi.waitFor(() => expect(sink.acknowledged).toEqual(['b.1']))
  })

  test('while the sink fails one delivery at a time asks, the others spend no attempt, and all go out when it works', async () => {
    let works = false
    const sink = new ScriptedSink(() => (works ? delivered : { kind: 'retry', reason: 'down', afterMs: null }))
    const worker = workerWith(sink, { slots: zendeskSlots(5), random: () => 0 })
    await store.calls.append(Array.from({ length: 40 }, (_, n) => aChange(`c${n}`, [1])))
    await worker.start()
    await vi.waitFor(() => expect(worker.health()).toMatchObject({ state: 'sink-failing', reason: 'down' }))
    await vi.waitFor(() => expect(sink.attempts.length).toBe(6), { timeout: 5_000 })
    expect(sink.mostInFlight).toBe(5)
    expect(worker.counters.trips).toBe(1)
    works = true
    await vi.waitFor(() => expect(sink.acknowledged).toHaveLength(40), { timeout: 5_000 })
    expect(worker.health().state).toBe('delivering')
    expect(sink.attempts).toHaveLength(46)
  })

  test('an operator ends the wait for a sink that works again', async () => {
    let works = false
    const sink = new ScriptedSink(() => (works ? delivered : { kind: 'retry', reason: 'down', afterMs: null }))
    const worker = workerWith(sink, { slots: zendeskSlots(5), random: () => 1 })
    await store.calls.append(Array.from({ length: 9 }, (_, n) => aChange(`c${n}`, [1])))
    await worker.start()
    await vi.waitFor(() => expect(worker.health().state).toBe('sink-failing'))
    works = true
    worker.resume()
    await vi.waitFor(() => expect(sink.acknowledged.length).toBeGreaterThan(3), { timeout: 900 })
  })

  test('the rate limit holds deliveries back, events before media, and health says so', async () => {
    const sink = new ScriptedSink()
    const worker = workerWith(sink, { limit: new RateLimit({ perMinute: 20, now: Date.now() }) })
    await queue(aVoicemail('v1'))
    await store.calls.append([aChange('a', [1, 2])])
    await worker.start()
    await vi.waitFor(() => expect(worker.health()).toMatchObject({ state: 'limited', until: expect.any(Number) }))
    expect(sink.attempts).toEqual(['a.1'])
    expect(worker.counters.limited).toBeGreaterThan(0)
  })

  test('a rate limit that nothing waits for is not reported', async () => {
    const sink = new ScriptedSink()
    const worker = workerWith(sink, { limit: new RateLimit({ perMinute: 20, now: Date.now() }) })
    await worker.start()
    await store.calls.append([aChange('a', [1])])
    await vi.waitFor(async () => expect(await stateOf('a.1')).toMatchObject({ kind: 'delivered' }))
    expect(worker.health().state).toBe('delivering')
    expect(worker.counters.limited).toBe(0)
  })
})

describe('starting and stopping', () => {
  test('stop lets deliveries finish within the grace and claims nothing more', async () => {
    const gate = new Gate()
    const sink = new ScriptedSink(gate.answer)
    const worker = workerWith(sink, { slots: zendeskSlots(1) })
    await worker.start()
    await store.calls.append([aChange('a', [1]), aChange('b', [1])])
    await vi.waitFor(() => expect(sink.inFlight).toBe(1))
    const stopped = worker.stop(5_000)
    expect(worker.health().state).toBe('stopping')
    gate.open()
    await stopped
    expect(sink.acknowledged).toEqual(['a.1'])
    expect(await counts()).toMatchObject({ delivered: 1, pending: 1, running: 0 })
    expect(worker.health().state).toBe('stopped')
  })

  test('what does not finish within the grace is put back, and delivered after the next start', async () => {
    const sink = new ScriptedSink().script('a.1', hang)
    const worker = workerWith(sink)
    await worker.start()
    await store.calls.append([aChange('a', [1])])
    await vi.waitFor(() => expect(sink.inFlight).toBe(1))
    await worker.stop(10)
    expect(await stateOf('a.1')).toMatchObject({ kind: 'pending', attempts: 0 })
    await worker.start()
    await vi.waitFor(() => expect(sink.acknowledged).toEqual(['a.1']))
  })

  test('start and stop may be repeated', async () => {
    const worker = workerWith(new ScriptedSink())
    await worker.stop(0)
    await Promise.all([worker.start(), worker.start()])
    await Promise.all([worker.stop(0), worker.stop(0)])
    await worker.stop(0)
    expect(worker.health().state).toBe('stopped')
  })

  test('what a dead process was delivering is delivered again', async () => {
    await store.calls.append([aChange('a', [1])])
    await store.jobs.claim('event', 1)
    const sink = new ScriptedSink()
    await workerWith(sink).start()
    await vi.waitFor(() => expect(sink.acknowledged).toEqual(['a.1']))
  })
})

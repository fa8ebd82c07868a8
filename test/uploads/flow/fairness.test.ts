import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { deliveriesOf } from '../../../src/uploads/delivery.ts'
import { RateLimit } from '../../../src/uploads/flow/rate-limit.ts'
import { zendeskSlots } from '../../../src/uploads/slots.ts'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { DeliveryWorker } from '../../../src/uploads/worker.ts'
import { aChange, aRecording, fileOf } from '../fixtures.ts'
import { ScriptedSink } from '../scripted-sink.ts'

const DAY_MS = 86_400_000
const log = { debug() {}, info() {}, warn() {}, error() {} }

describe('a call of today while yesterday is delivered', () => {
  let dataDir: string
  let store: SqliteStore
  let worker: DeliveryWorker
  let skewMs: number
  const sink = (): ScriptedSink => new ScriptedSink()

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'tpe-fairness-'))
    skewMs = -DAY_MS
    store = await SqliteStore.open({ dataDir, role: 'bridge', now: () => Date.now() + skewMs, log })
  })
  afterEach(async () => {
    await worker.stop(0)
    await store.close()
    await rm(dataDir, { recursive: true, force: true })
  })

  const start = async (to: ScriptedSink): Promise<void> => {
    skewMs = 0
    worker = new DeliveryWorker({
      queue: store.jobs,
      sink: to,
      limit: new RateLimit({ perMinute: 12_000, now: Date.now() }),
      policy: { baseMs: 10, capMs: 40, giveUpAfterMs: 7 * DAY_MS },
      prepare: deliveriesOf('hq'),
      slots: zendeskSlots(8),
      log,
      now: Date.now,
      random: Math.random,
    })
    store.onJobs(() => worker.notify())
    await worker.start()
    await vi.waitFor(() => expect(to.acknowledged.length).toBeGreaterThan(20), { timeout: 10_000 })
  }

  /** How many deliveries went out between the moment it was stored and its own. */
  const overtakenBy = async (to: ScriptedSink, key: string, stored: () => Promise<void>): Promise<number> => {
    await stored()
    const from = to.attempts.length
    await vi.waitFor(() => expect(to.acknowledged).toContain(key), { timeout: 10_000, interval: 5 })
    return Math.max(0, to.attempts.indexOf(key) - from)
  }

  test('does not wait for its events, and the oldest go on, too', async () => {
    const backlog = 3_000
    for (let at = 0; at < backlog; at += 500) {
      await store.calls.append(Array.from({ length: 500 }, (_, index) => aChange(`old${at + index}`, [1])))
    }
    const to = sink()
    await start(to)
    for (const sequence of [1, 2, 3, 4]) {
      const append = (): Promise<void> => store.calls.append([aChange('live', [sequence])])
      // One round of the slots, and what was claimed while it was stored.
      expect(await overtakenBy(to, `live.${sequence}`, append)).toBeLessThanOrEqual(24)
    }
    const oldest = to.acknowledged.filter(key => /^old\d{1,3}\./.test(key)).length
    expect(oldest).toBeGreaterThanOrEqual(0.3 * to.acknowledged.length)
    expect(to.acknowledged.length).toBeLessThan(backlog)
  })

  test('does not wait for its recordings, and its own recording not for all of them', async () => {
    const queue = async (name: string, of: string | null): Promise<void> => {
      await store.items.add(aRecording(name, of, 'waiting'), fileOf(aRecording(name, of)))
      await store.items.queue(aRecording(name, of))
    }
    for (let n = 0; n < 300; n++) await queue(`old-recording-${n}`, null)
    const to = sink()
    await start(to)
    expect(await overtakenBy(to, 'live.1', () => store.calls.append([aChange('live', [1])]))).toBeLessThanOrEqual(12)
    expect(await overtakenBy(to, 'live-recording', () => queue('live-recording', 'live'))).toBeLessThanOrEqual(24)
    expect(to.acknowledged.length).toBeLessThan(300)
  })
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { SqliteStore } from '../../../src/uploads/store/sqlite-store.ts'
import { aChange } from '../fixtures.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }

test('with fifty thousand deliveries waiting a claim takes no longer than with a few, from either end, and neither does counting them', {
  timeout: 60_000,
}, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tpe-backlog-'))
  let now = Date.now() - 86_400_000
  const store = await SqliteStore.open({ dataDir, role: 'bridge', now: () => now, log })
  onTestFinished(async () => {
    await store.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const append = async (from: number, calls: number): Promise<void> => {
    now += 1_000
    await store.calls.append(Array.from({ length: calls }, (_, at) => aChange(`c${from + at}`, [1, 2, 3, 4], { ended: true })))
  }
  /** The best of several: what it costs, not what else the machine does. */
  const claimMs = async (): Promise<number> => {
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < 10; round++) {
      const began = performance.now()
      const jobs = await store.jobs.claim('event', 8)
      best = Math.min(best, performance.now() - began)
      expect(jobs).toHaveLength(8)
      await store.jobs.settle(jobs.map(job => ({ job, verdict: { kind: 'delivered', remoteId: null } })))
    }
    return best
  }
  const countMs = async (): Promise<number> => {
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < 10; round++) {
      const began = performance.now()
      await store.views.backlog()
      best = Math.min(best, performance.now() - began)
    }
    return best
  }
  await append(0, 40)
  const few = await claimMs()
  const fewCounted = await countMs()
  for (let from = 40; from < 12_540; from += 500) await append(from, 500)
  const [newest] = (await store.jobs.claim('event', 2)).slice(-1)
  expect(newest?.id).toMatch(/^c12[0-9]{3}\.1$/)
  expect(await claimMs()).toBeLessThan(few * 3 + 3)
  // A look through fifty thousand takes 15 ms and more.
  expect(await countMs()).toBeLessThan(fewCounted * 3 + 3)
  expect((await store.views.backlog()).pending.event).toBeGreaterThan(49_000)
})

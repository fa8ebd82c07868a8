/**
 * What a backlog costs: for 10, 10,000 and 1,000,000 waiting deliveries, a process of its own opens the store, drains for some
 * seconds as fast as it can, and says how long a claim takes, how much is delivered and how much memory that took.
 * `npm run build && node bench/backlog.mjs [seconds] [sizes…]`. A million needs about 2 GB of disk.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process, { argv, execPath } from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { deliveriesOf } from '../dist/uploads/delivery.js'
import { RateLimit } from '../dist/uploads/flow/rate-limit.js'
import { zendeskSlots } from '../dist/uploads/slots.js'
import { SqliteStore } from '../dist/uploads/store/sqlite-store.js'
import { DeliveryWorker } from '../dist/uploads/worker.js'
import { fill } from './stored-calls.mjs'

const log = { debug() {}, info() {}, warn() {}, error: (fields, message) => console.error(message, fields) }

if (argv[2] === 'drain') {
  await drain(argv[3], Number(argv[4]))
} else {
  const seconds = Number(argv[2] ?? 10)
  const sizes = argv.length > 3 ? argv.slice(3).map(Number) : [10, 10_000, 1_000_000]
  for (const size of sizes) {
    const dataDir = await mkdtemp(join(tmpdir(), 'tpe-backlog-'))
    try {
      const began = performance.now()
      await fill(dataDir, { events: size })
      const tookS = (performance.now() - began) / 1000
      const { size: bytes } = await stat(join(dataDir, 'bridge.db'))
      console.log(`${size} deliveries stored in ${tookS.toFixed(1)} s, ${(bytes / 1e6).toFixed(0)} MB on disk`)
      spawnSync(execPath, ['--expose-gc', import.meta.filename, 'drain', dataDir, String(seconds)], { stdio: 'inherit' })
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  }
}

async function drain(dataDir, seconds) {
  const opened = performance.now()
  const store = await SqliteStore.open({ dataDir, role: 'bridge', now: Date.now, log })
  const openedMs = performance.now() - opened
  const claims = []
  const timed = async (lane, limit) => {
    const began = performance.now()
    const jobs = await store.jobs.claim(lane, limit)
    if (jobs.length > 0) claims.push(performance.now() - began)
    return jobs
  }
  const { jobs } = store
  const queue = {
    recover: lanes => jobs.recover(lanes),
    claim: timed,
    settle: settled => jobs.settle(settled),
    nextRunAt: lane => jobs.nextRunAt(lane),
  }
  const worker = new DeliveryWorker({
    queue,
    sink: { name: 'nowhere', deliver: async () => ({ kind: 'delivered', remoteId: 'x' }) },
    limit: new RateLimit({ perMinute: Number.POSITIVE_INFINITY, now: Date.now() }),
    policy: { baseMs: 1000, capMs: 300_000, giveUpAfterMs: 7 * 86_400_000 },
    prepare: deliveriesOf('hq'),
    slots: zendeskSlots(8),
    log,
    now: Date.now,
    random: Math.random,
  })
  await worker.start()
  let rss = 0
  const until = performance.now() + seconds * 1000
  while (performance.now() < until) {
    rss = Math.max(rss, process.memoryUsage().rss)
    await wait(50)
  }
  await worker.stop(1000)
  globalThis.gc?.()
  const scrapes = []
  for (let i = 0; i < 3; i++) {
    const began = performance.now()
    await store.views.backlog()
    scrapes.push(performance.now() - began)
  }
  claims.sort((a, b) => a - b)
  const at = share => `${(claims[Math.floor((claims.length - 1) * share)] ?? 0).toFixed(2)} ms`
  const { heapUsed } = process.memoryUsage()
  console.log({
    opened: `${openedMs.toFixed(0)} ms`,
    delivered: worker.counters.event.delivered,
    claim: { median: at(0.5), p99: at(0.99), claims: claims.length },
    'backlog for one scrape': `${Math.min(...scrapes).toFixed(1)} ms`,
    memory: `at most ${(rss / 1e6).toFixed(0)} MB resident, heap ${(heapUsed / 1e6).toFixed(0)} MB in the end`,
  })
  await store.close()
}

/** Two bridges that watch one PBX and keep their work in one PostgreSQL, which crashes again and again. */
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { callIdOf } from '../../src/events/ids.ts'
import { CallTracker } from '../../src/events/tracker.ts'
import { deliveriesOf } from '../../src/uploads/delivery.ts'
import { zendeskSlots } from '../../src/uploads/slots.ts'
import { PostgresStore } from '../../src/uploads/store/postgres-store.ts'
import { DeliveryWorker } from '../../src/uploads/worker.ts'
import { office, script } from '../events/office.ts'
import { ScriptedSink } from '../uploads/scripted-sink.ts'
import { PostgresServer } from '../uploads/store/postgres-server.ts'

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
}, 60_000)
afterAll(async () => {
  await server.stop()
})

/** What of a bridge lies between its signalling and its sink. */
async function aBridge(url: string, sink: ScriptedSink) {
  const bridge = `br_${randomUUID()}`
  const share = { bridge, site: 'hq', account: 'example.zendesk.com', owner: `${bridge}/1`, leaseMs: 2_000 }
  const store = await PostgresStore.open({ url, share, now: Date.now, log: silent })
  const limit = store.rateLimit({ name: share.account, perMinute: 100_000, log: silent })
  const policy = { baseMs: 10, capMs: 100, giveUpAfterMs: 3_600_000 }
  const worker = new DeliveryWorker({
    queue: store.jobs,
    sink,
    limit,
    policy,
    prepare: deliveriesOf('hq'),
    slots: zendeskSlots(4),
    log: silent,
    now: Date.now,
    random: Math.random,
  })
  const journal = store.calls
  const clock = { now: () => 10 }
  const tracker = new CallTracker({ journal, ...office, clock, log: silent, onStored: () => {} })
  store.onJobs(() => worker.notify())
  await worker.start()
  await tracker.start()
  const stop = async (): Promise<void> => {
    await tracker.stop()
    await worker.stop(1_000)
    await store.close()
  }
  return { store, tracker, stop }
}

test('a pair reports every call once and in order, whatever its database does', {
  timeout: 90_000,
}, async () => {
  const url = await server.database()
  const sink = new ScriptedSink()
  const pair = await Promise.all([aBridge(url, sink), aBridge(url, sink)])
  const calls = 120
  const expected: string[] = []
  const outages = (async () => {
    for (let n = 0; n < 3; n++) {
      await wait(300)
      await server.kill('SIGQUIT')
      await wait(200)
      await server.run()
    }
  })()
  for (let n = 0; n < calls; n++) {
    const name = `${n}@pbx.example`
    const { invited, ringing, answered, hungup } = script(name)
    expected.push(...['started', 'ringing', 'answered', 'ended'].map(type => `${callIdOf(name)}.${type}.1`))
    // One is now and then a little later than the other, as two machines are.
    for (const signal of [invited(1), ringing(2), answered(3), hungup(9)]) {
      for (const { tracker } of n % 2 === 0 ? pair : [...pair].reverse()) {
        tracker.accept(signal)
        if (n % 7 === 0) await wait(1)
      }
    }
    await wait(12)
  }
  await outages
  const keys = (): ReadonlySet<string> => new Set(sink.acknowledged)
  await vi.waitFor(() => expect(keys().size).toBe(expected.length), { timeout: 40_000, interval: 100 })
  expect([...keys()].sort()).toEqual([...expected].sort())
  for (let n = 0; n < calls; n++) {
    const id = callIdOf(`${n}@pbx.example`)
    const arrived = [...keys()].filter(key => key.startsWith(`${id}.`)).map(key => key.split('.')[1])
    expect(arrived, id).toEqual(['started', 'ringing', 'answered', 'ended'])
  }
  // Each event was told once, by whichever of the two stored it.
  await vi.waitFor(
    () => {
      for (const { tracker, store } of pair) {
        expect(tracker.health()).toMatchObject({ state: 'ok', pending: 0 })
        expect(store.health()).toEqual({ state: 'ok', reason: null })
      }
    },
    { timeout: 10_000 },
  )
  const [one] = pair
  const stored = (await one.store.views.eventsAfter(null, 10_000)) ?? []
  expect(stored.map(({ id }) => id).sort()).toEqual([...expected].sort())
  await vi.waitFor(async () =>
    expect(await one.store.views.jobCounts()).toMatchObject({ pending: 0, running: 0, delivered: expected.length, dead: 0 }),
  )
  for (const { stop } of pair) await stop()
})

import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { lanes } from '../../../src/uploads/job.ts'
import { PostgresStore } from '../../../src/uploads/store/postgres-store.ts'
import { aChange } from '../fixtures.ts'
import { byMovableClock, movableClock, moveClock } from './movable-clock.ts'
import { PostgresServer } from './postgres-server.ts'

const HOUR = 3_600_000
const SCHEMA = 'site'
const silent = { error: () => {}, warn: () => {} }

let server: PostgresServer
let database: string
const opened: PostgresStore[] = []

beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(async () => {
  await server.stop()
})
beforeEach(async () => {
  database = await server.database()
  await server.query(database, movableClock(SCHEMA))
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

const open = async (bridge: string, leaseMs: number): Promise<PostgresStore> => {
  const share = { bridge, site: 'hq', account: 'example.zendesk.com', owner: `${bridge}/${randomUUID()}`, leaseMs }
  const url = byMovableClock(database, SCHEMA)
  const store = await PostgresStore.open({ url, now: Date.now, share, log: silent })
  opened.push(store)
  return store
}
const setClock = async (wrongByMs: number): Promise<void> => await server.query(database, moveClock(SCHEMA, wrongByMs))

test('what a dead bridge was delivering is taken over within a lease, though the database’s clock was set back by hours', async () => {
  await setClock(5 * HOUR)
  const dead = await open('br_dead', 60_000)
  await dead.calls.append([aChange('a', [1])])
  expect(await dead.jobs.claim('event', 1)).toHaveLength(1)
  await dead.close()
  opened.length = 0
  await setClock(0)
  const other = await open('br_other', 200)
  await vi.waitFor(async () => expect(await other.jobs.claim('event', 1)).toHaveLength(1), { timeout: 15_000 })
})

test('a living bridge keeps what it delivers when the database’s clock is set back', async () => {
  const living = await open('br_living', 2_000)
  await living.calls.append([aChange('a', [1])])
  const claimed = await living.jobs.claim('event', 1)
  await setClock(-5 * HOUR)
  const other = await open('br_other', 2_000)
  expect(await other.jobs.recover(lanes)).toBe(0)
  await living.jobs.settle(claimed.map(job => ({ job, verdict: { kind: 'delivered', remoteId: 'z' } })))
  expect(await other.views.jobCounts()).toMatchObject({ delivered: 1, running: 0 })
})

test('the shared limit goes on giving requests out, and a pause ends, when the database’s clock is set back', async () => {
  const store = await open('br_one', 400)
  const limit = store.rateLimit({ name: 'zendesk', perMinute: 6_000, log: silent })
  expect(await limit.reserve(1, Date.now())).toBe(1)
  limit.pauseUntil(Date.now() + 60_000, '429')
  expect(await limit.reserve(1, Date.now())).toBe(0)
  await setClock(-5 * HOUR)
  await vi.waitFor(async () => expect(await limit.reserve(1, Date.now())).toBe(1), { timeout: 15_000 })
  // The bucket fills by the clock as it is now.
  await vi.waitFor(async () => expect(await limit.reserve(1, Date.now())).toBe(1), { timeout: 15_000 })
})

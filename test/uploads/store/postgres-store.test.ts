import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { PostgresStore } from '../../../src/uploads/store/postgres-store.ts'
import type { Share } from '../../../src/uploads/store/share.ts'
import type { SharedRateLimit } from '../../../src/uploads/store/shared-rate-limit.ts'
import { aChange, T0 } from '../fixtures.ts'
import { PostgresServer } from './postgres-server.ts'
import { storeContract } from './store-contract.ts'

const silent = { error: () => {}, warn: () => {} }

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(async () => {
  await server.stop()
})

/** A bridge of its own for each process, unless it is told which. */
const aShare = (more: Partial<Share> = {}): Share => {
  const bridge = more.bridge ?? `br_${randomUUID()}`
  return { bridge, site: 'hq', account: 'example.zendesk.com', owner: `${bridge}/${randomUUID()}`, leaseMs: 30_000, ...more }
}

storeContract('PostgreSQL', async () => {
  const url = await server.database()
  return {
    open: now => PostgresStore.open({ url, now, share: aShare({ bridge: 'br_one' }), log: silent }),
    dispose: async () => {},
  }
})

describe('a database that bridges share', () => {
  const opened: PostgresStore[] = []
  const open = async (url: string, leaseMs = 30_000, share: Partial<Share> = {}): Promise<PostgresStore> => {
    const store = await PostgresStore.open({ url, now: () => T0, share: aShare({ leaseMs, ...share }), log: silent })
    opened.push(store)
    return store
  }
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close()
  })

  test('bridges that start at the same moment make its tables once', async () => {
    const url = await server.database()
    await Promise.all([open(url), open(url), open(url)])
  })

  test('no job is claimed twice, however many claim at once', async () => {
    const url = await server.database()
    const stores = await Promise.all([open(url), open(url), open(url)])
    const [first] = stores
    for (let i = 0; i < 5; i++) await first?.calls.append(Array.from({ length: 40 }, (_, n) => aChange(`c${i}-${n}`, [1])))
    const claimed = (await Promise.all([...stores, ...stores].map(store => store.jobs.claim('event', 50)))).flat()
    const ids = claimed.map(job => job.id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.length).toBe(200)
  })

  test('two bridges that see the same call store its events once', async () => {
    const url = await server.database()
    const [a, b] = await Promise.all([open(url), open(url)])
    await Promise.all([1, 2, 3, 4].flatMap(n => [a, b].map(store => store.calls.append([aChange('x', [n])]))))
    expect(await a.views.eventsAfter(null, 99)).toHaveLength(4)
    expect(await b.views.jobCounts()).toMatchObject({ pending: 4 })
  })

  test('of one call never two events are under way, and none is forgotten, when bridges append and settle at once', async () => {
    const url = await server.database()
    const [a, b] = await Promise.all([open(url), open(url)])
    const delivered: string[] = []
    let underWay = 0
    let appended = 0
    const work = async (store: PostgresStore): Promise<void> => {
      while (delivered.length < 60) {
        if (appended < 60) await store.calls.append([aChange('x', [++appended])])
        for (const job of await store.jobs.claim('event', 5)) {
          expect(++underWay).toBe(1)
          delivered.push(job.id)
          underWay--
          await store.jobs.settle([{ job, verdict: { kind: 'delivered', remoteId: null } }])
        }
      }
    }
    await Promise.all([work(a), work(b)])
    expect(new Set(delivered).size).toBe(60)
  })

  test('what a dead bridge was delivering is taken over when its lease is over, and not before', async () => {
    const url = await server.database()
    const dead = await open(url, 400)
    await dead.calls.append([aChange('x', [1])])
    const [job] = await dead.jobs.claim('event', 1)
    expect(job).toBeDefined()
    const other = await open(url, 30_000)
    expect(await other.jobs.recover()).toBe(0)
    await dead.close()
    await vi.waitFor(async () => expect(await other.jobs.recover()).toBe(1), { timeout: 5_000 })
    expect(await other.jobs.claim('event', 1)).toHaveLength(1)
  })

  test('a living bridge keeps its jobs however long they take', async () => {
    const url = await server.database()
    const slow = await open(url, 100)
    await slow.calls.append([aChange('x', [1])])
    const claimed = await slow.jobs.claim('event', 1)
    const other = await open(url)
    const until = Date.now() + 500
    while (Date.now() < until) expect(await other.jobs.recover()).toBe(0)
    await slow.jobs.settle(claimed.map(job => ({ job, verdict: { kind: 'delivered', remoteId: 'z' } })))
    expect(await other.views.jobCounts()).toMatchObject({ delivered: 1 })
  })

  test('the verdict of a bridge whose job was taken over changes nothing', async () => {
    const url = await server.database()
    const late = await open(url, 20)
    await late.calls.append([aChange('x', [1])])
    const claimed = await late.jobs.claim('event', 1)
    await late.close()
    const other = await open(url)
    await vi.waitFor(async () => expect(await other.jobs.recover()).toBe(1), { timeout: 5_000 })
    await other.jobs.claim('event', 1)
    const back = await open(url, 60_000)
    await back.jobs.settle(claimed.map(job => ({ job, verdict: { kind: 'dead', reason: 'too late' } })))
    expect(await other.views.jobCounts()).toMatchObject({ running: 1, dead: 0 })
  })

  test('a server that restarts costs nothing but the time it takes', async () => {
    const url = await server.database()
    const store = await open(url)
    await store.calls.append([aChange('x', [1])])
    await server.kill('SIGQUIT')
    await expect(store.calls.append([aChange('x', [2])])).rejects.toThrow()
    await server.run()
    await vi.waitFor(() => store.calls.append([aChange('x', [2])]), { timeout: 5_000 })
    expect(await store.views.eventsAfter(null, 9)).toHaveLength(2)
  })

  test('bridges together stay within one limit, use it up, and are all held by one pause', async () => {
    const url = await server.database()
    const stores = await Promise.all([open(url), open(url), open(url)])
    const limits = stores.map(store => store.rateLimit({ name: 'zendesk', perMinute: 6_000, log: silent }))
    const begun = Date.now()
    let sent = 0
    const send = async (limit: SharedRateLimit): Promise<void> => {
      while (Date.now() < begun + 1_000) {
        const allowed = await limit.reserve(50, Date.now())
        if (allowed > 2) {
          await limit.release(1)
          sent += allowed - 1
        } else sent += allowed
      }
    }
    await Promise.all(limits.map(send))
    const seconds = (Date.now() - begun) / 1000
    expect(sent).toBeLessThanOrEqual(100 * seconds + 30 + 1)
    expect(sent).toBeGreaterThan(50)
    const [first, second] = limits
    first?.pauseUntil(Date.now() + 60_000, '429')
    await first?.reserve(1, Date.now())
    expect(await second?.reserve(1, Date.now())).toBe(0)
    expect(second?.pause(Date.now())).toMatchObject({ reason: '429' })
    second?.resume()
    for (const limit of [second, first]) await vi.waitFor(async () => expect(await limit?.reserve(1, Date.now())).toBe(1))
  })

  test('one that cannot be reached is named without its password', async () => {
    const broken = PostgresStore.open({
      url: 'postgres://bridge:secret@127.0.0.1:1/calls',
      now: () => T0,
      share: aShare(),
      log: silent,
    })
    await expect(broken).rejects.toThrow(/the database calls on 127\.0\.0\.1:1 cannot be used/)
    await expect(broken).rejects.not.toThrow(/secret/)
  })
})

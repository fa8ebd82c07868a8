import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { jobId, lanes } from '../../../src/uploads/job.ts'
import { PostgresStore } from '../../../src/uploads/store/postgres-store.ts'
import type { Share } from '../../../src/uploads/store/share.ts'
import type { SharedRateLimit } from '../../../src/uploads/store/shared-rate-limit.ts'
import { aChange, aVoicemail, fileOf, T0 } from '../fixtures.ts'
import { backlogContract } from './backlog-contract.ts'
import { consentContract } from './consent-contract.ts'
import { erasureContract } from './erasure-contract.ts'
import { operatorContract } from './operator-contract.ts'
import { PostgresServer } from './postgres-server.ts'
import { reconciliationContract } from './reconciliation-contract.ts'
import { sinksContract } from './sinks-contract.ts'
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

reconciliationContract('PostgreSQL', async () => {
  const url = await server.database()
  return {
    open: now => PostgresStore.open({ url, now, share: aShare({ bridge: 'br_one' }), log: silent }),
    dispose: async () => {},
  }
})

backlogContract('PostgreSQL', async () => {
  const url = await server.database()
  return {
    open: now => PostgresStore.open({ url, now, share: aShare({ bridge: 'br_one' }), log: silent }),
    dispose: async () => {},
  }
})

sinksContract('PostgreSQL', async () => {
  const url = await server.database()
  return {
    open: (now, archive) => PostgresStore.open({ url, now, archive, share: aShare({ bridge: 'br_one' }), log: silent }),
    dispose: async () => {},
  }
})

consentContract('PostgreSQL', async () => {
  const url = await server.database()
  return {
    open: (now, archive) => PostgresStore.open({ url, now, archive, share: aShare({ bridge: 'br_one' }), log: silent }),
    dispose: async () => {},
  }
})

erasureContract('PostgreSQL', async () => {
  const url = await server.database()
  return {
    open: (now, archive) => PostgresStore.open({ url, now, archive, share: aShare({ bridge: 'br_one' }), log: silent }),
    dispose: async () => {},
  }
})

operatorContract('PostgreSQL', async () => {
  const url = await server.database()
  return {
    open: now => PostgresStore.open({ url, now, share: aShare({ bridge: 'br_one' }), log: silent }),
    openAsTool: now => PostgresStore.openAsTool({ url, now, log: silent }),
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
    expect(await other.jobs.recover(lanes)).toBe(0)
    await dead.close()
    await vi.waitFor(async () => expect(await other.jobs.recover(lanes)).toBe(1), { timeout: 5_000 })
    expect(await other.jobs.claim('event', 1)).toHaveLength(1)
  })

  test('a living bridge keeps its jobs however long they take', async () => {
    const url = await server.database()
    const slow = await open(url, 100)
    await slow.calls.append([aChange('x', [1])])
    const claimed = await slow.jobs.claim('event', 1)
    const other = await open(url)
    const until = Date.now() + 500
    while (Date.now() < until) expect(await other.jobs.recover(lanes)).toBe(0)
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
    await vi.waitFor(async () => expect(await other.jobs.recover(lanes)).toBe(1), { timeout: 5_000 })
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
    await vi.waitFor(
      () => expect(store.health().reason).toMatch(/^the database bridge\d+ on 127\.0\.0\.1:\d+ has not answered since/),
      {
        timeout: 5_000,
      },
    )
    await server.run()
    await vi.waitFor(() => store.calls.append([aChange('x', [2])]), { timeout: 5_000 })
    expect(await store.views.eventsAfter(null, 9)).toHaveLength(2)
    await vi.waitFor(() => expect(store.health()).toEqual({ state: 'ok', reason: null }), { timeout: 5_000 })
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

  test('a pause that could not be shared holds the bridge that was asked for it', async () => {
    const url = await server.database()
    const warned: string[] = []
    const log = { ...silent, warn: (_fields: object, msg: string) => warned.push(msg) }
    const limit = (await open(url)).rateLimit({ name: 'z', perMinute: 6_000, log })
    expect(await limit.reserve(1, Date.now())).toBe(1)
    await server.query(url, 'alter table sink_budget rename to away')
    limit.pauseUntil(Date.now() + 60_000, '429')
    await vi.waitFor(() => expect(warned).toEqual(['what holds the sink back could not be shared']))
    await server.query(url, 'alter table away rename to sink_budget')
    expect(await limit.reserve(1, Date.now())).toBe(0)
    expect(limit.pause(Date.now())).toMatchObject({ reason: '429' })
    expect(await limit.reserve(1, Date.now() + 61_000)).toBe(1)
  })

  test('the clock of one bridge that is set back ends the pause of none', async () => {
    const url = await server.database()
    const [a, b] = [await open(url), await open(url)].map(store => store.rateLimit({ name: 'z', perMinute: 6_000, log: silent }))
    await a?.reserve(1, Date.now())
    a?.pauseUntil(Date.now() + 60_000, '429')
    expect(await b?.reserve(1, Date.now())).toBe(0)
    a?.setBack()
    for (const limit of [a, b]) {
      expect(await limit?.reserve(1, Date.now())).toBe(0)
      expect(limit?.pause(Date.now())).toMatchObject({ reason: '429' })
    }
  })

  test('audio is delivered by the bridge that has it, and by none other; one that is gone is named by the others', async () => {
    const url = await server.database()
    const [gone, other] = [await open(url, 1_000), await open(url, 1_000)]
    for (const item of [aVoicemail('vm_1', 'waiting'), aVoicemail('vm_2', 'waiting')]) await gone.items.add(item, fileOf(item))
    await gone.items.queue(aVoicemail('vm_1'))
    expect(await other.items.list('waiting', 9)).toEqual([])
    expect((await gone.items.list('waiting', 9)).map(({ id }) => id)).toEqual(['vm_2'])
    expect(await other.jobs.claim('media', 9)).toEqual([])
    expect(await other.jobs.nextRunAt('media')).toBeNull()
    expect(await gone.jobs.nextRunAt('media')).toBe(T0)
    const [job] = await gone.jobs.claim('media', 9)
    expect(job?.id).toBe('vm_1')
    await gone.close()
    await vi.waitFor(
      () => expect(other.health().reason).toMatch(/^2 recordings wait on the disk of bridge br_.+: start it again$/),
      {
        timeout: 10_000,
      },
    )
    expect(other.audioElsewhere).toBe(2)
    expect(await other.jobs.claim('media', 9)).toEqual([])
    // As for audio that any bridge can reach.
    await server.query(url, `update jobs set origin = ''`)
    await vi.waitFor(async () => expect(await other.jobs.claim('media', 9)).toMatchObject([{ id: 'vm_1' }]), { timeout: 5_000 })
  })

  test('a bridge that starts again has what its last process was delivering at once', async () => {
    const url = await server.database()
    const bridge = 'br_again'
    const before = await open(url, 60_000, { bridge })
    await before.items.add(aVoicemail('vm_1', 'waiting'), fileOf(aVoicemail('vm_1')))
    await before.items.queue(aVoicemail('vm_1'))
    expect(await before.jobs.claim('media', 1)).toHaveLength(1)
    await before.close()
    const after = await open(url, 60_000, { bridge })
    expect(await after.jobs.recover(lanes)).toBe(1)
    expect(await after.jobs.claim('media', 1)).toHaveLength(1)
    expect(await after.jobs.recover(lanes)).toBe(0)
  })

  test('a claim whose answer was lost holds its job for one lease, not for ever', async () => {
    const url = await server.database()
    const [bridge, owner] = ['br_x', 'br_x/1']
    const lost = await open(url, 400, { bridge, owner })
    await lost.calls.append([aChange('x', [1])])
    await lost.jobs.claim('event', 1)
    await lost.close()
    // The same process, as far as the database knows, which has never heard of that claim; it renews what it has.
    const same = await open(url, 400, { bridge, owner })
    await same.calls.append([aChange('y', [1])])
    expect(await same.jobs.claim('event', 1)).toMatchObject([{ id: 'y.1' }])
    await vi.waitFor(async () => expect(await same.views.getJob(jobId('x.1'))).toMatchObject({ state: { kind: 'pending' } }), {
      timeout: 5_000,
    })
    expect(await same.views.getJob(jobId('y.1'))).toMatchObject({ state: { kind: 'running' } })
  })

  test('a bridge takes up its own open calls, and sees those of its site', async () => {
    const url = await server.database()
    const [a, b] = [await open(url), await open(url)]
    const elsewhere = await open(url, 30_000, { site: 'branch' })
    await a.calls.append([aChange('both', [1]), aChange('mine', [1])])
    await b.calls.append([aChange('both', [1])])
    const openAt = async (store: PostgresStore) => (await store.calls.openCalls()).map(({ id }) => id).sort()
    expect(await openAt(a)).toEqual(['both', 'mine'])
    expect(await openAt(b)).toEqual(['both'])
    expect(await openAt(elsewhere)).toEqual([])
    const aliveAt = async (store: PostgresStore) =>
      (await store.items.callsAlive({ from: 0, to: T0 + 1, limit: 9 })).map(({ id }) => id).sort()
    expect(await aliveAt(b)).toEqual(['both', 'mine'])
    expect(await aliveAt(elsewhere)).toEqual([])
    expect((await elsewhere.calls.findCall('mine@pbx'))?.id).toBe('mine')
  })

  test('of two bridges that see a call, the one that lags behind overwrites nothing', async () => {
    const url = await server.database()
    const [ahead, behind] = [await open(url), await open(url)]
    await ahead.calls.append([aChange('x', [1, 2, 3])])
    await behind.calls.append([aChange('x', [1, 2])])
    expect((await ahead.calls.findCall('x@pbx'))?.sequence).toBe(3)
    await behind.calls.append([aChange('x', [3, 4], { ended: true })])
    expect((await ahead.calls.findCall('x@pbx'))?.sequence).toBe(4)
    expect(await ahead.views.eventsAfter(null, 9)).toHaveLength(4)
  })

  test('two machines may have the same path: a file is known where it lies', async () => {
    const url = await server.database()
    const [a, b] = [await open(url), await open(url)]
    const [one, two] = [aVoicemail('vm_1', 'waiting'), aVoicemail('vm_2', 'waiting')]
    const file = fileOf(one)
    expect(await a.items.add(one, file)).toBe('added')
    expect(await b.items.isKnownFile(file)).toBe(false)
    expect(await b.items.add(two, file)).toBe('added')
    expect(await b.items.isKnownFile(file)).toBe(true)
  })

  test('what another bridge stored is heard of within a second', async () => {
    const url = await server.database()
    const [a, b] = [await open(url), await open(url)]
    let grown = 0
    b.onGrowth(() => grown++)
    await vi.waitFor(
      async () => {
        await a.calls.append([aChange(randomUUID(), [1])])
        expect(grown).toBeGreaterThan(0)
      },
      { timeout: 3_000, interval: 250 },
    )
  })

  test('bridges of two accounts do not share a database', async () => {
    const url = await server.database()
    await open(url)
    const stranger = open(url, 30_000, { account: 'other.zendesk.com' })
    await expect(stranger).rejects.toThrow(/belongs to bridges that deliver to example\.zendesk\.com/)
  })

  test('of bridges of two accounts that start together one is let in', async () => {
    const url = await server.database()
    await (await open(url)).close()
    await server.query(url, 'delete from bridges')
    const accounts = ['one', 'two', 'three'].map(name => `${name}.zendesk.com`)
    const entered = await Promise.allSettled(accounts.map(account => open(url, 30_000, { account })))
    expect(entered.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
  })

  test('a copied data_dir is noticed', async () => {
    const url = await server.database()
    const original = await open(url, 400, { bridge: 'br_x' })
    await open(url, 400, { bridge: 'br_x' })
    await vi.waitFor(() => expect(original.health().reason).toMatch(/^another process runs as this bridge/), { timeout: 5_000 })
  })

  test('what the server says of its limit counts for every bridge, and no more than is configured', async () => {
    const url = await server.database()
    const [a, b] = [await open(url), await open(url)].map(store => store.rateLimit({ name: 'z', perMinute: 600, log: silent }))
    await a?.reserve(1, Date.now())
    a?.observe({ limit: 120, remaining: 119 })
    await a?.reserve(1, Date.now())
    await b?.reserve(1, Date.now())
    expect([a?.perMinute, b?.perMinute]).toEqual([120, 120])
    b?.observe({ limit: 9_000, remaining: 8_000 })
    await b?.reserve(1, Date.now())
    await a?.reserve(1, Date.now())
    expect([a?.perMinute, b?.perMinute]).toEqual([600, 600])
  })

  test('a tool looks in, and makes nothing', async () => {
    const url = await server.database()
    const look = () => PostgresStore.openAsTool({ url, now: () => T0, log: silent })
    await expect(look()).rejects.toThrow(/holds no bridge's data/)
    const bridge = await open(url)
    await bridge.calls.append([aChange('x', [1])])
    const tool = await look()
    expect(await tool.views.listCalls({ limit: 9 })).toHaveLength(1)
    await tool.close()
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

import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { PostgresStore } from '../../../src/uploads/store/postgres-store.ts'
import { aChange, aRecording, aVoicemail, fileOf, ops, recordingId, T0 } from '../fixtures.ts'
import { PostgresServer } from './postgres-server.ts'

const log = { error: () => {}, warn: () => {} }

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(async () => {
  await server.stop()
})

async function bridge(url: string, name: string): Promise<PostgresStore> {
  const share = { bridge: name, site: 'hq', account: 'example.zendesk.com', owner: `${name}/${randomUUID()}`, leaseMs: 30_000 }
  const store = await PostgresStore.open({ url, now: () => T0, share, log })
  onTestFinished(() => store.close())
  return store
}

test('an erasure that another bridge or a command asks for is done where the files are, and says where else they were seen', async () => {
  const url = await server.database()
  const one = await bridge(url, 'br_one')
  const two = await bridge(url, 'br_two')
  const item = aVoicemail('v1')
  await one.items.add(item, fileOf(item))
  await one.items.queue(item)
  expect(await two.items.add(item, { ...fileOf(item), path: '/other/v1.wav' })).toBe('known')
  const tool = await PostgresStore.openAsTool({ url, now: () => T0, log })
  onTestFinished(() => tool.close())
  const order = { ...ops, reason: null, keepSources: false }
  expect(await tool.erasures.ask({ kind: 'item', id: 'v1' }, order, 9)).toMatchObject([{ id: 'v1' }])
  expect(await two.jobs.claim('erasure', 9)).toEqual([])
  expect(await one.jobs.claim('erasure', 9)).toMatchObject([{ id: 'v1.erasure' }])
  expect(await one.erasures.begin(recordingId('v1'))).toMatchObject({
    kind: 'ready',
    errand: { files: [{ path: '/spool/v1.wav' }], elsewhere: [{ bridge: 'br_two', path: '/other/v1.wav' }] },
  })
})

test('of many who ask, queue and hold at once, each item has one fate', async () => {
  const url = await server.database()
  const stores = await Promise.all(['br_one', 'br_two', 'br_three'].map(name => bridge(url, name)))
  const ids = Array.from({ length: 20 }, (_, n) => `v${n}`)
  const [first] = stores
  for (const id of ids) {
    const item = aVoicemail(id, 'waiting')
    await first?.items.add(item, fileOf(item))
  }
  const order = { ...ops, reason: 'x', keepSources: false }
  const all = { kind: 'number', forms: ['+14155550100'], shown: '' } as const
  const [queued, asked, held] = await Promise.all([
    Promise.all(ids.map(id => first?.items.queue(aVoicemail(id)))),
    Promise.all(stores.map(store => store.erasures.ask(all, order, 20))),
    Promise.all(stores.map(store => store.holds.hold(all, order, 20))),
  ])
  expect(queued).toHaveLength(20)
  const erased = asked.flat().map(({ id }) => id)
  const kept = held.flat().map(({ id }) => id)
  expect([...erased, ...kept].toSorted()).toEqual(ids.toSorted())
  const open = (await first?.jobs.claim('media', 50)) ?? []
  expect(open.map(({ id }) => String(id)).filter(id => erased.includes(recordingId(id)))).toEqual([])
})

test('who joined a call is found by number, also where its recording is queued at the moment at which the call ends', async () => {
  const url = await server.database()
  const one = await bridge(url, 'br_one')
  const two = await bridge(url, 'br_two')
  const item = aRecording('r1', 'a')
  const unmatched = aRecording('r1', null, 'waiting')
  await one.items.add(unmatched, fileOf(unmatched))
  await two.calls.append([aChange('a', [1])])
  const other = new pg.Client({ connectionString: url })
  await other.connect()
  onTestFinished(() => other.end())
  const waiting = async () => (await other.query('select 1 from pg_locks where not granted')).rowCount ?? 0
  // Holds the queueing up between its look at the call and its commit.
  await other.query('begin')
  await other.query("insert into item_parties (party, item_id) values ('+14155550100', 'r1')")
  const queued = one.items.queue(item)
  await vi.waitFor(async () => expect(await waiting()).toBe(1))
  const to = { kind: 'e164', value: '+4930123456', display: null } as const
  let isAppended = false
  const ended = aChange('a', [2, 3, 4], { ended: true, snapshot: { to, endedAt: T0 } })
  const appended = two.calls.append([ended]).finally(() => {
    isAppended = true
  })
  await vi.waitFor(async () => expect(isAppended || (await waiting()) === 2).toBe(true))
  await other.query('rollback')
  await Promise.all([queued, appended])
  expect(await one.erasures.find({ kind: 'number', forms: [to.value], shown: '' }, { limit: 9 })).toMatchObject([{ id: 'r1' }])
})

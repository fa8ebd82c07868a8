import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import type { CallEvent } from '../../src/events/event.ts'
import { FeedClient } from './feed-client.ts'
import { sampleEvent } from './sample-calls.ts'
import { EventLog, startAdmin } from './started-admin.ts'

const idOf = (n: number) => sampleEvent(n).id
const idsFrom = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => idOf(first + index))
const limits = { maxClients: 8, stallMs: 5_000, heartbeatMs: 60_000 }

async function startFeed(stored: number, feedLimits = limits) {
  const events = new EventLog()
  const admin = await startAdmin({ events, feedLimits })
  const store = (first: number, last: number, make: (n: number) => CallEvent = sampleEvent) => {
    for (let n = first; n <= last; n += 1) events.events.push(make(n))
    admin.server.notifyStored()
  }
  store(1, stored)
  return { ...admin, events, store }
}

/** As big as a call with very many legs: a few of them are more than a socket's buffers take. */
const bigEvent = (n: number): CallEvent => {
  const event = sampleEvent(n)
  return { ...event, call: { ...event.call, tags: ['x'.repeat(400_000)] } }
}

test('a client hears what is stored after it came, in order, in the shape of the API', async () => {
  const { url, store } = await startFeed(3)
  const client = await new FeedClient(url).opened()
  const first = new Promise<string>(resolve => client.socket.once('message', data => resolve(data.toString())))
  store(4, 5)
  await vi.waitFor(() => expect(client.ids).toEqual(idsFrom(4, 5)))
  expect(JSON.parse(await first)).toMatchObject({
    id: 'call_4.started.1',
    call_id: 'call_4',
    type: 'call.started',
    sequence: 1,
    occurred_at: '2026-11-22T09:00:04.250Z',
    site: 'hq',
    call: { id: 'call_4', status: 'connected' },
  })
})

test('a client of an empty store hears the first event ever', async () => {
  const { url, store } = await startFeed(0)
  const client = await new FeedClient(url).opened()
  store(1, 1)
  await vi.waitFor(() => expect(client.ids).toEqual(idsFrom(1, 1)))
})

test('a client that is connected misses nothing, however slowly the store says where it begins', async () => {
  const { url, store, events } = await startFeed(3)
  events.newestDelayMs = 50
  const client = await new FeedClient(url).opened()
  store(4, 4)
  await vi.waitFor(() => expect(client.ids).toEqual(idsFrom(4, 4)))
})

test('after an id a client hears everything since, across pages, and then what comes', async () => {
  const { url, store } = await startFeed(350)
  const client = new FeedClient(url, idOf(10))
  await vi.waitFor(() => expect(client.ids.at(-1)).toBe(idOf(350)))
  store(351, 352)
  await vi.waitFor(() => expect(client.ids).toEqual(idsFrom(11, 352)))
})

test('whoever leaves and resumes wherever it was cut hears each event once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ batch: fc.integer({ min: 1, max: 130 }), leave: fc.boolean() }), { maxLength: 8 }),
      async steps => {
        const { url, store, server } = await startFeed(1)
        const heard: string[] = []
        let client = new FeedClient(url, idOf(1))
        let stored = 1
        const hearOn = async () => {
          client.socket.terminate()
          await client.closed
          heard.push(...client.ids)
          client = new FeedClient(url, heard.at(-1) ?? idOf(1))
        }
        for (const { batch, leave } of steps) {
          store(stored + 1, stored + batch)
          stored += batch
          await vi.waitFor(() => expect(client.ids.length + heard.length).toBeGreaterThan(0))
          if (leave) await hearOn()
        }
        await vi.waitFor(() => expect(heard.length + client.ids.length).toBe(stored - 1))
        expect([...heard, ...client.ids]).toEqual(idsFrom(2, stored))
        client.socket.terminate()
        await server.stop()
      },
    ),
    { numRuns: 15 },
  )
})

test('clients that are up to date share one reading of the store', async () => {
  const { url, store, events } = await startFeed(1)
  const clients = Array.from({ length: 8 }, () => new FeedClient(url, idOf(1)))
  await Promise.all(clients.map(client => client.opened()))
  store(2, 2)
  await vi.waitFor(() => expect(clients.map(client => client.ids)).toEqual(clients.map(() => idsFrom(2, 2))))
  const before = events.reads
  store(3, 3)
  await vi.waitFor(() => expect(clients.map(client => client.ids)).toEqual(clients.map(() => idsFrom(2, 3))))
  expect(events.reads - before).toBeLessThanOrEqual(2)
})

test('a client that does not take its events is closed as too slow, holds up nobody, and can resume', async () => {
  const { url, store } = await startFeed(1, { ...limits, stallMs: 500 })
  const slow = await new FeedClient(url, idOf(1)).opened()
  const quick = new FeedClient(url, idOf(1))
  slow.socket.pause()
  store(2, 40, bigEvent)
  await vi.waitFor(() => expect(quick.ids).toEqual(idsFrom(2, 40)), { timeout: 10_000 })
  await vi.waitFor(
    async () =>
      expect(await (await fetch(`${url}/metrics`)).text()).toContain('tpe_bridge_admin_feed_ended_total{reason="too-slow"} 1'),
    { timeout: 10_000 },
  )
  slow.socket.resume()
  expect(await slow.closed).toEqual({ code: 4408, reason: 'too slow; reconnect with ?after=LAST_ID' })
  const again = new FeedClient(url, slow.ids.at(-1))
  store(41, 41)
  await vi.waitFor(() => expect([...slow.ids, ...again.ids]).toEqual(idsFrom(2, 41)))
})

test('an id that is not stored closes with 4404', async () => {
  const { url } = await startFeed(3)
  expect(await new FeedClient(url, 'call_gone.started.1').closed).toMatchObject({ code: 4404 })
})

test.each(['', 'x'.repeat(201)])('an id that cannot be one (%#) is refused before the upgrade', async after => {
  const { url } = await startFeed(3)
  expect(await new FeedClient(url, after).closed).toEqual({ code: 0, reason: 'Unexpected server response: 400' })
})

test('a store that cannot be read closes with 1011, is logged, and the client can resume', async () => {
  const { url, events, store, lines } = await startFeed(1)
  const client = await new FeedClient(url, idOf(1)).opened()
  events.failure = new Error('disk I/O error')
  store(2, 2)
  expect(await client.closed).toMatchObject({ code: 1011 })
  expect(lines).toContainEqual({ level: 'error', fields: { err: events.failure }, message: 'live feed cannot read the store' })
  events.failure = null
  const again = new FeedClient(url, idOf(1))
  await vi.waitFor(() => expect(again.ids).toEqual(idsFrom(2, 2)))
})

test('stop tells every client, and cuts off one that does not answer', async () => {
  const { url, server } = await startFeed(1)
  const polite = await new FeedClient(url).opened()
  const deaf = await new FeedClient(url).opened()
  deaf.socket.pause()
  await server.stop()
  expect(await polite.closed).toMatchObject({ code: 1001 })
  deaf.socket.resume()
  expect((await deaf.closed).code).not.toBe(0)
})

test('a full feed refuses more with 503 and says so in readyz, until one leaves', async () => {
  const { url } = await startFeed(1, { ...limits, maxClients: 1 })
  const one = await new FeedClient(url).opened()
  expect(await new FeedClient(url).closed).toEqual({ code: 0, reason: 'Unexpected server response: 503' })
  expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ ready: true, parts: { live_feed: { state: 'degraded' } } })
  expect(await (await fetch(`${url}/metrics`)).text()).toContain('tpe_bridge_admin_feed_refused_total 1')
  one.socket.close()
  await one.closed
  await vi.waitFor(() => new FeedClient(url).opened())
})

test('a client that vanished without a word is found by its silence', async () => {
  const { url } = await startFeed(1, { ...limits, heartbeatMs: 30 })
  const silent = new FeedClient(url, null, { autoPong: false })
  const alive = await new FeedClient(url).opened()
  expect(await silent.closed).toMatchObject({ code: 1006 })
  expect(alive.socket.readyState).toBe(alive.socket.OPEN)
})

test('what a client says is ignored, and too much of it ends it', async () => {
  const { url, store } = await startFeed(1)
  const client = await new FeedClient(url, idOf(1)).opened()
  client.socket.send('hello')
  store(2, 2)
  await vi.waitFor(() => expect(client.ids).toEqual(idsFrom(2, 2)))
  client.socket.send('x'.repeat(5_000))
  expect(await client.closed).toMatchObject({ code: 1009 })
})

test('the token may come as a header or a subprotocol, which is not echoed', async () => {
  const { url } = await startAdmin({ token: 'p/s=wörd' })
  const carrier = `bearer.${Buffer.from('p/s=wörd').toString('base64url')}`
  const browser = await new FeedClient(url, null, {}, [carrier, 'tpe-bridge.v1']).opened()
  expect(browser.socket.protocol).toBe('tpe-bridge.v1')
  expect(await new FeedClient(url).closed).toEqual({ code: 0, reason: 'Unexpected server response: 401' })
  expect(await new FeedClient(url, null, {}, ['bearer.eA', 'tpe-bridge.v1']).closed).toMatchObject({
    reason: expect.stringContaining('401'),
  })
  const plain = await startAdmin({ token: 'secret' })
  await new FeedClient(plain.url, null, { headers: { authorization: 'Bearer secret' } }).opened()
})

test('plain HTTP on the feed is told to upgrade', async () => {
  const { url } = await startFeed(1)
  const answer = await fetch(`${url}/ws`)
  expect(answer.status).toBe(426)
  expect(await answer.json()).toMatchObject({ error: 'Upgrade required' })
})

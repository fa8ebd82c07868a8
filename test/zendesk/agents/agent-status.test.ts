import { describe, expect, test, vi } from 'vitest'
import { trustedMs } from '../../../src/zendesk/agents/phone-word.ts'
import { json, runningSandbox } from '../running-sandbox.ts'
import { scriptedServer } from '../scripted-server.ts'
import { alice, bob, patience, requestsTo, StatusWorld, unified, voice } from './status-world.ts'

async function sandboxed(options: ConstructorParameters<typeof StatusWorld>[1] = {}) {
  const sandbox = await runningSandbox()
  const world = new StatusWorld(voice(requestsTo(sandbox)), options)
  const path = `/agents/${alice.id}/phone_status`
  const status = async () => (await json(await sandbox.call(path))).status
  const set = (value: string) =>
    sandbox.call(path, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ status: value }),
    })
  const becomes = (value: string) => vi.waitFor(async () => expect(await status()).toBe(value), patience)
  return { sandbox, world, status, set, becomes }
}

describe('before the sandbox', () => {
  test('a call makes its agent on_call, then after_call_work for its time, then what it was', async () => {
    const { world, set, becomes } = await sandboxed({ afterCallWorkMs: 400 })
    await set('available')
    world.start()
    world.ring('a')
    world.answer('a')
    await becomes('on_call')
    await vi.waitFor(() =>
      expect(world.of(alice)).toMatchObject({ phone: 'on_call', zendesk: 'on_call', returnsTo: 'available' }),
    )
    world.end('a')
    await becomes('after_call_work')
    expect(world.of(alice).phone).toBe('after_call_work')
    await becomes('available')
    await vi.waitFor(() =>
      expect(world.of(alice)).toMatchObject({ phone: 'idle', zendesk: 'available', returnsTo: null, problem: null }),
    )
  })

  test('a phone that the PBX says is on a call makes its agent on_call, and available again', async () => {
    const { world, set, becomes } = await sandboxed()
    await set('available')
    world.start()
    world.told('on_call')
    await becomes('on_call')
    world.statuses.told({ extension: '1999', uri: 'sip:1999@pbx', presence: 'on_call', at: 0 })
    world.told('available')
    await becomes('available')
    expect(world.of(bob)).toMatchObject({ phone: 'idle', zendesk: null })
  })

  test('what a PBX that fell silent said last is given back once it counts no more', async () => {
    const { world, set, becomes } = await sandboxed()
    await set('available')
    world.start()
    world.told('on_call')
    await becomes('on_call')
    const nearlyAMinuteAgo = Date.now() + 300 - trustedMs
    world.statuses.told({ extension: alice.extension, uri: 'sip:1001@pbx', presence: 'unknown', at: nearlyAMinuteAgo })
    expect(world.of(alice).phone).toBe('on_call')
    await becomes('available')
    expect(world.of(alice).phone).toBe('idle')
  })

  test('a restart gives nothing back before the PBX has told of its phones', async () => {
    const { world, status, set, becomes } = await sandboxed({ watched: [alice.extension] })
    await set('unavailable')
    world.start()
    world.told('on_call')
    await becomes('on_call')
    await world.stop()
    world.start()
    world.told('unknown')
    world.answer('b', bob)
    await vi.waitFor(() => expect(world.of(bob).zendesk).toBe('on_call'), patience)
    expect(await status()).toBe('on_call')
    world.told('available')
    await becomes('unavailable')
  })

  test('who was unavailable by hand is so again after the call', async () => {
    const { world, set, becomes } = await sandboxed()
    await set('unavailable')
    world.start()
    world.answer('a')
    await becomes('on_call')
    world.end('a')
    await becomes('unavailable')
  })

  test('what an agent sets during a call is seen when it is polled, shown, and left alone', async () => {
    const { world, status, set, becomes } = await sandboxed({ pollMs: 1, afterCallWorkMs: 60_000 })
    world.start()
    world.answer('a')
    await becomes('on_call')
    await set('unavailable')
    await vi.waitFor(
      () => expect(world.of(alice)).toMatchObject({ phone: 'on_call', zendesk: 'unavailable', returnsTo: null }),
      patience,
    )
    expect(world.statuses.counters).toMatchObject({ leftToAgents: 1 })
    world.end('a')
    world.answer('b', bob)
    await vi.waitFor(() => expect(world.of(bob).zendesk).toBe('on_call'), patience)
    expect(await status()).toBe('unavailable')
    world.answer('c')
    await becomes('on_call')
  })

  test('a restart gives back what the bridge held when it died', async () => {
    const { world, set, becomes } = await sandboxed()
    await set('available')
    world.start()
    world.answer('a')
    await becomes('on_call')
    await world.stop()
    // It ended while nobody watched.
    world.start([])
    await becomes('available')
  })

  test('a restart in the middle of a call goes on with it, and with its after-call work', async () => {
    const { world, status, set, becomes } = await sandboxed({ afterCallWorkMs: 400 })
    await set('unavailable')
    world.start()
    const call = world.answer('a')
    await becomes('on_call')
    await world.stop()
    world.start([call])
    await vi.waitFor(() =>
      expect(world.of(alice)).toMatchObject({ phone: 'on_call', zendesk: 'on_call', returnsTo: 'unavailable' }),
    )
    expect(await status()).toBe('on_call')
    const ended = world.end('a')
    await world.stop()
    world.start([ended])
    expect(world.of(alice).phone).toBe('after_call_work')
    await becomes('unavailable')
  })
})

test('the unified status of the documented API follows as well, and a program’s changes are no wishes', async () => {
  const sandbox = await runningSandbox()
  const world = new StatusWorld(unified(requestsTo(sandbox)), { pollMs: 1 })
  const shown = async () => {
    const headers = { authorization: `Bearer ${sandbox.token}` }
    const answer = await json(await fetch(`${sandbox.url}/api/v2/agent_availabilities/${alice.id}`, { headers }))
    return answer.data.attributes.agent_status.id
  }
  const set = (id: number) =>
    fetch(`${sandbox.url}/api/v2/agent_availabilities/agent_statuses/agents/${alice.id}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${sandbox.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id }),
    })
  await set(3)
  world.start()
  world.answer('a')
  await vi.waitFor(async () => expect(await shown()).toBe(5), patience)
  await set(2)
  await vi.waitFor(() => expect(world.of(alice).zendesk).toBe('unavailable'), patience)
  expect(world.statuses.counters).toMatchObject({ leftToAgents: 0 })
  world.end('a')
  await vi.waitFor(async () => expect(await shown()).toBe(3), patience)
})

/** A Zendesk that a test scripts: `fate` may answer a request in its place. */
async function scripted(
  fate: (request: { method: string; agent: string; n: number }) => [number, Record<string, string>?] | null,
) {
  const statuses = new Map<string, string>()
  const puts: string[] = []
  const open = new Map<string, number>()
  let most = 0
  let n = 0
  const server = await scriptedServer((response, request) => {
    const agent = /agents\/(\d+)\//.exec(request.url ?? '')?.[1] ?? ''
    const body = server.seen.at(-1)?.body.toString() ?? ''
    const method = request.method ?? ''
    n += 1
    open.set(agent, (open.get(agent) ?? 0) + 1)
    most = Math.max(most, open.get(agent) ?? 0)
    setTimeout(() => {
      open.set(agent, (open.get(agent) ?? 1) - 1)
      const fated = fate({ method, agent, n })
      if (fated !== null) return void response.writeHead(fated[0], fated[1] ?? {}).end('{"error":"Not now"}')
      if (method === 'PUT') {
        const { status } = JSON.parse(body)
        puts.push(`${agent} ${status}`)
        statuses.set(agent, status)
      }
      const status = statuses.get(agent) ?? 'unavailable'
      const updated_at = statuses.has(agent) ? '2026-11-22T09:30:00.000Z' : null
      response.end(JSON.stringify({ agent_id: Number(agent), status, updated_at }))
    }, 15)
  })
  return { api: voice(requestsTo({ url: server.url, token: 'a-token' })), puts, seen: server.seen, most: () => most }
}

test('an agent whose phone never was in a call is not touched, nor asked about', async () => {
  const { api, puts, seen } = await scripted(() => null)
  const world = new StatusWorld(api)
  world.start()
  world.answer('a', bob)
  await vi.waitFor(() => expect(puts).toEqual([`${bob.id} on_call`]), patience)
  expect(seen.every(({ url }) => url.includes(String(bob.id)))).toBe(true)
  expect(world.of(alice)).toMatchObject({ phone: 'idle', zendesk: null, problem: null })
})

describe('before a Zendesk that fails', () => {
  test('a phone that flaps has one request in flight, and Zendesk ends with its last state', async () => {
    const { api, puts, most } = await scripted(() => null)
    const world = new StatusWorld(api)
    world.start()
    for (let i = 0; i < 200; i += 1) {
      world.answer(`c${i}`)
      if (i % 20 === 0) await new Promise(resolve => setImmediate(resolve))
      world.end(`c${i}`)
    }
    world.answer('last')
    await vi.waitFor(() => expect(puts.at(-1)).toBe(`${alice.id} on_call`), patience)
    await vi.waitFor(() => expect(world.of(alice).returnsTo).toBe('available'), patience)
    expect(most()).toBe(1)
    expect(puts.length).toBeLessThan(20)
  })

  test('outages, conflicts and nonsense pass, and the status is set in the end', async () => {
    const fates: [number][] = [[500], [409], [503], [302], [418]]
    const { api, puts } = await scripted(() => fates.shift() ?? null)
    const world = new StatusWorld(api)
    world.start()
    world.answer('a')
    await vi.waitFor(() => expect(puts).toEqual([`${alice.id} on_call`]), patience)
    await vi.waitFor(() => expect(world.of(alice).problem).toBeNull())
    expect(world.statuses.counters).toMatchObject({ failed: 5, refused: 0 })
  })

  test('a 429 holds everybody back for as long as it says', async () => {
    let limited = true
    const { api, seen, puts } = await scripted(() => (limited ? [429, { 'retry-after': '1' }] : null))
    const world = new StatusWorld(api)
    world.start()
    world.answer('a')
    await vi.waitFor(() => expect(world.of(alice).problem).toContain('429'), patience)
    limited = false
    world.answer('b', bob)
    const asked = seen.length
    await vi.waitFor(() => expect(puts).toHaveLength(2), patience)
    expect(asked).toBe(1)
  })

  test('an agent that Zendesk does not know is reported once, and asked for no more', async () => {
    const { api, seen, puts } = await scripted(({ agent }) => (agent === String(alice.id) ? [404] : null))
    const world = new StatusWorld(api)
    world.start()
    world.answer('a')
    await vi.waitFor(() => expect(world.of(alice).problem).toContain(`Zendesk knows no agent ${alice.id} (404)`), patience)
    world.end('a')
    world.answer('b')
    world.answer('c', bob)
    await vi.waitFor(() => expect(puts).toEqual([`${bob.id} on_call`]), patience)
    expect(seen.filter(({ url }) => url.includes(String(alice.id)))).toHaveLength(1)
    expect(world.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
    expect(world.statuses.refused).toBe(1)
    expect(world.statuses.health()).toEqual({ state: 'ok', reason: null })
  })

  test('credentials that Zendesk refuses are what the health says, once they have been for long', async () => {
    const { api } = await scripted(() => [401])
    const world = new StatusWorld(api)
    world.start()
    world.answer('a')
    await vi.waitFor(() => expect(world.of(alice).problem).toContain('401'), patience)
    expect(world.statuses.health().state).toBe('ok')
    world.skew = 120_000
    expect(world.statuses.health()).toMatchObject({ state: 'degraded', reason: expect.stringContaining('correct zendesk.token') })
  })

  test('stopping ends what is in flight', async () => {
    const { url, seen } = await scriptedServer(() => {})
    const world = new StatusWorld(voice(requestsTo({ url, token: 'a-token' })))
    world.start()
    world.answer('a')
    await vi.waitFor(() => expect(seen).toHaveLength(1), patience)
    await world.stop()
  })
})

test('without a report the phones are still shown, and extensions of nobody', () => {
  const world = new StatusWorld(null)
  world.start()
  world.answer('a')
  expect(world.of(alice)).toMatchObject({ extensions: ['1001'], phone: 'on_call', zendesk: null })
  world.end('b', { id: 99, extension: '1001', name: 'Gone' })
  expect(world.statuses.unmapped).toEqual([])
  expect(world.statuses.health().state).toBe('ok')
})

/**
 * kill -9, fifty times in a day. What the bridge promises (docs/architecture.md, "store first"): whatever it has told anyone of is on disk
 * and arrives, once and in order. What it cannot promise: a fact that it saw within the last moments before a kill, or that passed while
 * it was dead. Calls to which that happened ("torn" below) may lack an event at the end; all others have to be whole.
 */
import { env, stdout } from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { callIdOf } from '../../src/events/ids.ts'
import { FeedClient } from '../admin/feed-client.ts'
import { freePort } from './free-port.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { RunningSandbox } from './running-sandbox.ts'
import type { PhoneCallEvent } from './sandbox-view.ts'
import { sandboxToken } from './sandbox-view.ts'
import { seeded } from './seeded.ts'
import { Site } from './site.ts'
import { answerAsPlanned, type MadeCall, Traffic } from './traffic.ts'

const KILLS = Number(env.CRASH_KILLS ?? 50)
/** One of so many requests to the sandbox fails. */
const FAILS = 5
/** The same seed makes the same traffic and the same kills, as far as a machine does anything twice. */
const seed = Number(env.CRASH_SEED ?? Date.now() % 1_000_000)

let site: Site
let sandbox: RunningSandbox
let traffic: Traffic
const killedAt: number[] = []

beforeAll(async () => {
  stdout.write(`crash test: CRASH_SEED=${seed}\n`)
  site = await Site.open({ onCall: answerAsPlanned })
  sandbox = await RunningSandbox.start(site.folder)
  const port = await freePort('127.0.0.1')
  await site.configure({
    sip: { listen: [`udp://127.0.0.1:${port}`], trunk: site.trunk() },
    zendesk: { base_url: sandbox.view.url, token: sandboxToken, requests_per_minute: 100_000 },
    // A recording whose call is among the torn ones arrives as well, without a call.
    recordings: {
      folders: [{ path: site.monitor, match: '^[0-9.]+_(?<call_id>.+)\\.wav$', settle: '0s' }],
      rescan_every: '1s',
      match_wait: '3s',
      unmatched: 'upload',
    },
  })
  traffic = new Traffic(site, { transport: 'udp', address: '127.0.0.1', port }, seed)
  // A third of the failures before anything is done, a third without an answer, a third after it was done.
  await sandbox.view.fault({ route: '*', every: FAILS * 3 }, { kind: 'status', status: 503 })
  await sandbox.view.fault({ route: '*', every: FAILS * 3 - 1 }, { kind: 'reset' })
  await sandbox.view.fault({ route: '*', every: FAILS * 3 - 2 }, { kind: 'accept-then-reset' })
})

afterAll(async () => {
  // Processes first: a failed expectation leaves none behind.
  await site.stopBridges()
  await sandbox.stop()
  await traffic.stop()
  await site.close()
}, 60_000)

test('kills in the middle of a day of traffic lose and double nothing', { timeout: 300_000 }, async () => {
  const chance = seeded(seed)
  const told: string[] = []
  for (let life = 0; life < KILLS; life += 1) {
    // A follower that has heard nothing yet begins with what comes next: the first one is there before the first call.
    if (life > 0 && chance() < 0.2) await dieYoung(chance() * 1000)
    else await liveAndDie(chance() * 700, told)
  }

  const survivor = await site.start()
  const last = await follow(survivor, told)
  await traffic.stop()
  await survivor.drained(90_000)
  await sandbox.view.heal() // the questions that follow go to the same server
  await vi.waitFor(async () => {
    const arrived = (await sandbox.view.recordings()).length + (await sandbox.view.voicemails()).length
    expect(arrived).toBe(traffic.recordings.length + traffic.voicemails.length)
  }, patience)
  const state = await vi.waitFor(async () => {
    const now = await sandbox.view.state()
    expect(told.length + last.ids.length).toBe(now.phone_call_events)
    return now
  }, patience)
  told.push(...last.ids)

  // The day was one: most of it went on between the kills, and every kind of failure was met.
  expect(killedAt).toHaveLength(KILLS)
  expect(traffic.calls.length).toBeGreaterThan(KILLS * 3)
  expect(state.repeats).toBeGreaterThan(0)

  // What was told of, and nothing else, is in the sandbox: once, and each call in order.
  expect(state).toMatchObject({ out_of_order: 0, gaps: 0 })
  const events = await arrivedEvents()
  const arrivedIds = [...events.values()].flat().map(({ id }) => id)
  expect(arrivedIds.toSorted()).toEqual(told.toSorted())
  expect(new Set(arrivedIds).size).toBe(arrivedIds.length)
  expect([...events].flatMap(([id, ofCall]) => disorder(id, ofCall))).toEqual([])

  // Calls are whole.
  const known = new Map(traffic.calls.map(made => [String(callIdOf(made.call.callId)), made]))
  expect([...events.keys()].filter(id => !known.has(id))).toEqual([])
  const storedAt = [...events.values()].flat().map(({ occurred_at }) => Date.parse(occurred_at))
  const torn = new Set(traffic.calls.filter(made => isTorn(made, storedAt)))
  stdout.write(`${JSON.stringify(summary(state, torn.size))}\n`)
  const whole = [...known].filter(([, made]) => !torn.has(made))
  expect(whole.length).toBeGreaterThan(KILLS) // or there would be little to prove
  expect(whole.flatMap(([id, made]) => missing(made, events.get(id) ?? []))).toEqual([])

  // Every recording and voicemail is there, once, with its length and its call.
  const callOf = (callId: string): string | null => (events.has(callIdOf(callId)) ? callIdOf(callId) : null)
  const recordings = await sandbox.view.recordings()
  expect(
    recordings.map(({ external_id, external_call_id, duration }) => [external_id, external_call_id, duration]).toSorted(),
  ).toEqual(traffic.recordings.map(({ id, callId, seconds }) => [id, callOf(callId), seconds]).toSorted())
  const voicemails = await sandbox.view.voicemails()
  expect(voicemails.map(({ mailbox, received_at, duration }) => [received_at, mailbox, duration]).toSorted()).toEqual(
    traffic.voicemails.map(({ mailbox, receivedAt, seconds }) => [receivedAt, mailbox, seconds]).toSorted(),
  )
  expect(await survivor.terminate()).toEqual({ code: 0, signal: null })
})

/** Killed on its way to the start, perhaps while it mends what the last kill left. */
async function dieYoung(afterMs: number): Promise<void> {
  const bridge = site.spawn()
  await wait(afterMs)
  await kill(bridge)
}

/** Killed in the middle of the day. */
async function liveAndDie(afterMs: number, told: string[]): Promise<void> {
  const bridge = site.spawn()
  await bridge.started()
  const feed = await follow(bridge, told)
  if (told.length === 0) {
    traffic.start()
    await vi.waitFor(() => expect(feed.ids).not.toEqual([]), patience)
  }
  await wait(afterMs)
  await kill(bridge)
  await feed.closed
  told.push(...feed.ids)
}

async function kill(bridge: RunningBridge): Promise<void> {
  killedAt.push(Date.now())
  await bridge.kill()
}

/** Follows the live feed from where the last follower was cut off. What it tells was stored before. */
async function follow(bridge: RunningBridge, told: readonly string[]): Promise<FeedClient> {
  return await new FeedClient(bridge.admin, told.at(-1) ?? null).opened()
}

/** By the bridge's id of the call, in the order in which they came. */
async function arrivedEvents(): Promise<ReadonlyMap<string, readonly PhoneCallEvent[]>> {
  const events = new Map<string, readonly PhoneCallEvent[]>()
  for (const { id, external_id } of await sandbox.view.calls()) events.set(external_id, await sandbox.view.events(id))
  return events
}

function disorder(id: string, events: readonly PhoneCallEvent[]): readonly string[] {
  const types = events.map(({ type }) => type)
  const isInOrder = events.every(({ sequence }, index) => sequence === index + 1)
  const isACall = types[0] === 'call.started' && types.lastIndexOf('call.started') === 0
  const endsOnce = !types.slice(0, -1).includes('call.ended')
  return isInOrder && isACall && endsOnce ? [] : [`${id}: ${events.map(({ sequence, type }) => `${sequence} ${type}`)}`]
}

/** A phone may hear of something this much later than the bridge, which may have died meanwhile. On a busy machine. */
const latencyMs = 300

/**
 * Whether the bridge may have been killed before it stored all that it saw of this call. Not by guessing how long storing takes: it stores
 * in the order in which it sees, so what it saw before anything that arrived from the same life is stored.
 */
function isTorn({ call, final }: MadeCall, storedAt: readonly number[]): boolean {
  if (final === null || final === 0) return true
  const { firstResponseAt, finalAt, hungUpAt } = call.seen
  return [firstResponseAt, finalAt, hungUpAt].some(at => at !== null && !isStored(at, storedAt))
}

function isStored(at: number, storedAt: readonly number[]): boolean {
  if (killedAt.some(kill => kill > at - latencyMs && kill <= at)) return false
  const death = killedAt.find(kill => kill > at) ?? Number.POSITIVE_INFINITY
  return death === Number.POSITIVE_INFINITY || storedAt.some(stored => stored >= at && stored < death)
}

function missing(made: MadeCall, events: readonly PhoneCallEvent[]): readonly string[] {
  const types = events.map(({ type }) => type)
  const wanted = ['call.started', ...(made.final === 200 ? ['call.answered'] : []), 'call.ended']
  const lacks = wanted.filter(type => !types.includes(type))
  return lacks.length === 0 ? [] : [`${made.call.callId} (${made.plan}, ${made.final}) lacks ${lacks}; it has ${types}`]
}

function summary(state: object, torn: number): object {
  const { calls, recordings, voicemails } = traffic
  const made = { calls: calls.length, torn, recordings: recordings.length, voicemails: voicemails.length }
  return { kills: killedAt.length, ...made, ...state, sequences: undefined }
}

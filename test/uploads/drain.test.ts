/**
 * A backlog drains at the limit, in real time: the whole way from the store to an account that counts as strictly as it may and answers
 * as slowly as Zendesk does. What counts is which part of the account's own budget is used; with the settings that a bridge has when
 * nobody sets any. The long form, with kill -9 in between, is bench/drain.mjs.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { test } from 'vitest'
import { timeoutsFor, zendeskAccount } from '../../src/bridge/zendesk.ts'
import type { CallChange } from '../../src/events/journal.ts'
import { deliveriesOf } from '../../src/uploads/delivery.ts'
import { RateLimit } from '../../src/uploads/flow/rate-limit.ts'
import { zendeskSlots } from '../../src/uploads/slots.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import { DeliveryWorker } from '../../src/uploads/worker.ts'
import { accepted } from '../config/loading.ts'
import { madeMp3 } from '../zendesk/made-mp3.ts'
import { runningSandbox, temporaryFolder } from '../zendesk/running-sandbox.ts'
import { aChange, anEvent, aVoicemail, fileOf } from './fixtures.ts'
import { type limiters, strictAccount } from './strict-account.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
/** Zendesk's answers take this long. */
const latencyMs = { least: 100, most: 400 }
/** The first uploads are few, and what was saved up before the first delivery is spent. */
const warmUpMs = 3_000
const stretchMs = 6_000
/** A machine that is busy with something else gets another stretch, never a lower bar. */
const mostStretches = 6

/** Callers differ: what one caller has on the way goes one after the other. */
const caller = (number: number) => ({ kind: 'e164', value: `+4930${10_000_000 + number}`, display: null }) as const

function answeredCall(number: number): CallChange {
  const name = `call_${number}`
  const rung = { from: caller(number) }
  const answered = { ...rung, answeredAt: anEvent(name, 1).call.startedAt + 5_000 }
  const ended = { ...answered, endedAt: answered.answeredAt + 60_000, durationMs: 60_000 }
  const outcome = { status: 'connected', reason: 'completed', sipCode: null, q850: null } as const
  const events = [
    anEvent(name, 1, rung),
    anEvent(name, 2, rung),
    anEvent(name, 3, answered),
    anEvent(name, 4, { ...ended, outcome }),
  ]
  return { ...aChange(name, [], { ended: true }), events }
}

async function fill(
  store: SqliteStore,
  folder: string,
  { calls, voicemails }: { calls: number; voicemails: number },
): Promise<void> {
  await store.calls.append(Array.from({ length: calls }, (_, number) => answeredCall(number)))
  await mkdir(folder, { recursive: true })
  for (let number = 0; number < voicemails; number++) {
    const encoded = await madeMp3(folder, `${number}.mp3`)
    const item = { ...aVoicemail(`voicemail_${number}`), from: caller(number), encoded }
    await store.items.add({ ...item, state: 'waiting', encoded: null }, fileOf(item))
    await store.items.queue(item)
  }
}

test.concurrent.for<[string, 'partner-edition' | 'calls', keyof typeof limiters, number, { calls: number; voicemails: number }]>([
  ['events', 'partner-edition', 'fixed windows', 3_000, { calls: 750, voicemails: 0 }],
  ['events', 'partner-edition', 'a bucket of tokens', 3_000, { calls: 750, voicemails: 0 }],
  ['events, of several requests each,', 'calls', 'a sliding window', 1_500, { calls: 250, voicemails: 0 }],
  ['voicemails', 'partner-edition', 'a sliding window', 1_500, { calls: 0, voicemails: 900 }],
  ['events and voicemails', 'calls', 'a sliding window', 1_500, { calls: 50, voicemails: 250 }],
])(
  'a backlog of %s (%s) before an account that counts by %s drains at 99 % of the limit and more, and hardly a request is answered 429',
  {
    timeout: 120_000,
  },
  async ([_of, api, limiter, perMinute, backlog], { expect, onTestFinished }) => {
    const folder = await temporaryFolder(onTestFinished)
    const sandbox = await runningSandbox({}, onTestFinished)
    const store = await SqliteStore.open({ dataDir: join(folder, 'store'), role: 'bridge', now: Date.now, log })
    onTestFinished(() => store.close())
    await fill(store, join(folder, 'spool'), backlog)
    // Its minute is on when the bridge begins.
    const account = await strictAccount({ upstream: sandbox.url, perMinute, limiter, latencyMs, atEnd: onTestFinished })
    const agent = api === 'calls' ? 'api: calls, email: bridge@example.com, app_id: 42,' : ''
    const config = await accepted(
      `zendesk: { ${agent} base_url: "${account.url}", token: ${sandbox.token}, requests_per_minute: ${perMinute} }`,
    )

    const limit = new RateLimit({ perMinute, now: Date.now() })
    const { memory } = store
    const { connection, sink } = zendeskAccount({ config, sandbox: null, memory, limit, tickets: 'by-rules', version: '0', log })
    onTestFinished(() => connection.close())
    const worker = new DeliveryWorker({
      queue: store.jobs,
      sink,
      limit,
      policy: { ...config.uploads.retry, giveUpAfterMs: config.uploads.giveUpAfterMs },
      prepare: deliveriesOf(config.site, timeoutsFor(config)),
      slots: zendeskSlots(config.uploads.concurrency),
      log,
      now: Date.now,
      random: Math.random,
    })
    await worker.start()
    onTestFinished(() => worker.stop(0))

    await wait(warmUpMs)
    const shares: number[] = []
    while (shares.length < mostStretches && !shares.some(share => share >= 0.99)) {
      const before = account.counts.taken
      const began = performance.now()
      await wait(stretchMs)
      // One more: the next request may be just about to come.
      const taken = account.counts.taken - before + 1
      shares.push(taken / ((perMinute * (performance.now() - began)) / 60_000))
    }
    const { pending } = await store.views.jobCounts()
    const found = `in stretches of ${stretchMs} ms: ${shares.map(share => share.toFixed(3)).join(', ')}; ${pending} still wait`
    expect(Math.max(...shares), found).toBeGreaterThanOrEqual(0.99)
    expect(account.counts.refused).toBeLessThanOrEqual(0.001 * account.counts.taken)
  },
)

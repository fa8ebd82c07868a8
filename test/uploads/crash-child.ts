/**
 * The process that crash.test.ts kills: appends call events and delivers them to a server of its parent, as fast as it can.
 * Every append that was acknowledged is reported with a write that is in the pipe when it returns, so a kill cannot take it back.
 *
 * argv: data_dir, URL of the sink, number of this run
 */
import { writeSync } from 'node:fs'
import { argv } from 'node:process'
import { deliveriesOf } from '../../src/uploads/delivery.ts'
import { RateLimit } from '../../src/uploads/flow/rate-limit.ts'
import type { DeliveryResult, Sink } from '../../src/uploads/sink.ts'
import { zendeskSlots } from '../../src/uploads/slots.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import { DeliveryWorker } from '../../src/uploads/worker.ts'
import { aChange } from './fixtures.ts'

const [, , dataDir = '', sinkUrl = '', run = ''] = argv

const log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (fields: object, msg: string) => writeSync(2, `${msg} ${JSON.stringify(fields)}\n`),
}

let appended = 0
let delivered = 0
let onDelivered = (): void => {}

const sink: Sink = {
  name: 'parent',
  deliver: async (delivery, signal): Promise<DeliveryResult> => {
    const key = delivery.idempotencyKey
    const response = await fetch(sinkUrl, { method: 'POST', headers: { 'idempotency-key': key }, signal })
    await response.arrayBuffer()
    if (!response.ok) return { kind: 'retry', reason: `${response.status}`, afterMs: null }
    delivered += 1
    onDelivered()
    return { kind: 'delivered', remoteId: null }
  },
}

const store = await SqliteStore.open({ dataDir, role: 'bridge', now: Date.now, log })
const worker = new DeliveryWorker({
  queue: store.jobs,
  sink,
  limit: new RateLimit({ perMinute: Number.POSITIVE_INFINITY, now: Date.now() }),
  policy: { baseMs: 1, capMs: 5, giveUpAfterMs: 3_600_000 },
  prepare: deliveriesOf('hq'),
  slots: zendeskSlots(8),
  log,
  now: Date.now,
  random: Math.random,
})
store.onJobs(() => worker.notify())
await worker.start()

for (let round = 0; run !== 'drain'; round++) {
  const changes = Array.from({ length: 2 }, (_, call) => aChange(`r${run}-${round}-${call}`, [1, 2, 3, 4], { ended: true }))
  // Two appends a call, so that a kill falls between the events of one call as well.
  await store.calls.append(changes.map(change => ({ ...change, events: change.events.slice(0, 2), ended: false })))
  await store.calls.append(changes)
  writeSync(1, `${changes.flatMap(change => change.events.map(event => event.id)).join(' ')}\n`)
  appended += 8
  // Deliveries keep up, so that a kill finds some of every state.
  while (appended - delivered > 32) await new Promise<void>(resolve => (onDelivered = resolve))
}

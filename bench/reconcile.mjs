/**
 * Reconciles a day of many calls, each with a recording and a CDR, beside open deliveries; prints the time it took, the memory it needed
 * beyond what was there, and the longest time that the process could do nothing else.
 *
 *   npm run build && node bench/reconcile.mjs [calls=100000] [open deliveries=100000]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { reconcile } from '../dist/reconciliation/reconcile.js'
import { SqliteStore } from '../dist/uploads/store/sqlite-store.js'

const calls = Number(process.argv[2] ?? 100_000)
const open = Number(process.argv[3] ?? 100_000)
const atOnce = 1_000
const dayMs = 86_400_000
const now = Date.now()
const log = { error: (fields, message) => console.error(message, fields) }
const dataDir = mkdtempSync(join(tmpdir(), 'tpe-reconcile-'))
const store = await SqliteStore.open({ dataDir, role: 'bridge', now: () => now - dayMs / 2, log })

function snapshot(number) {
  const startedAt = now - dayMs + 60_000 + Math.floor((number / calls) * (dayMs - 2 * 3_600_000))
  const from = { kind: 'e164', value: `+1415${String(2_000_000 + number).padStart(7, '0')}`, display: null }
  const leg = {
    sipCallId: `${number}@pbx`,
    from,
    to: from,
    direction: 'inbound',
    startedAt,
    answeredAt: startedAt,
    endedAt: startedAt,
  }
  return {
    id: `call_${number}`,
    from,
    to: { kind: 'extension', value: '1001', display: null },
    direction: 'inbound',
    outcome: { status: 'connected', reason: 'completed', sipCode: 200, q850: null },
    startedAt,
    answeredAt: startedAt + 5_000,
    endedAt: startedAt + 65_000,
    durationMs: 60_000,
    waitMs: 5_000,
    holdMs: 0,
    agents: [],
    tags: [],
    legs: [leg, leg],
  }
}

function change(call, events) {
  const state = {
    version: 1,
    id: call.id,
    sipCallId: call.id,
    callerTag: 'a',
    keys: [],
    sequence: events,
    phase: { kind: 'inviting' },
  }
  const made = Array.from({ length: events }, (_, index) => {
    return {
      id: `${call.id}.${index}`,
      callId: call.id,
      type: 'call.ended',
      sequence: index + 1,
      occurredAt: call.startedAt,
      site: 'hq',
      call,
    }
  })
  return { call: state, events: made, keys: [`unique:${call.id}`], ended: true }
}

function cdr({ id, from, to, startedAt, answeredAt, endedAt }) {
  const times = { startedAt, endedAt, answeredAt, phoneAnsweredAt: answeredAt, partiesAt: startedAt }
  return {
    id: `asterisk:hq:${id}`,
    from,
    to,
    direction: 'inbound',
    keys: [`unique:${id}`],
    recordings: [],
    hasCaller: true,
    ...times,
  }
}

function recording({ id, answeredAt }) {
  const file = { sourcePath: `/monitor/${id}.wav`, sourceSize: 1, sourceMtimeMs: answeredAt }
  const source = { durationMs: 60_000, channels: 1, sampleRate: 8_000 }
  const hints = { sipCallId: null, unique: id, from: null, to: null, startedAt: null }
  const base = {
    kind: 'recording',
    id: `rec_${id}`,
    state: 'delivered',
    reason: null,
    foundAt: answeredAt,
    startedAt: answeredAt,
  }
  return { ...base, ...file, source, encoded: null, callId: id, hints, matchedBy: 'unique' }
}

try {
  for (let from = 0; from < calls; from += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, calls - from) }, (_, index) => snapshot(from + index))
    await store.calls.append(some.map(call => change(call, 1)))
    await store.cdrs.put('hq', some.map(cdr))
    for (const call of some) await store.items.add(recording(call), { path: `/monitor/${call.id}.wav`, size: 1, mtimeMs: 1 })
    const jobs = await store.jobs.claim('event', atOnce)
    await store.jobs.settle(jobs.map(job => ({ job, verdict: { kind: 'delivered', remoteId: 'z' } })))
  }
  for (let from = 0; from < open; from += atOnce) {
    const some = Array.from({ length: atOnce }, (_, index) => ({
      ...snapshot(0),
      id: `open_${from + index}`,
      startedAt: now - 9 * dayMs,
    }))
    await store.calls.append(some.map(call => change(call, 1)))
  }
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  let peak = before
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 20)
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  const rules = {
    graceMs: 600_000,
    recordingGraceMs: 1_500_000,
    toleranceMs: 10_000,
    recordings: { expected: 'all', directions: ['inbound'], numbers: [], minTalkMs: 5_000 },
  }
  const options = { stored: store.reconciliation('hq'), records: store.cdrs.of('hq'), rules, now, troubles: [], mostOfAKind: 500 }
  const result = await reconcile({ ...options, period: { since: now - dayMs, until: now } }, new AbortController().signal)
  const tookMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage(cpu)
  clearInterval(watch)
  console.log({ ...result.looked, findings: result.total, onTheWay: result.onTheWay })
  const megabytes = bytes => `${Math.round(bytes / 1e6)} MB`
  const seconds = ms => `${(ms / 1000).toFixed(1)} s`
  console.log(
    `${seconds(tookMs)} (${seconds((user + system) / 1000)} of a processor), ${megabytes(peak - before)} beyond ${megabytes(before)}, blocked ${Math.round(delay.max / 1e6)} ms at most`,
  )
} finally {
  await store.close()
  rmSync(dataDir, { recursive: true, force: true })
}

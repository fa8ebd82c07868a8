/** Fills a store with yesterday's calls, whose events all wait to be delivered. */
import { SqliteStore } from '../dist/uploads/store/sqlite-store.js'

const perAppend = 500
const perCall = 4
const types = ['call.started', 'call.ringing', 'call.answered', 'call.ended']
const log = { debug() {}, info() {}, warn() {}, error: (fields, message) => console.error(message, fields) }

/** `size` events of `size / 4` calls. */
export async function fill(dataDir, size) {
  let now = Date.now() - 86_400_000
  const store = await SqliteStore.open({ dataDir, role: 'bridge', now: () => now, log })
  for (let from = 0; from < size; from += perAppend * perCall) {
    const changes = []
    for (let at = from; at < Math.min(size, from + perAppend * perCall); at += perCall) {
      changes.push(change(at / perCall, Math.min(perCall, size - at)))
    }
    now += 1000
    await store.calls.append(changes)
  }
  await store.close()
}

/** A call as the tracker stores it, with its first events. */
function change(number, count) {
  const id = `call_${number}`
  const startedAt = Date.UTC(2026, 0, 1)
  const party = { kind: 'e164', value: '+14155550100', display: null }
  const base = { from: party, to: { kind: 'extension', value: '1001', display: null }, direction: 'inbound', startedAt }
  const snapshot = { id, ...base, outcome: null, answeredAt: null, endedAt: null, durationMs: 0, waitMs: 0, holdMs: 0 }
  const call = { ...snapshot, agents: [], tags: [], legs: [] }
  const events = types.slice(0, count).map((type, index) => {
    return { id: `${id}.${index + 1}`, callId: id, type, sequence: index + 1, occurredAt: startedAt + index, site: 'hq', call }
  })
  const model = {
    version: 1,
    sipCallId: `${number}@pbx`,
    callerTag: 'a',
    keys: [],
    invitedAt: startedAt,
    lastSignalAt: startedAt,
  }
  const state = {
    ...model,
    ...base,
    id,
    lastEventAt: startedAt,
    phase: { kind: 'inviting' },
    legs: [],
    sequence: count,
    counts: {},
  }
  return { call: state, events, keys: [`sip:${number}@pbx`], ended: true }
}

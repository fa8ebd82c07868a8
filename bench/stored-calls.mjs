/** Fills a store with yesterday's calls and voicemails, which all wait to be delivered. */
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SqliteStore } from '../dist/uploads/store/sqlite-store.js'

const perAppend = 500
const perCall = 4
const types = ['call.started', 'call.ringing', 'call.answered', 'call.ended']
const log = { debug() {}, info() {}, warn() {}, error: (fields, message) => console.error(message, fields) }
const callee = { kind: 'extension', value: '1001', display: null }

/** `events` of `events / 4` calls, and `voicemails` with an MP3 each. */
export async function fill(dataDir, { events = 0, voicemails = 0 }) {
  let now = Date.now() - 86_400_000
  const store = await SqliteStore.open({ dataDir, role: 'bridge', now: () => now, log })
  for (let from = 0; from < events; from += perAppend * perCall) {
    const changes = []
    for (let at = from; at < Math.min(events, from + perAppend * perCall); at += perCall) {
      changes.push(change(at / perCall, Math.min(perCall, events - at)))
    }
    now += 1000
    await store.calls.append(changes)
  }
  await mkdir(join(dataDir, 'spool'), { recursive: true })
  for (let n = 0; n < voicemails; n++) {
    const path = join(dataDir, 'spool', `bench-${n}.mp3`)
    await writeFile(path, mp3)
    const item = voicemail(n, path, now)
    await store.items.add({ ...item, state: 'waiting', encoded: null }, { path: item.sourcePath, size: 44_100, mtimeMs: 0 })
    await store.items.queue(item)
  }
  await store.close()
}

/** Callers differ: what one caller has on the way goes one after the other. */
const caller = number => ({ kind: 'e164', value: `+4930${10_000_000 + number}`, display: null })

/** A call as the tracker stores it, with its first events. */
function change(number, count) {
  const id = `call_${number}`
  const startedAt = Date.UTC(2026, 0, 1)
  const base = { from: caller(number), to: callee, direction: 'inbound', startedAt }
  const snapshot = { id, ...base, outcome: null, answeredAt: null, endedAt: null, durationMs: 0, waitMs: 0, holdMs: 0 }
  const rung = { ...snapshot, agents: [], tags: [], legs: [] }
  const answered = { ...rung, answeredAt: startedAt + 5_000, waitMs: 5_000 }
  const outcome = { status: 'connected', reason: 'completed', sipCode: null, q850: null }
  const ended = { ...answered, outcome, endedAt: startedAt + 60_000, durationMs: 55_000 }
  const shown = [rung, rung, answered, ended]
  const events = types.slice(0, count).map((type, index) => {
    const occurredAt = startedAt + index
    return { id: `${id}.${index + 1}`, callId: id, type, sequence: index + 1, occurredAt, site: 'hq', call: shown[index] }
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

/** Frames of silence: MPEG-2.5 layer III, 8 kHz, 32 kbit/s, mono, 72 ms each. */
const frames = 40
const frame = Buffer.concat([Buffer.from([0xff, 0xe3, 0x48, 0xc4]), Buffer.alloc(284)])
const mp3 = Buffer.concat(Array.from({ length: frames }, () => frame))
const sha256 = createHash('sha256').update(mp3).digest('hex')

function voicemail(number, path, at) {
  const audio = { durationMs: frames * 72, channels: 1, sampleRate: 8_000 }
  return {
    kind: 'voicemail',
    id: `vm_bench_${number}`,
    state: 'queued',
    reason: null,
    sourcePath: `/var/spool/asterisk/voicemail/${number}.wav`,
    sourceSize: 44_100,
    sourceMtimeMs: 0,
    foundAt: at,
    startedAt: at,
    source: audio,
    encoded: { ...audio, path, size: mp3.length, sha256 },
    callId: null,
    from: caller(number),
    to: callee,
    mailbox: '1001',
    receivedAt: at,
  }
}

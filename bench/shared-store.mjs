/**
 * Three bridges drain one backlog from one PostgreSQL into one sandbox whose budget is a hundredth above their limit; one of them is
 * killed with -9 every few seconds and started again. Says whether every event and recording arrived once and in order, how much of the
 * limit was used, and how often the sandbox answered 429.
 * `npm run build && DATABASE_URL=postgres://… node bench/shared-store.mjs [minutes] [requests a minute] [seconds between kills]`;
 * 3 minutes, 6,000 and 5 unless said. The database has to be empty.
 */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, env, execPath, exit } from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { PostgresStore } from '../dist/uploads/store/postgres-store.js'

const minutes = Number(argv[2] ?? 3)
const perMinute = Number(argv[3] ?? 6_000)
const killEveryMs = Number(argv[4] ?? 5) * 1000
const url = env.DATABASE_URL
if (url === undefined) {
  console.error('set DATABASE_URL to an empty PostgreSQL database')
  exit(2)
}

const command = join(import.meta.dirname, '../dist/main.js')
const folder = await mkdtemp(join(tmpdir(), 'tpe-shared-'))
const recordings = 30
const calls = Math.floor((perMinute * minutes - recordings) / 4)
const children = new Map()
const counts = { kills: 0, pauses: 0, takenOver: 0, errors: 0 }

try {
  const sandboxUrl = await startSandbox()
  const { host } = new URL(sandboxUrl)
  const share = { bridge: 'br_watcher', site: 'hq', account: host, owner: 'br_watcher/1', leaseMs: 30_000 }
  const log = { warn: () => {}, error: console.error }
  const watcher = await PostgresStore.open({ url, share, now: Date.now, log })
  for (let first = 0; first < calls; first += 500) {
    const some = Array.from({ length: Math.min(500, calls - first) }, (_, n) => callNumber(first + n))
    await watcher.calls.append(some)
  }
  for (let n = 0; n < 3; n++) {
    await mkdir(join(folder, `monitor${n}`))
    for (let i = n; i < recordings; i += 3) await writeFile(join(folder, `monitor${n}`, `${i}@pbx.wav`), tone(i))
    await writeFile(join(folder, `bridge${n}.yaml`), JSON.stringify(configuration(n, sandboxUrl)))
  }
  const wanted = calls * 4 + recordings
  const began = performance.now()
  await Promise.all([0, 1, 2].map(startBridge))
  console.log(`${wanted} requests wait, at ${perMinute} a minute`)
  let killedAt = performance.now()
  const samples = []
  for (;;) {
    await wait(1000)
    const state = await stateOf(sandboxUrl)
    const done = state.phone_call_events + state.phone_recordings
    samples.push({ at: performance.now(), done })
    if (done >= wanted || performance.now() - began > (minutes + 5) * 60_000) break
    if (performance.now() - killedAt > killEveryMs) {
      killedAt = performance.now()
      const victim = counts.kills++ % 3
      children.get(victim)?.kill('SIGKILL')
      await startBridge(victim)
    }
  }
  // The backlog's last seconds wait for single calls; the limit is judged by what came before.
  const steady = samples.filter(({ done }) => done > 0 && done < wanted * 0.97)
  const [from, to] = [steady.at(0), steady.at(-1)]
  const rate = ((to.done - from.done) / (to.at - from.at)) * 60_000
  const state = await stateOf(sandboxUrl)
  const jobs = await watcher.views.jobCounts()
  await watcher.close()
  console.log({
    seconds: Math.round((performance.now() - began) / 1000),
    ofTheLimit: `${((rate / perMinute) * 100).toFixed(1)} %`,
    answered429: counts.pauses,
    kills: counts.kills,
    takenOver: counts.takenOver,
    events: state.phone_call_events,
    recordings: state.phone_recordings,
    repeatsAnswered: state.repeats,
    outOfOrder: state.out_of_order,
    gaps: state.gaps,
    jobs,
  })
  const right = state.phone_call_events === calls * 4 && state.phone_recordings === recordings
  if (!right || state.out_of_order > 0 || state.gaps > 0 || counts.pauses > 0) exit(1)
} finally {
  for (const child of children.values()) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
}

function configuration(n, sandboxUrl) {
  return {
    site: 'hq',
    data_dir: join(folder, `data${n}`),
    sip: { listen: ['udp://127.0.0.1:0'] },
    store: { postgres: url },
    recordings: {
      folders: [{ path: join(folder, `monitor${n}`), match: '^(?<call_id>.+)\\.wav$', settle: '0s' }],
      rescan_every: '1s',
    },
    zendesk: { base_url: sandboxUrl, token: 'sandbox', requests_per_minute: perMinute },
    uploads: { concurrency: 16 },
    admin: { listen: '127.0.0.1:0' },
  }
}

async function startSandbox() {
  const config = join(folder, 'sandbox.yaml')
  const budget = Math.floor(perMinute * 1.01)
  const sandbox = { listen: '127.0.0.1:0', requests_per_minute: budget }
  await writeFile(config, JSON.stringify({ data_dir: join(folder, 'sandbox'), sandbox }))
  const child = spawn(execPath, [command, 'sandbox', '-c', config], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.set('sandbox', child)
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /^sandbox: (\S+)$/.exec(line)
    if (found !== null) {
      child.stdout.resume()
      return found[1]
    }
  }
  throw new Error('the sandbox ended')
}

async function startBridge(n) {
  const child = spawn(execPath, [command, 'start', '-c', join(folder, `bridge${n}.yaml`)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.set(n, child)
  await new Promise((resolve, reject) => {
    child.once('exit', reject)
    createInterface({ input: child.stdout }).on('line', line => {
      const { msg, level, jobs } = JSON.parse(line)
      if (msg === 'bridge started') resolve()
      if (msg === 'the sink asked for a pause') counts.pauses++
      if (msg === 'deliveries of a bridge that is gone are taken over') counts.takenOver += jobs
      if (level >= 50) counts.errors++
    })
  })
}

async function stateOf(sandboxUrl) {
  return await (await fetch(`${sandboxUrl}/_sandbox/state`)).json()
}

/** Four events of one call, as the tracker hands them over. */
function callNumber(n) {
  const id = `call_${n}`
  const startedAt = Date.UTC(2026, 10, 22, 9) + n * 1000
  const party = value => ({ kind: 'e164', value, display: null })
  const snapshot = {
    id,
    from: party('+14155550100'),
    to: { kind: 'extension', value: '1001', display: null },
    direction: 'inbound',
    outcome: null,
    startedAt,
    answeredAt: null,
    endedAt: null,
    durationMs: 0,
    waitMs: 0,
    holdMs: 0,
    agents: [],
    tags: [],
    legs: [],
  }
  const types = ['started', 'ringing', 'answered', 'ended']
  const events = types.map((type, i) => ({
    id: `${id}.${type}.1`,
    callId: id,
    type: `call.${type}`,
    sequence: i + 1,
    occurredAt: startedAt + i * 1000,
    site: 'hq',
    call: snapshot,
  }))
  return { call: { version: 1, id, sequence: 4 }, events, keys: [`sip:${n}@pbx`], ended: true }
}

/** One second of 8 kHz mono PCM, each of another pitch. */
function tone(n) {
  const wav = Buffer.alloc(44 + 16_000)
  wav.write('RIFF', 0)
  wav.writeUInt32LE(36 + 16_000, 4)
  wav.write('WAVEfmt ', 8)
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20)
  wav.writeUInt16LE(1, 22)
  wav.writeUInt32LE(8_000, 24)
  wav.writeUInt32LE(16_000, 28)
  wav.writeUInt16LE(2, 32)
  wav.writeUInt16LE(16, 34)
  wav.write('data', 36)
  wav.writeUInt32LE(16_000, 40)
  for (let i = 0; i < 8_000; i++)
    wav.writeInt16LE(Math.round(8_000 * Math.sin((i * (300 + n * 10) * 2 * Math.PI) / 8_000)), 44 + i * 2)
  return wav
}

/**
 * Three bridges drain one backlog from one PostgreSQL into one sandbox whose budget is a hundredth above their limit, while their PBXs
 * go on recording; they archive into one S3. One of them is killed with -9 every few seconds and started again. Says whether every event
 * and recording arrived once and in order and lies in the archive once, how much of the limit was used, and how often the sandbox
 * answered 429: it counts the requests itself, and each one beyond its budget is one.
 * `npm run build && node bench/shared-store.mjs [minutes] [requests a minute] [seconds between kills]`; 3 minutes, 6,000 and 5 unless
 * said. DATABASE_URL may name an empty PostgreSQL database; without it one is started, as the tests do.
 */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, env, execPath, exit } from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { createServer } from 'vite'
import { PostgresStore } from '../dist/uploads/store/postgres-store.js'

const minutes = Number(argv[2] ?? 3)
const perMinute = Number(argv[3] ?? 6_000)
const killEveryMs = Number(argv[4] ?? 5) * 1000
const command = join(import.meta.dirname, '../dist/main.js')
const folder = await mkdtemp(join(tmpdir(), 'tpe-shared-'))
/** One every two seconds of the first four fifths. */
const recordings = Math.max(3, Math.floor(minutes * 24))
const calls = Math.floor((perMinute * minutes - recordings) / 4)
const children = new Map()
const counts = { kills: 0, pauses: 0, takenOver: 0, errors: 0 }
const stops = []
let wrong = false

try {
  const url = env.DATABASE_URL ?? (await startPostgres())
  const s3Url = await startS3()
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
    await writeFile(join(folder, `bridge${n}.yaml`), JSON.stringify(configuration(n, { url, s3Url, sandboxUrl })))
  }
  const wanted = calls * 4 + recordings
  const began = performance.now()
  await Promise.all([0, 1, 2].map(startBridge))
  console.log(`${wanted} requests wait, at ${perMinute} a minute`)
  let killedAt = performance.now()
  const samples = []
  let recorded = 0
  for (;;) {
    await wait(1000)
    for (const due = Math.min(recordings, (performance.now() - began) / 2_000); recorded < due; recorded++) await record(recorded)
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
  // The archive may still have the last ones before it.
  let jobs = await watcher.views.jobCounts()
  for (let n = 0; n < 60 && jobs.pending + jobs.running > 0; n++) {
    await wait(1000)
    jobs = await watcher.views.jobCounts()
  }
  const { keys, operations } = await (await fetch(`${s3Url}/_stats`)).json()
  const archived = keys.filter(key => key.endsWith('.mp3')).length
  const records = keys.filter(key => key.endsWith('.vcon.json')).length
  await watcher.close()
  console.log({
    seconds: Math.round((performance.now() - began) / 1000),
    ofTheLimit: `${((rate / perMinute) * 100).toFixed(1)} %`,
    answered429: counts.pauses,
    kills: counts.kills,
    takenOver: counts.takenOver,
    events: state.phone_call_events,
    recordings: `${state.phone_recordings} of ${recordings}`,
    archived: `${archived} and ${records} records`,
    fetchedFromTheArchive: operations.Get ?? 0,
    repeatsAnswered: state.repeats,
    outOfOrder: state.out_of_order,
    gaps: state.gaps,
    jobs,
  })
  const arrived = state.phone_call_events === calls * 4 && state.phone_recordings === recordings
  wrong = !arrived || archived !== recordings || records !== recordings || jobs.pending + jobs.running + jobs.dead > 0
  wrong ||= state.out_of_order > 0 || state.gaps > 0 || counts.pauses > 0
} finally {
  for (const child of children.values()) child.kill('SIGKILL')
  for (const stop of stops.reverse()) await stop()
  await rm(folder, { recursive: true, force: true })
}

exit(wrong ? 1 : 0)

function configuration(n, { url, s3Url, sandboxUrl }) {
  return {
    site: 'hq',
    data_dir: join(folder, `data${n}`),
    sip: { listen: ['udp://127.0.0.1:0'] },
    store: { postgres: url, lease: '5s' },
    archive: { s3: { bucket: 'calls', endpoint: s3Url, access_key: 'AKIAEXAMPLE', secret_key: 'a/secret+key' } },
    recordings: {
      folders: [{ path: join(folder, `monitor${n}`), match: '^(?<call_id>.+)\\.wav$', settle: '0s' }],
      rescan_every: '1s',
    },
    zendesk: { base_url: sandboxUrl, token: 'sandbox', requests_per_minute: perMinute },
    uploads: { concurrency: 16 },
    admin: { listen: '127.0.0.1:0' },
  }
}

/** What the PBX does when a call ends: the file is there at once, and whole. */
async function record(n) {
  const path = join(folder, `monitor${n % 3}`, `${n}@pbx.wav`)
  await writeFile(`${path}.part`, tone(n))
  await rename(`${path}.part`, path)
}

async function startPostgres() {
  const vite = await createServer({
    root: join(import.meta.dirname, '..'),
    configFile: false,
    logLevel: 'error',
    appType: 'custom',
    server: { middlewareMode: true, watch: null, ws: false },
  })
  stops.push(() => vite.close())
  const { PostgresServer } = await vite.ssrLoadModule('/test/uploads/store/postgres-server.ts')
  const server = await PostgresServer.start()
  stops.push(() => server.stop())
  return await server.database()
}

async function startS3() {
  const child = spawn(execPath, [join(import.meta.dirname, 's3-server.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.set('s3', child)
  return await lineOf(child, /^s3: (\S+)$/)
}

/** What a line of the child's output says, as soon as it is there. */
async function lineOf(child, pattern) {
  for await (const line of createInterface({ input: child.stdout })) {
    const found = pattern.exec(line)
    if (found === null) continue
    child.stdout.resume()
    return found[1]
  }
  throw new Error('the process ended')
}

async function startSandbox() {
  const config = join(folder, 'sandbox.yaml')
  const budget = Math.floor(perMinute * 1.01)
  const sandbox = { listen: '127.0.0.1:0', requests_per_minute: budget }
  await writeFile(config, JSON.stringify({ data_dir: join(folder, 'sandbox'), sandbox }))
  const child = spawn(execPath, [command, 'sandbox', '-c', config], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.set('sandbox', child)
  return await lineOf(child, /^sandbox: (\S+)$/)
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
    endedAt: startedAt + 3000,
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
  return {
    call: {
      version: 2,
      id,
      sipCalls: [],
      unions: [],
      keys: [],
      lastSignalAt: 0,
      lastEventAt: 0,
      phase: { kind: 'ringing' },
      sequence: 4,
      counts: {},
    },
    events,
    keys: [`sip:${n}@pbx`],
    ended: true,
  }
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

/**
 * How much of its limit a bridge uses up: a bridge with a backlog, a sandbox, and between them an account that counts strictly and
 * answers slowly (account-front.mjs), in real time. Half way the bridge is killed (-9) and started again, unless that is not wanted.
 * Says how many of the requests that the limit allows arrived, and how many were answered 429.
 *
 *   npm run build && node bench/drain.mjs [--per-minute 6000] [--minutes 4] [--latency 0-0] [--limiter sliding|fixed|tokens]
 *     [--api partner-edition|calls] [--backlog events|media|both] [--concurrency N] [--no-kill]
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process, { execPath } from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { accountFront } from './account-front.mjs'
import { fill } from './stored-calls.mjs'

const { values: asked } = parseArgs({
  options: {
    'per-minute': { type: 'string', default: '6000' },
    minutes: { type: 'string', default: '4' },
    latency: { type: 'string', default: '0-0' },
    limiter: { type: 'string', default: 'sliding' },
    api: { type: 'string', default: 'partner-edition' },
    backlog: { type: 'string', default: 'events' },
    concurrency: { type: 'string' },
    'no-kill': { type: 'boolean', default: false },
  },
})
const perMinute = Number(asked['per-minute'])
const minutes = Number(asked.minutes)
const latencyMs = asked.latency.split('-').map(Number)
const command = join(import.meta.dirname, '../dist/main.js')
const folder = await mkdtemp(join(tmpdir(), 'tpe-drain-'))
const config = join(folder, 'bridge.yaml')
const running = []
let front = null

try {
  await configure('http://127.0.0.1:9')
  const deliveries = Math.ceil(perMinute * (minutes + 0.5))
  await fill(join(folder, 'data'), {
    events: asked.backlog === 'media' ? 0 : deliveries,
    voicemails: asked.backlog === 'events' ? 0 : asked.backlog === 'media' ? deliveries : Math.ceil(perMinute / 4),
  })
  const sandbox = await start(['sandbox', '-c', config], line => /^sandbox: (\S+)$/.exec(line)?.[1])
  front = await accountFront({ upstream: sandbox, perMinute, limiter: asked.limiter, latencyMs })
  await configure(front.url)
  const parts = asked['no-kill'] ? ['in one go'] : ['first', 'after kill -9']
  const table = []
  for (const part of parts) {
    await start(['start', '-c', config], line => (line.startsWith('{') ? JSON.parse(line).admin : undefined))
    // What it saved up while it started is spent by then.
    await wait(5_000)
    const before = { ...front.counts }
    const began = performance.now()
    await wait((minutes * 60_000) / parts.length)
    const taken = front.counts.taken - before.taken
    const refused = front.counts.refused - before.refused
    const allowed = (perMinute * (performance.now() - began)) / 60_000
    const { mostUnderWay } = front.counts
    running.pop().kill('SIGKILL')
    table.push({ part, taken, share: percent(taken / allowed), refused, 'share refused': percent(refused / taken), mostUnderWay })
    if (taken < 0.99 * allowed || refused > 0.001 * taken) process.exitCode = 1
  }
  console.log(JSON.stringify(asked))
  console.table(table)
  const { phone_calls, phone_call_events, phone_voicemails, tickets, out_of_order, gaps } = await stateOf(sandbox)
  console.log({ phone_calls, phone_call_events, phone_voicemails, tickets, out_of_order, gaps })
  if (out_of_order > 0) process.exitCode = 1
} finally {
  for (const child of running) child.kill('SIGKILL')
  front?.close()
  await rm(folder, { recursive: true, force: true })
}

function percent(share) {
  return `${(100 * share).toFixed(2)} %`
}

async function configure(url) {
  const calls = { api: 'calls', email: 'bridge@example.com', app_id: 42 }
  const text = {
    data_dir: join(folder, 'data'),
    sip: { listen: ['udp://127.0.0.1:0'] },
    admin: { listen: '127.0.0.1:0' },
    zendesk: {
      base_url: url,
      token: 'sandbox',
      requests_per_minute: perMinute,
      ...(asked.api === 'calls' ? calls : {}),
    },
    ...(asked.concurrency === undefined ? {} : { uploads: { concurrency: Number(asked.concurrency) } }),
    sandbox: { listen: '127.0.0.1:0', requests_per_minute: 100_000, token: 'sandbox' },
  }
  await writeFile(config, JSON.stringify(text))
}

/** Runs the command until `find` makes something of a line of its output. */
async function start(args, find) {
  const child = spawn(execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  running.push(child)
  return await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', line => {
      if (process.env.VERBOSE) console.log(line)
      const found = find(line)
      if (found !== undefined) resolve(found)
    })
    child.once('exit', code => reject(new Error(`${args[0]} ended with ${code}`)))
  })
}

async function stateOf(url) {
  return await (await fetch(`${url}/_sandbox/state?limit=0`)).json()
}

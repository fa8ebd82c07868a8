/**
 * How much of its limit a bridge uses up: a bridge with a backlog and a sandbox that counts by the same limit, in real time. Half way
 * the bridge is killed (-9) and started again. Says how many requests a minute arrived, and how many were answered 429.
 * `npm run build && node bench/drain.mjs [requests a minute] [minutes]`; 6,000 and 4 unless said.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process, { argv, execPath } from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { fill } from './stored-calls.mjs'

const perMinute = Number(argv[2] ?? 6_000)
const minutes = Number(argv[3] ?? 4)
const command = join(import.meta.dirname, '../dist/main.js')
const folder = await mkdtemp(join(tmpdir(), 'tpe-drain-'))
const config = join(folder, 'bridge.yaml')
const running = []

try {
  await configure('http://127.0.0.1:9')
  await fill(join(folder, 'data'), Math.ceil(perMinute * (minutes + 1)))
  const url = await start(['sandbox', '-c', config], line => /^sandbox: (\S+)$/.exec(line)?.[1])
  await configure(url)
  const half = (minutes * 60_000) / 2
  let waited = 0
  const parts = []
  for (const part of ['first', 'after kill -9']) {
    const admin = await start(['start', '-c', config], line => (line.startsWith('{') ? JSON.parse(line).admin : undefined))
    const before = await arrived(url)
    const began = performance.now()
    await wait(half)
    const count = (await arrived(url)) - before
    const took = performance.now() - began
    waited += await metric(admin, 'tpe_bridge_uploads_events_waited_total')
    running.pop().kill('SIGKILL')
    parts.push({ part, count, perMinute: Math.round((count / took) * 60_000), 'share of the limit': share(count, took) })
  }
  console.table(parts)
  const all = await arrived(url)
  const refused = waited / (all + waited)
  console.log({ arrived: all, 'answered 429': waited, 'share of them': `${(100 * refused).toFixed(3)} %` })
  const { out_of_order, gaps, phone_calls, phone_call_events } = await stateOf(url)
  console.log({ phone_calls, phone_call_events, out_of_order, gaps })
  if (refused > 0.001 || parts.some(part => part.count < 0.99 * perMinute * (minutes / 2)) || out_of_order > 0)
    process.exitCode = 1
} finally {
  for (const child of running) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
}

function share(count, took) {
  return `${((100 * count * 60_000) / (perMinute * took)).toFixed(2)} %`
}

async function configure(url) {
  const text = {
    data_dir: join(folder, 'data'),
    sip: { listen: ['udp://127.0.0.1:0'] },
    admin: { listen: '127.0.0.1:0' },
    zendesk: { base_url: url, token: 'sandbox', requests_per_minute: perMinute },
    // Enough that a busy machine's slow answers do not hold it back: that is another limit than the one to measure.
    uploads: { concurrency: 32 },
    sandbox: { listen: '127.0.0.1:0', requests_per_minute: perMinute, token: 'sandbox' },
  }
  await writeFile(config, JSON.stringify(text))
}

/** Runs the command until `find` makes something of a line of its output. */
async function start(args, find) {
  const child = spawn(execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  running.push(child)
  return await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', line => {
      const found = find(line)
      if (found !== undefined) resolve(found)
    })
    child.once('exit', code => reject(new Error(`${args[0]} ended with ${code}`)))
  })
}

async function stateOf(url) {
  return await (await fetch(`${url}/_sandbox/state?limit=0`)).json()
}

async function arrived(url) {
  return (await stateOf(url)).phone_call_events
}

async function metric(admin, name) {
  const text = await (await fetch(`${admin}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
}

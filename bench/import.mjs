/**
 * Imports a large CDR file into a sandbox, killing the command at random moments, and says how fast it went and whether every call
 * arrived exactly once. `npm run build && node bench/import.mjs [rows] [kills]`; 100,000 rows and 5 kills unless said.
 */
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, execPath, exit } from 'node:process'
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'

const rows = Number(argv[2] ?? 100_000)
const kills = Number(argv[3] ?? 5)
const command = join(import.meta.dirname, '../dist/main.js')
const folder = await mkdtemp(join(tmpdir(), 'tpe-import-'))
const config = join(folder, 'bridge.yaml')

const sandbox = spawn(execPath, [command, 'sandbox', '-c', config, '--listen', '127.0.0.1:0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  await configure('http://127.0.0.1:9')
  const url = await sandboxUrl()
  await configure(url)
  const file = join(folder, 'Master.csv')
  await writeRows(file)

  const began = performance.now()
  let delivered = 0
  for (let n = 0; n < kills; n++) {
    const target = delivered + (rows - delivered) * Math.random() * 0.4
    const run = importing(file)
    while (run.exitCode === null && delivered < target) {
      await wait(250)
      delivered = await callsIn(url)
    }
    // At any moment of any step, also while it reads.
    await wait(Math.random() * 500)
    run.kill('SIGKILL')
    await new Promise(resolve => (run.exitCode === null && run.signalCode === null ? run.once('exit', resolve) : resolve()))
    delivered = await callsIn(url)
    console.log(`killed with ${delivered} of ${rows} calls delivered, after ${seconds(began)} s`)
  }
  const last = importing(file, 'inherit')
  const code = await new Promise(resolve => last.once('exit', resolve))
  const state = await stateOf(url)
  const took = (performance.now() - began) / 1000
  console.log(`${rows} rows in ${took.toFixed(1)} s with ${kills} kills: ${Math.round(rows / took)} calls a second`)
  console.log({ code, calls: state.phone_calls, events: state.phone_call_events, repeatsAnswered: state.repeats })
  if (code !== 0 || state.phone_calls !== rows || state.phone_call_events !== rows) exit(1)
} finally {
  sandbox.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
}

async function configure(url) {
  const text = {
    data_dir: join(folder, 'data'),
    zendesk: { base_url: url, token: 'sandbox', requests_per_minute: 100_000 },
    uploads: { concurrency: 32 },
    sandbox: { requests_per_minute: 100_000 },
  }
  await writeFile(config, JSON.stringify(text))
}

function importing(file, output = 'ignore') {
  const args = ['import', 'asterisk-cdr', file, '-c', config, '--timezone', 'UTC', '--requests-per-minute', '100000']
  return spawn(execPath, [command, ...args], { stdio: ['ignore', output, 'inherit'] })
}

async function sandboxUrl() {
  for await (const line of createInterface({ input: sandbox.stdout })) {
    const url = /^sandbox: (\S+)$/.exec(line)?.[1]
    if (url !== undefined) return url
  }
  throw new Error('the sandbox did not start')
}

async function stateOf(url) {
  return await (await fetch(`${url}/_sandbox/state`)).json()
}

async function callsIn(url) {
  return (await stateOf(url)).phone_calls
}

async function writeRows(file) {
  const out = createWriteStream(file)
  const start = Date.UTC(2025, 0, 6)
  const shown = at => new Date(at).toISOString().slice(0, 19).replace('T', ' ')
  for (let n = 0; n < rows; n++) {
    const at = start + n * 20_000
    const end = at + 5_000 + (n % 300) * 1_000
    const caller = `+1415555${1000 + (n % 9000)}`
    const phone = 1001 + (n % 20)
    const id = `${at / 1000}.${n}`
    out.write(
      `"","${caller}","${phone}","in","""C"" <${caller}>","PJSIP/t-${n}","PJSIP/${phone}-${n}","Dial","PJSIP/${phone},30","${shown(at)}","${shown(at + 3_000)}","${shown(end)}",${(end - at) / 1000},${(end - at) / 1000 - 3},"ANSWERED","DOCUMENTATION","${id}","","","${id}",${n}\n`,
    )
  }
  out.end()
  await finished(out)
}

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(1)
}

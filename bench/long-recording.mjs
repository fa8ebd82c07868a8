// A recording of three hours through the whole bridge: how much memory the bridge takes (ffmpeg aside), and what arrives.
// Usage: npm run build && node bench/long-recording.mjs [hours]
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import { speech } from '../dist/cli/demo/speech.js'

const hours = Number(process.argv[2] ?? 3)
const sampleRate = 8000
const folder = await mkdtemp(join(tmpdir(), 'tpe-bridge-long-'))
const monitor = join(folder, 'monitor')
await mkdir(monitor)
await writeFile(
  join(folder, 'bridge.yaml'),
  `data_dir: ${folder}/data
sip: { listen: ["udp://127.0.0.1:0"] }
recordings: { folders: [{ path: ${monitor} }], match_wait: 0s, unmatched: upload }
admin: { listen: "127.0.0.1:0" }
sandbox: { listen: "127.0.0.1:0" }
`,
)
// The sandbox in a process of its own, so that only the bridge is measured.
const main = new URL('../dist/main.js', import.meta.url).pathname
const sandbox = spawn(process.execPath, [main, 'sandbox', '-c', join(folder, 'bridge.yaml')], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const sandboxUrl = await lineMatching(sandbox, /sandbox: (\S+)/)
const config = `${await readFile(join(folder, 'bridge.yaml'), 'utf8')}zendesk: { base_url: "${sandboxUrl}", token: sandbox }\n`
await writeFile(join(folder, 'bridge.yaml'), config)
const bridge = spawn(process.execPath, [main, 'start', '-c', join(folder, 'bridge.yaml')], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
let peakKiB = 0
try {
  await lineMatching(bridge, /(bridge started)/)
  const idleKiB = await residentKiB(bridge.pid)
  const file = join(monitor, 'long.wav')
  await writeLongWav(`${file}.tmp`)
  await rename(`${file}.tmp`, file)
  const startedAt = Date.now()
  for (;;) {
    peakKiB = Math.max(peakKiB, await residentKiB(bridge.pid))
    const response = await fetch(`${sandboxUrl}/api/v2/channels/voice/phone_recordings`, {
      headers: { authorization: 'Bearer sandbox' },
    })
    const { phone_recordings: recordings } = await response.json()
    if (recordings.length > 0) {
      const [{ duration, size }] = recordings
      console.log(
        `${hours} h recording: delivered after ${((Date.now() - startedAt) / 1000).toFixed(1)} s, ${duration} s of MP3, ${(size / 1e6).toFixed(1)} MB`,
      )
      console.log(`bridge: ${(idleKiB / 1024).toFixed(0)} MB idle, ${(peakKiB / 1024).toFixed(0)} MB at most`)
      process.exitCode = duration === hours * 3600 && peakKiB < 250 * 1024 ? 0 : 1
      break
    }
    if (Date.now() - startedAt > 600_000) throw new Error('not delivered within ten minutes')
    await wait(50)
  }
} finally {
  await ended(bridge)
  await ended(sandbox)
  await rm(folder, { recursive: true, force: true })
}

async function writeLongWav(path) {
  const minute = speech({ durationMs: 60_000, sampleRate, pitch: 120, seed: 1 })
  const bytes = Buffer.from(minute.buffer)
  const dataSize = bytes.length * 60 * hours
  const header = Buffer.alloc(44)
  header.write('RIFF', 0)
  header.writeUInt32LE(36 + dataSize, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20)
  header.writeUInt16LE(1, 22)
  header.writeUInt32LE(sampleRate, 24)
  header.writeUInt32LE(sampleRate * 2, 28)
  header.writeUInt16LE(2, 32)
  header.writeUInt16LE(16, 34)
  header.write('data', 36)
  header.writeUInt32LE(dataSize, 40)
  const out = createWriteStream(path)
  out.write(header)
  for (let count = 0; count < 60 * hours; count += 1) {
    if (!out.write(bytes)) await new Promise(resolve => out.once('drain', resolve))
  }
  await new Promise(resolve => out.end(resolve))
}

function ended(child) {
  const exit = new Promise(resolve => child.once('exit', resolve))
  child.kill()
  return exit
}

async function residentKiB(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
}

function lineMatching(child, pattern) {
  return new Promise((resolve, reject) => {
    child.once('exit', code => reject(new Error(`ended with ${code}`))) // too late to matter once a line has matched
    createInterface(child.stdout).on('line', line => {
      const match = pattern.exec(line)
      if (match !== null) resolve(match[1])
    })
  })
}

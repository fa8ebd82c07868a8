/**
 * Records many calls at once: another process sends 2 streams of G.711 a call, 50 packets a second each, to the receiver, and afterwards the
 * packets are counted in the WAV files. In the same run a plain loop, which only counts datagrams on as many sockets, says what receiving
 * alone costs here. `npm run build && node bench/rtp.mjs [calls] [seconds]`
 */
import { fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process, { argv } from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { PortPool } from '../dist/recordings/rtp/port-pool.js'
import { RtpReceiver } from '../dist/recordings/rtp/receiver.js'

const FRAME = 160
const HEADER = 80
const now = () => performance.now()
const log = {
  debug() {},
  info() {},
  warn: (fields, text) => console.error(text, fields),
  error: (fields, text) => console.error(text, fields),
}

const roles = { send, plain, receive }
if (argv[2] in roles) await roles[argv[2]](Number(argv[3]), Number(argv[4]))
else await compare(Number(argv[2] ?? 100), Number(argv[3] ?? 30))

async function compare(calls, seconds) {
  console.log(`${calls} calls, ${calls * 2} streams, ${calls * 100} packets/s for ${seconds} s`)
  const loop = await run('plain', calls, seconds)
  const recorder = await run('receive', calls, seconds)
  for (const [name, { sent, got, cpuMs, rssMb, tookS, ...rest }] of Object.entries({ loop, recorder })) {
    const rate = `${Math.round(got / tookS)} packets/s`
    const cpu = `${((cpuMs / 1000 / tookS) * 100).toFixed(0)} % of a core, ${((cpuMs * 1000) / got).toFixed(1)} µs a packet`
    console.log(`${name.padEnd(9)} ${rate}, sent ${sent}, ${Math.round(sent - got)} lost, ${cpu}, ${rssMb} MB`, rest)
  }
  console.log(
    `recording costs ${(recorder.cpuMs / recorder.got / (loop.cpuMs / loop.got)).toFixed(2)} times the plain loop's CPU a packet`,
  )
}

/** One process that receives, one that sends; what the receiver found out. */
async function run(role, calls, seconds) {
  const receiver = fork(import.meta.filename, [role, String(calls), String(seconds)])
  const [ports] = await once(receiver, 'message')
  const sender = fork(import.meta.filename, ['send', String(calls), String(seconds)])
  sender.send(ports)
  const [{ sent, tookS }] = await once(sender, 'message')
  receiver.send({ sent })
  const [result] = await once(receiver, 'message')
  return { sent, tookS, ...result }
}

/** Sends each stream's n-th packet at 20 n ms; a machine that is late catches up. No sample is silent. */
async function send(_calls, seconds) {
  const [ports] = await once(process, 'message')
  const streams = await Promise.all(
    ports.map(async (port, index) => {
      const socket = createSocket('udp4')
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
      socket.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      const packet = Buffer.alloc(12 + FRAME, 0x10)
      packet[0] = 0x80
      packet[1] = 0
      packet.writeUInt32BE(index + 1, 8)
      return { socket, packet }
    }),
  )
  const began = now()
  const rounds = seconds * 50
  let failed = 0
  for (let round = 0; round < rounds; round += 1) {
    for (const { socket, packet } of streams) {
      packet.writeUInt16BE(round & 0xffff, 2)
      packet.writeUInt32BE(round * FRAME, 4)
      socket.send(packet, error => {
        if (error !== null) failed += 1
      })
    }
    await wait(Math.max(0, began + (round + 1) * 20 - now()))
  }
  await wait(200)
  process.send({ sent: rounds * streams.length - failed, tookS: seconds }, () => process.exit())
}

async function plain(calls) {
  let got = 0
  const ports = []
  for (let index = 0; index < calls * 2; index += 1) {
    const socket = createSocket('udp4')
    socket.on('message', () => {
      got += 1
    })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    socket.setRecvBufferSize(512 * 1024)
    ports.push(socket.address().port)
  }
  const cpu = process.cpuUsage()
  process.send(ports)
  await once(process, 'message')
  await wait(500)
  report(cpu, { got })
}

async function receive(calls) {
  const folder = await mkdtemp(join(tmpdir(), 'tpe-rtp-'))
  const finished = []
  const receiver = new RtpReceiver({
    address: '127.0.0.1',
    advertised: null,
    ports: new PortPool({ first: 0, last: 0, quarantineMs: 0, now }),
    receiveBufferBytes: 512 * 1024,
    mayAlsoSend: [],
    cname: 'bench',
    now,
    random: Math.random,
    log,
    folder,
    syncEveryMs: 10_000,
    mostRecordings: calls,
    onFinished: file => finished.push(file),
    onRecovered() {},
  })
  await receiver.start()
  const sessions = []
  for (let call = 0; call < calls; call += 1) {
    const stream = id => ({
      id,
      label: id,
      channel: { key: id, name: null },
      payloads: [{ type: 0, codec: 'PCMU', clockRate: 8000, channels: 1 }],
      events: [],
      from: { address: '127.0.0.1', port: 9, rtcpPort: 10 },
      active: true,
    })
    sessions.push(await receiver.open({ key: `call-${call}`, at: Date.now() }, [stream('a'), stream('b')]))
  }
  let latest = 0
  const watch = setInterval(() => {
    latest = Math.max(latest, receiver.figures.lateMs)
  }, 250)
  const { receiveBufferBytes } = receiver.figures
  const cpu = process.cpuUsage()
  process.send(sessions.flatMap(({ ports }) => ports))
  await once(process, 'message')
  await wait(500)
  const used = process.cpuUsage(cpu)
  clearInterval(watch)
  await Promise.all(sessions.map(session => session.close(Date.now())))
  await receiver.stop()
  let got = 0
  let damagedMs = 0
  const streams = { packets: 0, late: 0, insertedMs: 0, cutMs: 0 }
  for (const file of finished) {
    got += await packetsIn(file.path)
    damagedMs += file.damagedMs ?? 0
    for (const figures of file.streams) for (const name of Object.keys(streams)) streams[name] += Math.round(figures[name])
  }
  await rm(folder, { recursive: true })
  report(null, { got, files: finished.length, ...streams, damagedMs, latestTickMs: Math.round(latest), receiveBufferBytes }, used)
}

/** Samples that are not silent, in packets. */
async function packetsIn(path) {
  const bytes = await readFile(path)
  let heard = 0
  for (let at = HEADER; at < bytes.length; at += 2) if (bytes.readInt16LE(at) !== 0) heard += 1
  return heard / FRAME
}

function report(since, figures, used = process.cpuUsage(since)) {
  const rssMb = Math.round(process.memoryUsage().rss / 1e6)
  process.send({ cpuMs: (used.user + used.system) / 1000, rssMb, ...figures }, () => process.exit())
}

import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OpenFile } from '../../../src/recordings/audio/byte-source.ts'
import { readWav } from '../../../src/recordings/audio/riff.ts'
import type { FinishedRecording, MediaStream, OpenSession } from '../../../src/recordings/rtp/media-session.ts'
import { PortPool } from '../../../src/recordings/rtp/port-pool.ts'
import { RtpReceiver, type RtpReceiverOptions } from '../../../src/recordings/rtp/receiver.ts'
import { recover } from '../../../src/recordings/rtp/recover.ts'
import { parseRtcp } from '../../../src/recordings/rtp/rtcp.ts'
import { eventually } from '../eventually.ts'
import { keptLog } from '../kept-log.ts'
import { rtp } from './rtp-packets.ts'

let folder: string
let log: ReturnType<typeof keptLog>
const finished: FinishedRecording[] = []
const leaving: (() => unknown)[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tpe-rtp-'))
  log = keptLog()
  finished.length = 0
})
afterEach(async () => {
  for (const leave of leaving.splice(0).reverse()) await leave()
  await rm(folder, { recursive: true })
})

async function receiver(changes: Partial<RtpReceiverOptions> = {}): Promise<RtpReceiver> {
  const made = new RtpReceiver({
    address: '127.0.0.1',
    advertised: null,
    ports: new PortPool({ first: 0, last: 0, quarantineMs: 0, now: () => performance.now() }),
    receiveBufferBytes: 256 * 1024,
    mayAlsoSend: () => false,
    cname: 'recorder',
    now: () => performance.now(),
    random: () => 0.5,
    log,
    folder,
    syncEveryMs: 10_000,
    mostRecordings: 10,
    onFinished: one => finished.push(one),
    onRecovered: () => {},
    ...changes,
  })
  await made.start()
  leaving.push(() => made.stop())
  return made
}

function stream(id: string, changes: Partial<MediaStream> = {}): MediaStream {
  return {
    id,
    label: id,
    channel: { key: id, name: `Person ${id}` },
    payloads: [{ type: 8, codec: 'PCMA', clockRate: 8000, channels: 1 }],
    events: [101],
    from: { address: '127.0.0.1', port: 9, rtcpPort: 10 },
    active: true,
    ...changes,
  }
}

async function open(made: RtpReceiver, streams: readonly MediaStream[], key = 'call'): Promise<OpenSession> {
  const opened = await made.open({ key, callId: key, at: Date.UTC(2026, 0, 2) }, streams)
  if ('refused' in opened) throw new Error(opened.refused)
  return opened
}

async function sender(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  leaving.push(() => socket.close())
  return socket
}

/** A-law of a voice that is told from the others by its pitch: code 0xD5 ^ sign and segment of a square-ish wave. */
function voice(pitch: number, samples: number): Buffer {
  return Buffer.from(
    Uint8Array.from({ length: samples }, (_, at) => (Math.sin((at * pitch * 2 * Math.PI) / 8000) > 0 ? 0xaa : 0x2a)),
  )
}

/** Sends as fast as it goes what would have taken `packets` times 20 ms: to the timeline a jump ahead, so the pace is kept roughly. */
async function speak(socket: Socket, port: number, audio: Buffer, ssrc: number): Promise<void> {
  const began = performance.now()
  for (let at = 0, index = 0; at < audio.length; at += 160, index += 1) {
    const late = began + index * 20 - performance.now()
    if (late > 0) await wait(late)
    socket.send(
      rtp({ payloadType: 8, sequence: index, timestamp: at, ssrc, payload: audio.subarray(at, at + 160) }),
      port,
      '127.0.0.1',
    )
  }
}

async function channelsOf(path: string): Promise<readonly Int16Array[]> {
  const file = await OpenFile.open(path)
  const wav = await readWav(file)
  await file.close()
  if (wav.kind !== 'audio' || wav.header !== 'exact') throw new Error(`${path} is ${wav.kind}`)
  const bytes = (await readFile(path)).subarray(wav.dataOffset)
  const { channels } = wav.format
  const frames = bytes.length / 2 / channels
  return Array.from({ length: channels }, (_, channel) =>
    Int16Array.from({ length: frames }, (__, frame) => bytes.readInt16LE((frame * channels + channel) * 2)),
  )
}

/** 1 for the same wave at the best of all shifts up to a second, 0 for another one. */
function correlation(heard: Int16Array, audio: Buffer): number {
  const start = heard.findIndex(sample => sample !== 0)
  const said = Float64Array.from(audio, code => (code === 0xaa ? 1 : -1))
  let sum = 0
  said.forEach((sample, at) => {
    sum += sample * Math.sign(heard[start + at] ?? 0)
  })
  return sum / said.length
}

describe('a recording session', () => {
  test('becomes a WAV with each participant on a channel, as it was sent, and a sidecar that names them', async () => {
    const made = await receiver()
    const session = await open(made, [stream('a'), stream('b')])
    const [alice = 0, bob = 0] = session.ports
    const [socket, socket2] = [await sender(), await sender()]
    const [low, high] = [voice(200, 8_000), voice(330, 8_000)]
    // A bridge that forwards packets as they are gives both directions the same SSRC.
    await Promise.all([speak(socket, alice, low, 7), speak(socket2, bob, high, 7)])
    await session.close(Date.UTC(2026, 0, 2, 0, 0, 1))
    await session.close(0)

    expect(finished).toMatchObject([{ kind: 'file', key: 'call', sampleRate: 8000, damagedMs: 0 }])
    expect((await readdir(folder)).sort()).toEqual(['call.json', 'call.wav'])
    const [first, second] = await channelsOf(join(folder, 'call.wav'))
    expect(correlation(first ?? new Int16Array(), low)).toBeGreaterThan(0.99)
    expect(correlation(second ?? new Int16Array(), high)).toBeGreaterThan(0.99)
    expect(correlation(first ?? new Int16Array(), high)).toBeLessThan(0.3)
    expect(JSON.parse(await readFile(join(folder, 'call.json'), 'utf8'))).toMatchObject({
      startedAt: '2026-01-02T00:00:00.000Z',
      endedAt: '2026-01-02T00:00:01.000Z',
      recovered: false,
      channels: [
        { channel: 1, key: 'a', name: 'Person a', streams: [{ id: 'a', label: 'a' }] },
        { channel: 2, key: 'b', name: 'Person b' },
      ],
      pauses: [],
    })
  })

  test('that gets a third participant and a pause keeps everybody at the same time in one file', async () => {
    const made = await receiver()
    const session = await open(made, [stream('a'), stream('b')])
    const socket = await sender()
    const audio = voice(200, 1_600)
    await speak(socket, session.ports[0] ?? 0, audio, 1)
    const ports = await session.update([stream('a', { active: false }), stream('b'), stream('c')], Date.UTC(2026, 0, 2, 0, 0, 5))
    expect(ports.slice(0, 2)).toEqual(session.ports)
    await Promise.all([speak(socket, ports[0] ?? 0, audio, 2), speak(await sender(), ports[2] ?? 0, audio, 3)])
    await session.close(Date.UTC(2026, 0, 2, 0, 0, 9))
    const [first = new Int16Array(), second, third = new Int16Array()] = await channelsOf(join(folder, 'call.wav'))
    const heard = (channel: Int16Array): number => channel.reduce((sum, sample) => sum + (sample === 0 ? 0 : 1), 0)
    expect([heard(first), heard(second ?? new Int16Array()), heard(third)]).toEqual([1_600, 0, 1_600])
    // The last packet is sent as its time begins, so what follows it may begin some ms early.
    expect(third.findIndex(sample => sample !== 0)).toBeGreaterThan(first.findIndex(sample => sample !== 0) + 1_000)
    const pauses = [{ stream: 'a', from: '2026-01-02T00:00:05.000Z', until: null }]
    expect(JSON.parse(await readFile(join(folder, 'call.json'), 'utf8'))).toMatchObject({ pauses })
  })

  test('in which nothing is heard leaves no file, and says so', async () => {
    const made = await receiver()
    const session = await open(made, [stream('a')])
    await session.close(0)
    expect(finished).toMatchObject([{ kind: 'nothing-heard', key: 'call' }])
    expect(await readdir(folder)).toEqual([])
  })

  test('counts what strangers send and records none of it', async () => {
    const made = await receiver()
    const session = await open(made, [stream('a', { from: { address: '192.0.2.1', port: 9, rtcpPort: 10 } })])
    await speak(await sender(), session.ports[0] ?? 0, voice(200, 480), 1)
    await session.close(0)
    expect(finished).toMatchObject([{ kind: 'nothing-heard', streams: [{ strangers: 3, packets: 0 }] }])
  })

  test('tells the sender how it is received', async () => {
    const made = await receiver()
    const reports = await sender()
    const session = await open(made, [stream('a', { from: { address: '127.0.0.1', port: 9, rtcpPort: reports.address().port } })])
    await speak(await sender(), session.ports[0] ?? 0, voice(200, 320), 99)
    const [bytes] = await once(reports, 'message')
    expect(parseRtcp(bytes)).toMatchObject({ packets: [{ kind: 'receiver-report', blocks: [{ ssrc: 99, lost: 0 }] }, {}] })
    await session.close(0)
  })

  test('is refused with what to do when the ports or the sessions are used up, and its ports come back when it ends', async () => {
    const ports = new PortPool({ first: 42_000, last: 42_003, quarantineMs: 0, now: () => performance.now() })
    const made = await receiver({ ports, mostRecordings: 2 })
    const session = await open(made, [stream('a'), stream('b')])
    expect(await made.open({ key: 'two', callId: 'two', at: 0 }, [stream('a')])).toEqual({
      refused: expect.stringContaining('widen sip.siprec.media.ports'),
    })
    await expect(session.update([stream('a'), stream('b'), stream('c')], 0)).rejects.toThrow('widen sip.siprec.media.ports')
    expect(await made.open({ key: 'call', callId: 'call', at: 0 }, [])).toEqual({ refused: expect.stringContaining('already') })
    await session.close(0)
    expect(made.figures).toMatchObject({ recordings: 0, streams: 0, portsLeased: 0, portsInAll: 2 })
    await (await open(made, [stream('a')], 'three')).close(0)
    expect(await readdir(folder)).toEqual([])
  })

  test('that is under way when the receiver stops is finished', async () => {
    const made = await receiver()
    const session = await open(made, [stream('a')])
    await speak(await sender(), session.ports[0] ?? 0, voice(200, 480), 1)
    await made.stop()
    expect(finished).toMatchObject([{ kind: 'file' }])
    expect(await made.open({ key: 'late', callId: 'late', at: 0 }, [])).toEqual({ refused: expect.stringContaining('stopping') })
  })
})

describe('a writer that is killed', () => {
  /** Records a tone of 1 kHz, 50 ms of it every 20 ms, flushed each time, and says so. */
  const program = `
    const { WavWriter } = await import(process.argv[1] + '/wav-writer.js')
    const { writeSidecar } = await import(process.argv[1] + '/sidecar-file.js')
    const folder = process.argv[2]
    const channels = ['a', 'b'].map((key, index) => ({ channel: index + 1, key, name: null, streams: [] }))
    const startedAt = new Date(0).toISOString()
    await writeSidecar(folder + '/.call.json.part', { key: 'call', callId: 'call', startedAt, endedAt: null, recovered: false, sampleRate: 8000, channels, pauses: [] })
    const writer = await WavWriter.create({ path: folder + '/.call.wav.part', channels: 2, sampleRate: 8000, now: () => performance.now(), syncEveryMs: 1000, mostWaitingBytes: 1e6 })
    for (let flushed = 1; ; flushed += 1) {
      writer.append(Buffer.alloc(1600, 0x11))
      await writer.flush()
      console.log(flushed)
      await new Promise(resolve => setTimeout(resolve, 2))
    }`

  test('leaves a WAV that is valid up to its last flush, and it is finished at the next start', async () => {
    const rooms = join(import.meta.dirname, '../../../dist/recordings/rtp')
    const child: ChildProcess = spawn(execPath, ['--input-type=module', '-e', program, rooms, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let flushed = 0
    child.stdout?.on('data', (data: Buffer) => {
      flushed = Number(data.toString().trim().split('\n').at(-1))
    })
    await eventually(() => expect(flushed).toBeGreaterThan(20))
    child.kill('SIGKILL')
    await once(child, 'close')

    const part = join(folder, '.call.wav.part')
    const file = await OpenFile.open(part)
    const wav = await readWav(file)
    await file.close()
    if (wav.kind !== 'audio') throw new Error(wav.kind)
    expect(['exact', 'stale']).toContain(wav.header)
    expect(wav.declaredBytes).toBeGreaterThanOrEqual(flushed * 1_600)
    // As if it had been killed in the middle of a write.
    await writeFile(part, Buffer.alloc(333, 0x11), { flag: 'a' })

    const recovered = await recover(folder, log)
    expect(recovered).toMatchObject([{ path: join(folder, 'call.wav'), sidecarPath: join(folder, 'call.json') }])
    const [first = new Int16Array()] = await channelsOf(join(folder, 'call.wav'))
    expect(first.length).toBeGreaterThanOrEqual(flushed * 400)
    expect(first.every(sample => sample === 0x1111)).toBe(true)
    expect((await readdir(folder)).sort()).toEqual(['call.json', 'call.wav'])
    expect(JSON.parse(await readFile(join(folder, 'call.json'), 'utf8'))).toMatchObject({ recovered: true, endedAt: null })
  })

  test('and wrote nothing that can be heard, leaves nothing; what is no WAV is left alone', async () => {
    await writeFile(join(folder, '.empty.wav.part'), '')
    await writeFile(join(folder, '.empty.json.part'), '{')
    await writeFile(join(folder, '.text.wav.part'), 'this is a text')
    expect(await recover(folder, log)).toEqual([])
    expect(await readdir(folder)).toEqual(['.text.wav.part'])
    expect(await recover(join(folder, 'missing'), log)).toEqual([])
  })
})

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { FinishedRecording } from '../../../src/recordings/rtp/media-session.ts'
import { PortPool } from '../../../src/recordings/rtp/port-pool.ts'
import { RtpReceiver } from '../../../src/recordings/rtp/receiver.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import { parseSdp } from '../../../src/sip/sdp/parse.ts'
import { RecordingServer } from '../../../src/sip/siprec/recording-server.ts'
import { rtp } from '../../recordings/rtp/rtp-packets.ts'
import { routed, startApp, startServer } from '../embedded/control-peers.ts'
import { recordingMessage } from './messages.ts'
import { type RecordingClient, recordingClient } from './recording-client.ts'

const PACKETS = 30

type RecordedFile = Extract<FinishedRecording, { readonly kind: 'file' }>

/** A recording server on the real SIP server, with the real receiver behind it. */
async function recorder() {
  const folder = await mkdtemp(join(tmpdir(), 'tpe-siprec-'))
  const finished: FinishedRecording[] = []
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const media = new RtpReceiver({
    address: '127.0.0.1',
    advertised: null,
    ports: new PortPool({ first: 0, last: 0, quarantineMs: 0, now: () => performance.now() }),
    receiveBufferBytes: 256 * 1024,
    mayAlsoSend: address => address === '127.0.0.1',
    cname: 'recorder',
    now: () => performance.now(),
    random: () => 0.5,
    log,
    folder,
    syncEveryMs: 10_000,
    mostRecordings: 20,
    onFinished: one => finished.push(one),
    onRecovered: () => {},
  })
  const { control, server: sip, udp } = await startServer()
  const server = new RecordingServer({
    isPeer: () => true,
    media,
    uniqueHeaders: [],
    maxSessions: 20,
    orphanAfterMs: 60_000,
    now: Date.now,
    onRecording: () => {},
    log,
  })
  await media.start()
  const srf = await startApp(control)
  server.attach(srf)
  await routed(sip, 'invite')
  onTestFinished(async () => {
    await server.stop()
    await media.stop()
    await rm(folder, { recursive: true })
  })
  return { client: await recordingClient(udp), finished }
}

/** A square wave that is told from others by its pitch. The top bit is the sign, in A-law and in mu-law. */
function voice(pitch: number): Buffer {
  return Buffer.from(
    Uint8Array.from({ length: PACKETS * 160 }, (_, at) => (Math.sin((at * pitch * 2 * Math.PI) / 8000) > 0 ? 0xaa : 0x2a)),
  )
}

async function speak(port: number, payloadType: number, audio: Buffer): Promise<void> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const began = performance.now()
  for (let index = 0; index < PACKETS; index++) {
    await wait(Math.max(0, began + index * 20 - performance.now()))
    const payload = audio.subarray(index * 160, (index + 1) * 160)
    socket.send(rtp({ payloadType, sequence: index, timestamp: index * 160, ssrc: port, payload }), port, '127.0.0.1')
  }
  await new Promise<void>(resolve => socket.close(() => resolve()))
}

/** How well the signs of a channel follow the voice, 0 to 1, from its first sound on. The WAV has 16 bits. */
async function likeness(
  { path, channels: { length: channels }, sampleRate }: RecordedFile,
  channel: number,
  pitch: number,
): Promise<number> {
  const bytes = await readFile(path)
  const data = bytes.subarray(bytes.indexOf('data') + 8)
  const frames = Math.floor(data.length / 2 / channels)
  const heard = Array.from({ length: frames }, (_, frame) => Math.sign(data.readInt16LE((frame * channels + channel) * 2)))
  const said = [...voice(pitch)].map(code => (code === 0xaa ? 1 : -1))
  const first = heard.findIndex(sample => sample !== 0)
  if (first === -1) return 0
  const scale = sampleRate / 8000
  // A resampler begins softly: the best of the shifts within a wave.
  const shifts = Array.from({ length: 40 * scale }, (_, shift) =>
    said.reduce((sum, sample, at) => sum + sample * (heard[first + shift + at * scale] ?? 0), 0),
  )
  return Math.max(...shifts) / said.length
}

/** Records one call: the first stream speaks with 200 Hz, the second with 330 Hz. */
async function record(client: RecordingClient, invite: SipRequest, late?: string): Promise<void> {
  const answer = await client.ask(invite)
  expect(answer.status).toBe(200)
  client.acknowledge(invite, late)
  const result = parseSdp(answer.body)
  if (!result.ok) throw new Error(result.reason)
  const lines = result.sdp.media.filter(({ port }) => port !== 0)
  await Promise.all(lines.map(({ port, payloads }, at) => speak(port, payloads[0]?.type ?? 0, voice(at === 0 ? 200 : 330))))
  await client.hangUp(invite)
}

test('what a client of any make sends becomes a WAV with each party’s own voice', async () => {
  const { client, finished } = await recorder()
  const expected: Readonly<Record<string, readonly (string | null)[]>> = {
    rfc7866: ['+14155550100', '1001'],
    oracle: ['4155550100', '1001'],
    cube: ['+14155550100', '1001'],
    nbr: ['4155550100', '1001'],
    avaya: ['14155550100', null],
    broadworks: ['4155550123, +14155550100'],
    metaswitch: ['4155550123, 4155550100'],
    opensips: [null, null],
    netsapiens: ['1001', '1002'],
    audiocodes: ['4155550100', '1001'],
    ribbon: ['4155550100', '1001'],
  }
  const invites = Object.keys(expected).map(name => [name, recordingMessage(name)] as const)
  await Promise.all(invites.map(([, invite]) => record(client, invite)))
  await vi.waitFor(() => expect(finished).toHaveLength(invites.length), { timeout: 10_000 })
  for (const [name, invite] of invites) {
    const key = invite.headers.find(field => field.name === 'Call-ID')?.value
    const file = finished.find(one => one.key === key)
    if (file?.kind !== 'file') throw new Error(`${name} has no file`)
    expect([name, file.channels.map(channel => channel.name)]).toEqual([name, expected[name]])
    for (const channel of file.channels.keys())
      expect(await likeness(file, channel, channel === 0 ? 200 : 330)).toBeGreaterThan(0.7)
  }
})

// Its rate is 16,000 Hz: what is offered to a client without an offer includes G.722.
test('the two sessions of a built-in bridge become one WAV', async () => {
  const { client, finished } = await recorder()
  const description = 'v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 17000 RTP/AVP 0\r\na=sendonly\r\n'
  await Promise.all(['bib-near', 'bib-far'].map(name => record(client, recordingMessage(name), description)))
  await vi.waitFor(() => expect(finished).toHaveLength(1), { timeout: 10_000 })
  const [file] = finished
  if (file?.kind !== 'file') throw new Error('there is no file')
  expect(file.channels.map(({ name }) => name).sort()).toEqual(['1001', '4155550100'])
  for (const channel of [0, 1]) expect(await likeness(file, channel, 200)).toBeGreaterThan(0.7)
})

/** Whatever is thrown at the bridge is refused with a line that says what and why, is counted, and harms nothing that comes after. */
import { once } from 'node:events'
import { readFile, rename, truncate, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { callIdOf } from '../../src/events/ids.ts'
import { tone, wav } from '../recordings/wav.ts'
import { Phone } from './phone.ts'
import { type LogLine, run } from './program.ts'
import { patience, type RunningBridge } from './running-bridge.ts'
import { carrierHost, Site } from './site.ts'

let site: Site
let bridge: RunningBridge
let normalCalls = 0

beforeAll(async () => {
  site = await Site.open()
  await site.configure({
    recordings: {
      folders: [{ path: site.monitor, match: '^(?<call_id>.+)\\.wav$', settle: '0s', unfinished_after: '1s' }],
      rescan_every: '1s',
    },
  })
  bridge = await site.start()
}, 60_000)

afterAll(() => site.close(), 60_000)

/** The bridge goes on: whatever a test did before, the next call is reported whole, with its recording. */
afterEach(async () => {
  normalCalls += 1
  const callId = `normal-${normalCalls}@phones`
  expect(await site.carrier.callAndHangUp({ callId, from: '+14155550100', to: '1001', via: bridge.sip('udp') })).toBe(200)
  await site.leave(join(site.monitor, `${callId}.wav`), wav({ data: tone(1, 8000, 1, normalCalls) }))
  await vi.waitFor(async () => {
    const call = await bridge.sandbox.call(callIdOf(callId))
    expect((await bridge.sandbox.events(call?.id ?? 0)).map(({ type }) => type)).toEqual([
      'call.started',
      'call.ringing',
      'call.answered',
      'call.ended',
    ])
    const recordings = await bridge.sandbox.recordings()
    expect(recordings.filter(({ call_id }) => call_id === call?.id)).toMatchObject([{ duration: 1 }])
  }, patience)
}, 60_000)

async function stranger(host = '127.0.0.9'): Promise<Phone> {
  const phone = await Phone.open(host)
  onTestFinished(() => phone.close())
  return phone
}

/** A TCP connection to the SIP port, from an address of the carrier. */
async function tcpToSip(): Promise<{ readonly socket: Socket; readonly closed: Promise<void> }> {
  const { address, port } = bridge.sip('tcp')
  const socket = connect({ host: address, port, localAddress: carrierHost })
  onTestFinished(() => {
    socket.destroy()
  })
  socket.on('error', () => {}) // a reset is what these tests ask for
  socket.resume() // what it is answered is read, or its end would not be seen
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  await once(socket, 'connect')
  return { socket, closed }
}

const head = 'INVITE sip:1001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.2:5060;branch=z9hG4bK1\r\n'
const rest = 'From: <sip:a@b>;tag=1\r\nTo: <sip:1001@b>\r\nCall-ID: odd@phones\r\nCSeq: 1 INVITE\r\n'

test('garbage on the UDP port is dropped, counted and told of', { timeout: 60_000 }, async () => {
  const phone = await stranger()
  const sip = bridge.sip('udp')
  for (const bytes of ['hello', '\r\n\r\nGET / HTTP/1.1\r\n\r\n', Buffer.alloc(2000, 0xff), `${head}\r\n`]) phone.send(bytes, sip)
  await vi.waitFor(async () => expect(await bridge.metric('tpe_bridge_sip_malformed_total')).toBeGreaterThanOrEqual(4), patience)
  await bridge.logged('datagram dropped, it is no sip', ({ reason }) => reason === 'headers-not-ended')
  await bridge.logged('datagram dropped, it is no sip', ({ reason }) => reason === 'start-line')
  expect(phone.strays).toEqual([])
})

test('a 70 kB datagram cannot be sent, and the largest that can is dropped', { timeout: 60_000 }, async () => {
  const phone = await stranger()
  const before = await bridge.metric('tpe_bridge_sip_malformed_total', 'too-long')
  phone.send(Buffer.alloc(70_000, 'a'), bridge.sip('udp'))
  phone.send(`${head}${rest}X-Padding: ${'a'.repeat(65_000)}\r\n\r\n`, bridge.sip('udp'))
  await bridge.counts('tpe_bridge_sip_malformed_total', before + 1, 'too-long')
  await bridge.logged('datagram dropped, it is no sip', ({ reason }) => reason === 'too-long')
})

test('garbage and too much on a TCP connection closes it, with the reason in the log', { timeout: 60_000 }, async () => {
  const garbage = await tcpToSip()
  garbage.socket.write('hello there, is this SIP?\r\n\r\n')
  await garbage.closed
  const long = await tcpToSip()
  long.socket.write(`${head}${rest}Content-Length: 70000\r\n\r\n${'a'.repeat(70_000)}`)
  await long.closed
  await vi.waitFor(() => {
    const reasons = bridge.lines('connection closed, its bytes are no sip').map(({ reason }) => reason)
    expect(reasons).toEqual(['start-line', 'too-long'])
  }, patience)
  await bridge.counts('tpe_bridge_sip_connections_closed_malformed_total', 2)
})

test('half a message on a TCP connection that ends is counted and told of', { timeout: 60_000 }, async () => {
  const { socket, closed } = await tcpToSip()
  const before = await bridge.metric('tpe_bridge_sip_malformed_total', 'truncated-body')
  socket.end(head)
  await closed
  await bridge.logged('connection ended within a message')
  await bridge.counts('tpe_bridge_sip_malformed_total', before + 1, 'truncated-body')
})

test("a stranger's call is refused with 403, counted and told of", { timeout: 60_000 }, async () => {
  const phone = await stranger()
  const before = await bridge.metric('tpe_bridge_peers_strangers_total')
  const call = phone.call({ callId: 'stranger@phones', from: '+19005550100', to: '1001', via: bridge.sip('udp') })
  expect(await call.final).toBe(403)
  await bridge.counts('tpe_bridge_peers_strangers_total', before + 1)
  await bridge.logged('request from an address that is no peer refused with 403: if it is yours, add it to sip.trunk')
  expect(site.pbx.incoming('stranger@phones')).toBeNull()
  expect(await bridge.sandbox.call(callIdOf('stranger@phones'))).toBeNull()
})

test('a scanner gets no answer at all, and is counted', { timeout: 60_000 }, async () => {
  const phone = await stranger()
  const dialling = { from: 'scan', to: '100', via: bridge.sip('udp') }
  phone.request('OPTIONS', { ...dialling, callId: 'scan@phones', headers: ['User-Agent: friendly-scanner'] })
  phone.request('OPTIONS', { ...dialling, callId: 'after@phones' })
  // Datagrams are handled in order: when the second one was answered, the first one was dealt with.
  await vi.waitFor(() => expect(phone.strays).toHaveLength(1), patience)
  expect(phone.strays).toMatchObject([{ status: 403 }])
  await bridge.counts('tpe_bridge_peers_scanners_total', 1)
})

test.each([
  // Whoever is no peer is refused before anybody looks where it wants to go.
  { who: 'a stranger', from: '127.0.0.9', counter: 'tpe_bridge_peers_strangers_total' },
  { who: 'the carrier', from: carrierHost, counter: 'tpe_bridge_peers_relays_refused_total' },
])('$who with a Route header reaches nobody whom the trunk does not serve', { timeout: 60_000 }, async ({ from, counter }) => {
  const phone = await stranger(from)
  const victim = await stranger('127.0.0.8')
  const { address, port } = bridge.sip('udp')
  const refused = await bridge.metric(counter)
  const routes = `Route: <sip:${address}:${port};lr>, <sip:${victim.host}:${victim.port};lr>`
  phone.request('BYE', {
    callId: `relay-${from}@phones`,
    from: 'a',
    to: 'b',
    toTag: 'made-up',
    via: bridge.sip('udp'),
    headers: [routes],
  })
  await vi.waitFor(() => expect(phone.strays).toHaveLength(1), patience)
  expect(phone.strays[0]).toSatisfy(answer => answer.kind === 'response' && answer.status >= 400)
  await bridge.counts(counter, refused + 1)
  if (from === carrierHost) await bridge.logged('request between addresses that are no peers refused')
  expect(victim.strays).toEqual([])
})

test('a ZIP that is called .wav is quarantined with its reason', { timeout: 60_000 }, async () => {
  const zip = Buffer.concat([Buffer.from('PK\x03\x04\x14\x00\x00\x00', 'latin1'), Buffer.alloc(5000, 0x5a)])
  await site.leave(join(site.monitor, 'zip@phones.wav'), zip)
  const line = await quarantined('zip@phones.wav')
  expect(line).toMatchObject({ reason: expect.stringMatching(/not a WAV/) })
  expect(await bridge.metric('tpe_bridge_recordings_quarantined_total')).toBeGreaterThan(0)
  const listed = await bridge.uploads('quarantined')
  expect(listed.map(({ reason }) => reason)).toContain(line.reason)
})

test('a file that shrinks while it is read is not taken as it was, and then seen for what it is', {
  timeout: 60_000,
}, async () => {
  const path = join(site.monitor, 'shrinks@phones.wav')
  // As long as eight hours of audio, so that reading it takes a while; but nothing on the disk.
  const bytes = 8 * 3600 * 16_000
  const unfinished = join(site.folder, 'long.wav')
  const header = wav({ data: Buffer.alloc(0), dataSize: bytes, riffSize: bytes + 36 })
  await writeFile(unfinished, header)
  await truncate(unfinished, header.length + bytes)
  const before = await bytesRead(bridge.program.pid)
  await rename(unfinished, path)
  // Past its header: what shrinks before that is simply a shorter file.
  const reading = async () => expect(await bytesRead(bridge.program.pid)).toBeGreaterThan(before + 20_000_000)
  await vi.waitFor(reading, { ...patience, interval: 1 })
  await truncate(path, 16_044)

  expect(await bridge.logged('file changed while being read')).toMatchObject({ file: path })
  await bridge.counts('tpe_bridge_recordings_changed_total', 1)
  const truncated = `truncated: 16000 of the ${bytes} bytes of audio that its header promises are there`
  expect(await quarantined('shrinks@phones.wav')).toMatchObject({ reason: truncated })
})

test('a file name that leads elsewhere is refused by HTTP', { timeout: 60_000 }, async () => {
  const query = new URLSearchParams({ file_name: '../../etc/passwd.wav' })
  const answer = await fetch(`${bridge.admin}/v1/recordings?${query}`, {
    method: 'POST',
    headers: { 'content-type': 'audio/wav' },
    body: wav(),
  })
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ details: { file_name: ['contains a path separator: give the name alone'] } })
  expect(await bridge.logged('uploaded recording refused')).toMatchObject({ result: { field: 'file_name' } })
  await bridge.counts('tpe_bridge_recordings_http_refused_total', 1)
})

test('a configuration of another version is refused with its place and what to do', { timeout: 60_000 }, async () => {
  const file = join(site.folder, 'other.yaml')
  await writeFile(file, 'site: hq\nversion: 2\n')
  const { code, output } = await run(['start', '-c', file], site.folder)
  expect(code).toBe(2)
  expect(output).toMatch(/other\.yaml:2:10 .*not of version 1/)
})

test('a Zendesk that answers with a web page is asked again, and told of', { timeout: 60_000 }, async () => {
  await bridge.sandbox.fault({ route: 'phone_call_events', times: 3 }, { kind: 'html' })
  const dialling = { callId: 'html@phones', from: '+14155550100', to: '1001', via: bridge.sip('udp') }
  expect(await site.carrier.callAndHangUp(dialling)).toBe(200)
  await bridge.drained()
  await bridge.logged('a delivery failed and will be retried', ({ reason }) => /a web page/.test(String(reason)))
  await bridge.counts('tpe_bridge_uploads_events_retried_total', 3)
  const call = await bridge.sandbox.call(callIdOf('html@phones'))
  expect(await bridge.sandbox.events(call?.id ?? 0)).toHaveLength(4)
})

/** The log line about this file's quarantine. */
async function quarantined(name: string): Promise<LogLine> {
  return await bridge.logged('audio quarantined', ({ file }) => file === join(site.monitor, name))
}

/** What a process has read so far, whatever from (proc(5), io). */
async function bytesRead(pid: number): Promise<number> {
  return Number(/^rchar: (\d+)/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1])
}

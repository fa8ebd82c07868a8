import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { platform } from 'node:os'
import { afterEach, expect, test, vi } from 'vitest'
import { HepListener, type HepListenerOptions } from '../../../src/sip/hep/listener.ts'
import type { MirroredMessage, MirroredRtcp } from '../../../src/sip/hep/seen.ts'
import { headerValue } from '../../../src/sip/message/headers.ts'
import { type Captured, chunk, encodeHep, packetOf } from './encode.ts'
import { asteriskDatagrams } from './fixtures.ts'
import { sipRequest } from './sip-text.ts'

const releases: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const release of releases.splice(0).reverse()) await release()
})

interface Running {
  readonly listener: HepListener
  readonly udp: (bytes: Buffer) => Promise<void>
  readonly tcp: () => Promise<Socket>
  readonly seen: MirroredMessage[]
  readonly rtcp: MirroredRtcp[]
  readonly lines: { readonly level: string; readonly msg: string; readonly fields: object }[]
  readonly clock: { now: number }
}

async function running(changes: Partial<HepListenerOptions> = {}, host = '127.0.0.1'): Promise<Running> {
  const seen: MirroredMessage[] = []
  const rtcp: MirroredRtcp[] = []
  const lines: Running['lines'] = []
  const clock = { now: Date.now() }
  const write = (level: string) => (fields: object, msg: string) => void lines.push({ level, msg, fields })
  const listener = new HepListener({
    listen: [
      { transport: 'udp', host, port: 0 },
      { transport: 'tcp', host, port: 0 },
    ],
    peers: [],
    authKey: null,
    receiveBuffer: 262_144,
    maxAgeMs: 3_600_000,
    now: () => clock.now,
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    onSeen: each => void seen.push(each),
    onRtcp: each => void rtcp.push(each),
    ...changes,
  })
  releases.push(() => listener.stop())
  const [udpAt, tcpAt] = await listener.start()
  const socket = createSocket(host === '::1' ? 'udp6' : 'udp4')
  releases.push(() => new Promise<void>(resolve => socket.close(() => resolve())))
  const udp = (bytes: Buffer): Promise<void> =>
    new Promise((resolve, reject) =>
      socket.send(bytes, udpAt?.port ?? 0, host, error => (error === null ? resolve() : reject(error))),
    )
  const tcp = async (): Promise<Socket> => {
    const connection = connect({ host, port: tcpAt?.port ?? 0 })
    releases.push(() => void connection.destroy())
    connection.on('error', () => {}) // a refused connection may be reset
    await once(connection, 'connect')
    return connection
  }
  return { listener, udp, tcp, seen, rtcp, lines, clock }
}

const phone = { address: '192.0.2.10', port: 5081 }
const pbx = { address: '192.0.2.20', port: 5060 }
const sip = (callId: string, changes: Partial<Captured> = {}): Buffer =>
  encodeHep({ at: Date.now(), source: phone, destination: pbx, payload: sipRequest(callId), ...changes })
const callIds = (seen: readonly MirroredMessage[]): (string | null)[] => seen.map(each => headerValue(each.message, 'Call-ID'))

test('a whole call of Asterisk arrives over UDP, in order of arrival, with its capture times', async () => {
  const datagrams = asteriskDatagrams('00-plain-call')
  const { udp, seen, listener, clock } = await running({ authKey: 'labhep' })
  clock.now = 1_795_329_420_000
  for (const datagram of datagrams) await udp(datagram)
  await vi.waitFor(() => expect(seen).toHaveLength(13))
  const [invite, trying] = seen
  expect(invite).toMatchObject({
    at: 1_795_329_415_395,
    source: { transport: 'udp', address: '127.0.0.1', port: 5081 },
    destination: { transport: 'udp', address: '127.0.0.1', port: 5070 },
    message: { kind: 'request', method: 'INVITE' },
  })
  expect(trying).toMatchObject({
    source: { port: 5070 },
    destination: { port: 5081 },
    message: { kind: 'response', status: 100 },
  })
  expect(listener.counters).toMatchObject({ packets: 13, sip: 13, dropped: {}, malformed: {}, notSip: {} })
  expect(listener.status().agents).toMatchObject([
    { address: '127.0.0.1', captureId: 2001, nodeName: 'asterisk-lab', packets: 13 },
  ])
})

test('a whole call arrives over TCP in pieces of any size, and noise between packets is skipped', async () => {
  const { tcp, seen, listener, clock } = await running()
  clock.now = 1_795_329_420_000
  const connection = await tcp()
  const [first = Buffer.alloc(0), ...rest] = asteriskDatagrams('00-plain-call')
  const stream = Buffer.concat([first, Buffer.from('noise'), ...rest])
  for (let at = 0; at < stream.length; at += 1371) connection.write(stream.subarray(at, at + 1371))
  await vi.waitFor(() => expect(seen).toHaveLength(13))
  expect(listener.counters).toMatchObject({ connectionsAccepted: 1, skippedBytes: 5, sip: 13 })
})

test('agents on IPv6 are served over both transports', async () => {
  const { udp, tcp, seen } = await running({}, '::1')
  const ends = { source: { address: '2001:db8::10', port: 5081 }, destination: { address: '2001:db8::20', port: 5060 } }
  await udp(sip('six-udp', ends))
  await vi.waitFor(() => expect(seen).toHaveLength(1))
  const connection = await tcp()
  connection.write(sip('six-tcp', { ...ends, ipProtocol: 6 }))
  await vi.waitFor(() => expect(callIds(seen)).toEqual(['six-udp', 'six-tcp']))
  expect(seen[1]?.source).toEqual({ transport: 'tcp', address: '2001:db8::10', port: 5081 })
})

test('a stranger is heard on no transport, and counted', async () => {
  const { udp, tcp, seen, listener } = await running({ peers: ['192.0.2.0/24', '2001:db8::1'] })
  await udp(sip('c1'))
  const connection = await tcp()
  await once(connection, 'close')
  await vi.waitFor(() => expect(listener.counters.dropped.stranger).toBe(2))
  expect(seen).toEqual([])
  expect(listener.counters.packets).toBe(0)
})

test('without the right key nothing is taken, a keep-alive neither', async () => {
  const { udp, seen, listener } = await running({ authKey: 'right' })
  for (const authKey of ['wrong', 'righ', 'right ']) await udp(sip('c1', { authKey }))
  await udp(sip('c1'))
  await udp(packetOf([chunk(13, Buffer.from([0, 1]))]))
  await udp(sip('c1', { authKey: 'right' }))
  await vi.waitFor(() => expect(seen).toHaveLength(1))
  expect(listener.counters).toMatchObject({ dropped: { 'wrong-key': 5 }, keepAlives: 0, packets: 6 })
})

test('a message that two agents capture is passed on once, the other ones of the transaction too', async () => {
  const { udp, seen, listener, clock } = await running()
  await udp(sip('c1', { captureId: 1 }))
  await udp(sip('c1', { captureId: 2, compressed: true }))
  await udp(sip('c1', { payload: sipRequest('c1', { method: 'BYE', cseq: 2 }), captureId: 2 }))
  await vi.waitFor(() => expect(seen).toHaveLength(2))
  expect(listener.counters.dropped).toEqual({ duplicate: 1 })
  expect(listener.status().agents.map(agent => agent.captureId)).toEqual([1, 2])
  clock.now += 10_000
  await udp(sip('c1', { captureId: 1 }))
  await vi.waitFor(() => expect(seen).toHaveLength(3))
})

test('everything that is dropped is counted under its reason, and a flood fills no log', async () => {
  const { udp, seen, lines, listener, clock } = await running()
  for (let i = 0; i < 30; i++) await udp(Buffer.from('not HEP'))
  await udp(Buffer.concat([Buffer.from([1, 16, 2, 17]), Buffer.alloc(40)]))
  await udp(sip('old', { at: clock.now - 3_600_001 }))
  await udp(sip('c1', { payload: 'not SIP' }))
  await udp(sip('c1', { payload: '\r\n\r\n' }))
  await udp(sip('c1', { payload: 'a log line', payloadType: 100 }))
  await udp(sip('c1', { payload: 'no JSON', payloadType: 5 }))
  await udp(sip('last'))
  await vi.waitFor(() => expect(callIds(seen)).toEqual(['last']))
  expect(listener.counters).toMatchObject({
    packets: 37,
    sip: 1,
    keepAlives: 1,
    otherTypes: 1,
    malformed: { 'not-hep': 30, 'hep-version-1': 1 },
    dropped: { 'too-old': 1, 'not-rtcp': 1 },
    notSip: { 'headers-not-ended': 1 },
  })
  expect(lines.filter(line => line.level === 'warn' && line.msg.includes('malformed'))).toHaveLength(2)
})

test('a capture time that cannot be true is replaced by the arrival', async () => {
  const { udp, seen, listener, clock } = await running()
  await udp(sip('none', { at: null }))
  await udp(sip('ahead', { at: clock.now + 61_000 }))
  await udp(sip('fine', { at: clock.now - 1234.5 }))
  await vi.waitFor(() => expect(seen).toHaveLength(3))
  expect(seen.map(each => each.at)).toEqual([clock.now, clock.now, clock.now - 1234.5])
  expect(listener.counters.untrustedTimes).toBe(2)
})

test('RTCP becomes figures under the Call-ID that the agent names', async () => {
  const { udp, rtcp } = await running()
  const payload = '{"ssrc":1,"type":201,"report_blocks":[{"source_ssrc":2,"fraction_lost":64,"packets_lost":3,"ia_jitter":16}]}'
  await udp(sip('', { payload, payloadType: 5, correlationId: 'call-1' }))
  await vi.waitFor(() => expect(rtcp).toHaveLength(1))
  expect(rtcp[0]).toMatchObject({ callId: 'call-1', source: phone, report: { blocks: [{ fractionLost: 0.25, packetsLost: 3 }] } })
})

test('what a PBX decrypted from TLS is told apart by its Via', async () => {
  const { udp, seen } = await running()
  await udp(sip('tls', { ipProtocol: 6, payload: sipRequest('tls', { transport: 'TLS' }) }))
  await vi.waitFor(() => expect(seen).toHaveLength(1))
  expect(seen[0]?.source.transport).toBe('tls')
})

test('a callback that throws costs its own message only', async () => {
  const seen: string[] = []
  const { udp, listener, lines } = await running({
    onSeen: each => {
      seen.push(headerValue(each.message, 'Call-ID') ?? '')
      if (seen.length === 1) throw new Error('ours')
    },
  })
  await udp(sip('c1'))
  await udp(sip('c2'))
  await vi.waitFor(() => expect(seen).toEqual(['c1', 'c2']))
  expect(listener.counters.callbackErrors).toBe(1)
  expect(lines.some(line => line.level === 'error')).toBe(true)
})

test('a TCP stream that is no HEP is closed, and so counted; one that ends within a packet too', async () => {
  const { tcp, listener } = await running()
  const noise = await tcp()
  noise.end(Buffer.alloc(200_000, 'GET / HTTP/1.1\r\n'))
  await vi.waitFor(() => expect(listener.counters.dropped['stream-lost']).toBe(1))
  const cut = await tcp()
  cut.end(sip('c1').subarray(0, -1))
  await vi.waitFor(() => expect(listener.counters.dropped['stream-cut']).toBe(1))
  await vi.waitFor(() => expect(listener.status().connections).toBe(0))
})

test('the receive buffer is asked for, and what the kernel gave is told', async () => {
  const { listener, lines } = await running({ receiveBuffer: 100_000 })
  const [udp, tcp] = listener.status().sockets
  expect(udp?.receiveBuffer).toEqual({ asked: 100_000, granted: 100_000 })
  expect(tcp?.receiveBuffer).toBeNull()
  expect(lines.filter(line => line.msg.startsWith('hep receive buffer'))).toHaveLength(1)

  const greedy = await running({ receiveBuffer: 1_000_000_000 })
  const granted = greedy.listener.status().sockets[0]?.receiveBuffer?.granted ?? 0
  expect(granted).toBeLessThan(1_000_000_000)
  expect(greedy.lines.find(line => line.level === 'warn')?.fields).toMatchObject({ asked: 1_000_000_000, granted })
})

test.runIf(platform() === 'linux')('what the kernel dropped while the bridge was busy is counted', async () => {
  const { listener, lines } = await running({ receiveBuffer: 4096 })
  const port = listener.status().sockets[0]?.port ?? 0
  expect(listener.status().sockets[0]?.kernelDrops).toBe(0)
  // A process of its own sends, while this one can't read.
  const flood = `const s = require('node:dgram').createSocket('udp4'); let left = 200
    for (let i = 0; i < 200; i++) s.send(Buffer.alloc(1000), ${port}, '127.0.0.1', () => --left || s.close())`
  execFileSync(process.execPath, ['-e', flood])
  await listener.lookForKernelDrops()
  const drops = listener.counters.kernelDrops
  expect(drops).toBeGreaterThan(100)
  expect(listener.status().sockets[0]?.kernelDrops).toBe(drops)
  expect(lines.some(line => line.level === 'warn' && line.msg.startsWith('the kernel dropped'))).toBe(true)
  await listener.lookForKernelDrops()
  expect(listener.counters.kernelDrops).toBe(drops)
})

test('a taken port is named with what to do, and no socket stays open', async () => {
  const { listener } = await running()
  const [taken] = listener.status().sockets
  if (taken === undefined) throw new Error('no socket')
  const second = new HepListener({
    ...{ peers: [], authKey: null, receiveBuffer: 65_536, maxAgeMs: 1000, now: Date.now, onSeen: () => {}, onRtcp: () => {} },
    listen: [{ transport: 'udp', host: '127.0.0.1', port: 0 }, taken],
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  })
  await expect(second.start()).rejects.toThrow(`HEP can't listen on udp://127.0.0.1:${taken.port}: free the port`)
  expect(second.status().state).toBe('stopped')
})

test('a stopped listener can be started again', async () => {
  const { listener } = await running()
  await listener.stop()
  await listener.stop()
  expect(listener.status().state).toBe('stopped')
  expect(await listener.start()).toHaveLength(2)
})

test('a peer that is no address is refused before anything is opened', () => {
  const options = {
    listen: [],
    authKey: null,
    receiveBuffer: 65_536,
    maxAgeMs: 1000,
    now: Date.now,
    onSeen: () => {},
    onRtcp: () => {},
  }
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  for (const peer of ['pbx.example', '192.0.2.0/33', '192.0.2.0/', '::/129', '1.2.3.4/8/8'])
    expect(() => new HepListener({ ...options, log, peers: [peer] })).toThrow('write it like')
})

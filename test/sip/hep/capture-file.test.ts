import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CaptureItem, readCapture } from '../../../src/sip/hep/capture-file.ts'
import { headerValue } from '../../../src/sip/message/headers.ts'
import { encodeHep } from './encode.ts'
import { asteriskCapture, asteriskCaptures, asteriskDatagrams } from './fixtures.ts'
import { type Hop, ipPacket, linkLayers, pcapFile, pcapngFile, type TestFrame, tcpSegment, udpDatagram } from './frames.ts'
import { sipRequest } from './sip-text.ts'

const phone: Hop = { address: '192.0.2.10', port: 5081 }
const pbx: Hop = { address: '192.0.2.20', port: 5060 }
const phone6: Hop = { address: '2001:db8::10', port: 5081 }
const pbx6: Hop = { address: '2001:db8::20', port: 5060 }
const micros = 1_795_329_415_394_488

interface Reading {
  readonly format: string
  readonly items: readonly CaptureItem[]
  readonly skipped: Readonly<Record<string, number>>
}

function read(bytes: Buffer): Reading {
  const result = readCapture(bytes)
  if (!result.ok) throw new Error(result.reason)
  const items = [...result.capture.items]
  return { format: result.capture.format, items, skipped: Object.fromEntries(result.capture.skipped) }
}

/** The Call-IDs of the messages, in order. */
function callIds(items: readonly CaptureItem[]): (string | null)[] {
  return items.map(item => (item.kind === 'sip' ? headerValue(item.seen.message, 'Call-ID') : null))
}

const frameOf = (bytes: Buffer, i = 0): TestFrame => ({ micros: micros + i * 1000, bytes })
const udp = (payload: Buffer | string, [from, to]: [Hop, Hop] = [phone, pbx]): Buffer =>
  ipPacket(from.address, to.address, 17, udpDatagram(from, to, payload))
const raw = (packets: readonly Buffer[]): Buffer => pcapFile(101, packets.map(frameOf))

describe('HEP files', () => {
  test.each(asteriskCaptures)('%s: every datagram is read, retransmissions once', (name, count) => {
    const { format, items, skipped } = read(asteriskCapture(name))
    expect(format).toBe('hep-length-prefixed')
    expect(items.length + (skipped.duplicate ?? 0)).toBe(count)
    expect(items.length).toBeGreaterThan(10)
    expect(Object.keys(skipped).filter(reason => reason !== 'duplicate')).toEqual([])
  })

  test('a file of packets back to back gives the same as one with lengths', () => {
    const stream = read(Buffer.concat(asteriskDatagrams('07-hold')))
    expect(stream.format).toBe('hep-stream')
    expect(stream.items).toEqual(read(asteriskCapture('07-hold')).items)
  })

  test('what was captured before a file was cut off is read', () => {
    const { items, skipped } = read(asteriskCapture('00-plain-call').subarray(0, -5))
    expect(items).toHaveLength(12)
    expect(skipped).toEqual({ 'file-cut': 1 })
  })

  test('RTCP is read beside SIP, and other payloads are counted', () => {
    const about = { at: micros / 1000, source: phone, destination: pbx }
    const rtcp = '{"ssrc":1,"type":201,"report_blocks":[{"source_ssrc":2,"fraction_lost":64,"packets_lost":3,"ia_jitter":16}]}'
    const { items, skipped } = read(
      Buffer.concat([
        encodeHep({ ...about, payload: rtcp, payloadType: 5, correlationId: 'c1' }),
        encodeHep({ ...about, payload: 'a log line', payloadType: 100 }),
        encodeHep({ ...about, payload: 'no json', payloadType: 5 }),
      ]),
    )
    expect(items).toMatchObject([
      { kind: 'rtcp', rtcp: { callId: 'c1', report: { blocks: [{ fractionLost: 0.25, jitter: 16 }] } } },
    ])
    expect(skipped).toEqual({ 'payload-other': 1, 'payload-not-rtcp': 1 })
  })
})

describe('refused with a reason', () => {
  test.each([
    ['nothing', Buffer.alloc(0), 'empty'],
    ['a packed capture', gzipSync(raw([])), 'compressed'],
    ['a text', Buffer.from('INVITE sip:a@b SIP/2.0'), 'unknown-format'],
  ])('%s', (_name, bytes, reason) => {
    expect(readCapture(bytes)).toEqual({ ok: false, reason })
  })
})

describe('SIP on the wire', () => {
  test.each(linkLayers)('%s: a message over UDP is read with its time and its two ends', (_name, linkType, wrap) => {
    for (const file of [pcapFile, pcapngFile]) {
      const { items, skipped } = read(file(linkType, [frameOf(wrap(udp(sipRequest('c1'))))]))
      expect(skipped).toEqual({})
      expect(items).toMatchObject([
        {
          kind: 'sip',
          seen: {
            at: micros / 1000,
            source: { transport: 'udp', ...phone },
            destination: { transport: 'udp', ...pbx },
            message: { kind: 'request', method: 'INVITE' },
          },
        },
      ])
    }
  })

  test.each([
    ['pcap, big-endian', pcapFile(101, [frameOf(udp(sipRequest('c1')))], { little: false })],
    ['pcap in nanoseconds', pcapFile(101, [frameOf(udp(sipRequest('c1')))], { nanos: true })],
    ['pcapng, big-endian', pcapngFile(101, [frameOf(udp(sipRequest('c1')))], { little: false })],
    ['pcapng in nanoseconds', pcapngFile(101, [frameOf(udp(sipRequest('c1')))], { resolution: 9 })],
    ['IPv6', raw([udp(sipRequest('c1'), [phone6, pbx6])])],
  ])('%s', (_name, bytes) => {
    const { items } = read(bytes)
    expect(callIds(items)).toEqual(['c1'])
    const at = items[0]?.kind === 'sip' ? items[0].seen.at : 0
    expect(Math.round(at * 1000)).toBe(micros)
  })

  test.each([
    ['IPv4', phone, pbx],
    ['IPv6', phone6, pbx6],
  ] as const)('a fragmented message over %s is put together, in any order', (_name, from, to) => {
    const datagram = udpDatagram(from, to, sipRequest('large', { body: 'x'.repeat(3000) }))
    const pieces = [0, 1480, 2960].map(offset =>
      ipPacket(from.address, to.address, 17, datagram.subarray(offset, offset + 1480), { id: 7, offset, more: offset < 2960 }),
    )
    expect(callIds(read(raw(pieces)).items)).toEqual(['large'])
    expect(callIds(read(raw([...pieces].reverse())).items)).toEqual(['large'])
    expect(read(raw(pieces.slice(1)))).toMatchObject({ items: [], skipped: { 'ip-fragments-incomplete': 1 } })
  })

  test('a packet captured on two interfaces is read once', () => {
    const packet = udp(sipRequest('c1'))
    expect(read(raw([packet, packet, udp(sipRequest('c2'))]))).toMatchObject({ items: [{}, {}], skipped: { duplicate: 1 } })
  })

  test('HEP on the wire is read as what it mirrors', () => {
    const mirrored = encodeHep({ at: 1000, source: phone, destination: pbx, payload: sipRequest('c1') })
    const { items } = read(raw([udp(mirrored, [pbx, { address: '192.0.2.99', port: 9060 }])]))
    expect(items).toMatchObject([{ seen: { at: 1000, source: phone, destination: pbx } }])
  })

  test('other traffic is counted and passed over', () => {
    const { items, skipped } = read(
      raw([
        udp(Buffer.from([0x80, 0, 0, 1])),
        ipPacket(phone.address, pbx.address, 1, Buffer.alloc(8)),
        udp('INVITE sip:a@b SIP/2.0\r\n\r\n'),
      ]),
    )
    expect(items).toEqual([])
    expect(skipped).toEqual({ 'not-sip': 1, 'other-protocol': 1, 'sip-missing-via': 1 })
  })
})

describe('SIP over TCP', () => {
  const messages = ['t1', 't2', 't3'].map(id => sipRequest(id, { transport: 'TCP', body: 'y'.repeat(200) }))
  const stream = Buffer.from(messages.join(''))
  const start = 0xffffff00 // wraps within the first message
  const segment = (from: number, to: number): Buffer =>
    ipPacket(phone.address, pbx.address, 6, tcpSegment(phone, pbx, start + from, stream.subarray(from, to)))
  const syn = ipPacket(phone.address, pbx.address, 6, tcpSegment(phone, pbx, start - 1, '', 2))
  const third = Math.floor(stream.length / 3)

  test('messages are cut by their length, however the segments fall', () => {
    const { items } = read(raw([syn, segment(0, 10), segment(10, third * 2), segment(third * 2, stream.length)]))
    expect(callIds(items)).toEqual(['t1', 't2', 't3'])
    expect(items[0]).toMatchObject({ seen: { source: { transport: 'tcp', ...phone } } })
  })

  test('segments that come twice, overlap or change places give every message once, in order', () => {
    const { items } = read(
      raw([
        syn,
        segment(0, 300),
        segment(0, 300),
        segment(500, 900),
        segment(200, 500),
        segment(900, stream.length),
        segment(0, 300),
      ]),
    )
    expect(callIds(items)).toEqual(['t1', 't2', 't3'])
  })

  test('a connection older than the capture is read from the first segment that begins with a message', () => {
    const second = Buffer.byteLength(messages[0] ?? '')
    const { items, skipped } = read(raw([segment(second - 50, second), segment(second, stream.length)]))
    expect(callIds(items)).toEqual(['t2', 't3'])
    expect(skipped).toEqual({ 'not-sip': 1 })
  })

  test('behind bytes that were not captured reading goes on', () => {
    const rest = Array.from({ length: 70 }, (_, i) => sipRequest(`g${i}`, { transport: 'TCP' }))
    let sequence = start + stream.length
    const later = rest.map(text => {
      const packet = ipPacket(phone.address, pbx.address, 6, tcpSegment(phone, pbx, sequence, text))
      sequence += text.length
      return packet
    })
    const { items, skipped } = read(raw([syn, segment(0, 300), ...later]))
    expect(callIds(items)).toEqual(rest.map((_, i) => `g${i}`))
    expect(skipped).toEqual({ 'tcp-gap': 1 })
  })

  test('any cutting and reordering within a window gives the same messages', () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: stream.length - 1 }), { maxLength: 12 })
    fc.assert(
      fc.property(cuts, fc.infiniteStream(fc.nat(3)), (points, picks) => {
        const ends = [0, ...points.sort((a, b) => a - b), stream.length]
        const pieces = ends.slice(0, -1).map((from, i) => segment(from, ends[i + 1] ?? 0))
        const shuffled: Buffer[] = []
        while (pieces.length > 0) shuffled.push(...pieces.splice(Math.min(picks.next().value ?? 0, pieces.length - 1), 1))
        expect(callIds(read(raw([syn, ...shuffled])).items)).toEqual(['t1', 't2', 't3'])
      }),
      { numRuns: 200 },
    )
  })
})

test('any bytes behind any beginning of a file give messages or reasons', () => {
  const files = [
    asteriskCapture('00-plain-call').subarray(0, 1500),
    raw([udp(sipRequest('c1')), udp(sipRequest('c2'), [phone6, pbx6])]),
    pcapngFile(1, [frameOf(linkLayers[1]?.[2](udp(sipRequest('c1'))) ?? Buffer.alloc(0))]),
    raw([ipPacket(phone.address, pbx.address, 6, tcpSegment(phone, pbx, 1, sipRequest('c1', { transport: 'TCP' })))]),
  ]
  const change = fc.tuple(fc.nat(2000), fc.nat(255))
  fc.assert(
    fc.property(fc.constantFrom(...files), fc.array(change, { maxLength: 8 }), fc.nat(2000), (file, changes, length) => {
      const bytes = Buffer.from(file)
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      const result = readCapture(bytes.subarray(0, length))
      if (result.ok) expect([...result.capture.items].length).toBeLessThan(10)
    }),
    { numRuns: 3_000 },
  )
})

import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeHep, MAX_PAYLOAD_BYTES } from '../../../src/sip/hep/packet.ts'
import { addressBytes, type Captured, chunk, chunksOf, encodeHep, packetOf } from './encode.ts'
import { asteriskCaptures, asteriskDatagrams } from './fixtures.ts'

const captured: Captured = {
  at: 1_795_329_415_394.488,
  source: { address: '192.0.2.10', port: 5081 },
  destination: { address: '192.0.2.20', port: 5070 },
  payload: 'INVITE',
}
const without = (...types: number[]): Buffer[] => chunksOf(captured).filter(each => !types.includes(each.readUInt16BE(2)))

describe('refused with a reason', () => {
  const refusals: readonly (readonly [string, Buffer, string])[] = [
    ['nothing', Buffer.alloc(0), 'not-hep'],
    ['SIP sent to the wrong port', Buffer.from('OPTIONS sip:a@b SIP/2.0\r\n\r\n'), 'not-hep'],
    ['HEP version 1', Buffer.concat([Buffer.from([1, 16, 2, 17]), Buffer.alloc(40)]), 'hep-version-1'],
    ['HEP version 2', Buffer.concat([Buffer.from([2, 16, 2, 17]), Buffer.alloc(40)]), 'hep-version-2'],
    ['a header without its length', Buffer.from('HEP3\0'), 'truncated'],
    ['less than the packet promises', encodeHep(captured).subarray(0, -1), 'truncated'],
    ['a length shorter than the header', Buffer.from('HEP3\0\x05'), 'chunk-length'],
    ['a chunk shorter than its own head', packetOf([Buffer.from([0, 0, 0, 1, 0, 5])]), 'chunk-length'],
    ['a chunk that ends behind the packet', packetOf([Buffer.from([0, 0, 0, 15, 0, 7])]), 'chunk-length'],
    ['half a chunk head', packetOf([...chunksOf(captured), Buffer.from([0, 0])]), 'chunk-length'],
    ['an address of three bytes', packetOf([chunk(3, Buffer.alloc(3)), ...without(3)]), 'chunk-size'],
    ['a port of four bytes', packetOf([chunk(7, Buffer.alloc(4)), ...without(7)]), 'chunk-size'],
    [
      'more chunks than any agent has',
      packetOf(Array.from({ length: 257 }, () => chunk(99, Buffer.alloc(0)))),
      'too-many-chunks',
    ],
    ['no addresses', packetOf(without(3, 4)), 'no-addresses'],
    ['one address', packetOf(without(3)), 'no-addresses'],
    ['no payload', packetOf(without(15)), 'no-payload'],
    ['a compressed payload that is none', packetOf([...without(15), chunk(16, Buffer.from('INVITE'))]), 'payload-compression'],
    [
      'a compressed payload that would not end',
      packetOf([...without(15), chunk(16, deflateSync(Buffer.alloc(MAX_PAYLOAD_BYTES + 1)))]),
      'payload-too-large',
    ],
  ]
  test.each(refusals)('%s', (_name, bytes, reason) => {
    expect(decodeHep(bytes)).toEqual({ ok: false, reason })
  })
})

test('a packet says who sent what to whom, when, and through which agent', () => {
  const bytes = encodeHep({ ...captured, captureId: 7, authKey: 'k', correlationId: 'a@b', nodeName: 'pbx1', ipProtocol: 6 })
  expect(decodeHep(bytes)).toEqual({
    ok: true,
    kind: 'packet',
    packet: {
      at: 1_795_329_415_394.488,
      source: { address: '192.0.2.10', port: 5081 },
      destination: { address: '192.0.2.20', port: 5070 },
      ipProtocol: 6,
      payloadType: 1,
      captureId: 7,
      authKey: Buffer.from('k'),
      correlationId: 'a@b',
      nodeName: 'pbx1',
      payload: Buffer.from('INVITE'),
    },
  })
})

test('chunks of other vendors and of unknown types are skipped by their length', () => {
  const [first = Buffer.alloc(0), ...rest] = chunksOf(captured)
  const strange = [
    chunk(15, Buffer.from('not the payload'), 4),
    chunk(3, Buffer.alloc(1), 0x8086),
    chunk(4711, Buffer.alloc(300)),
  ]
  expect(decodeHep(packetOf([first, ...strange, ...rest]))).toEqual(decodeHep(encodeHep(captured)))
})

test('of a chunk that comes twice the first counts, and bytes behind the packet are none of it', () => {
  const twice = packetOf([...chunksOf(captured), chunk(15, Buffer.from('BYE'))])
  expect(decodeHep(Buffer.concat([twice, Buffer.from('tail')]))).toEqual(decodeHep(encodeHep(captured)))
})

test.each([
  ['zlib', deflateSync],
  ['gzip', gzipSync],
] as const)('a payload compressed with %s is inflated', (_name, compress) => {
  const decoded = decodeHep(packetOf([...without(15), chunk(16, compress(Buffer.from('INVITE')))]))
  expect(decoded).toMatchObject({ ok: true, packet: { payload: Buffer.from('INVITE') } })
})

test('a packet without a time has none, instead of 1970', () => {
  expect(decodeHep(encodeHep({ ...captured, at: null }))).toMatchObject({ packet: { at: null } })
})

test('a keep-alive timer without a payload is a sign of life', () => {
  expect(decodeHep(packetOf([chunk(13, Buffer.from([0, 30])), chunk(14, Buffer.from('k'))]))).toEqual({
    ok: true,
    kind: 'keep-alive',
    authKey: Buffer.from('k'),
  })
})

test.each([
  ['2001:db8::1', '2001:db8::1'],
  ['2001:0DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['::', '::'],
  ['::1', '::1'],
  ['fe80::', 'fe80::'],
  ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
])('IPv6 %s is spelt %s', (address, spelling) => {
  const source = { address, port: 1 }
  const decoded = decodeHep(encodeHep({ ...captured, source, destination: source }))
  expect(decoded).toMatchObject({ packet: { source: { address: spelling }, destination: { address: spelling } } })
})

test.each(asteriskCaptures)('every datagram of Asterisk’s %s is decoded', (name, count) => {
  const datagrams = asteriskDatagrams(name)
  expect(datagrams).toHaveLength(count)
  for (const datagram of datagrams) {
    const decoded = decodeHep(datagram)
    expect(decoded).toMatchObject({ ok: true, packet: { payloadType: 1, captureId: 2001, nodeName: 'asterisk-lab' } })
    if (!decoded.ok || decoded.kind !== 'packet') continue
    expect(decoded.packet.authKey?.toString()).toBe('labhep')
    expect(decoded.packet.payload.toString()).toContain(`\r\nCall-ID: ${decoded.packet.correlationId}\r\n`)
    expect(decoded.packet.at).toBeGreaterThan(1_795_000_000_000)
  }
})

const anyBytes = fc.uint8Array({ maxLength: 400 }).map(bytes => Buffer.from(bytes))

test('any bytes give a packet or a reason', () => {
  const head = fc.constantFrom('', 'HEP3', 'HEP3\0\x40', 'HEP3\0\x06')
  fc.assert(
    fc.property(head, anyBytes, (prefix, bytes) => {
      expect(typeof decodeHep(Buffer.concat([Buffer.from(prefix, 'latin1'), bytes])).ok).toBe('boolean')
    }),
    { numRuns: 3_000 },
  )
})

test('a packet with any bytes changed gives a packet or a reason', () => {
  const whole = encodeHep({ ...captured, compressed: true, correlationId: 'x', nodeName: 'y', authKey: 'z' })
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(whole.length), (changes, length) => {
      const bytes = Buffer.from(whole)
      for (const [at, value] of changes) bytes[at] = value
      expect(typeof decodeHep(bytes.subarray(0, length)).ok).toBe('boolean')
    }),
    { numRuns: 3_000 },
  )
})

test('what is encoded is what is decoded', () => {
  const port = fc.nat(65_535)
  const v4 = fc.tuple(fc.ipV4(), port, fc.ipV4(), port)
  const v6 = fc.tuple(fc.ipV6(), port, fc.ipV6(), port)
  const micros = fc.integer({ min: 1_000_000, max: 4_294_967_295_000_000 })
  const payload = fc.uint8Array({ maxLength: 600 })
  fc.assert(
    fc.property(fc.oneof(v4, v6), micros, payload, fc.boolean(), (ends, time, bytes, compressed) => {
      const [from, fromPort, to, toPort] = ends
      const source = { address: from, port: fromPort }
      const destination = { address: to, port: toPort }
      const decoded = decodeHep(encodeHep({ at: time / 1000, source, destination, payload: Buffer.from(bytes), compressed }))
      if (!decoded.ok || decoded.kind !== 'packet') throw new Error('not decoded')
      const { packet } = decoded
      expect(Math.round((packet.at ?? 0) * 1000)).toBe(time)
      expect([packet.source.port, packet.destination.port]).toEqual([fromPort, toPort])
      expect([packet.source.address, packet.destination.address].map(addressBytes).map(mapped)).toEqual(
        [from, to].map(addressBytes).map(mapped),
      )
      expect(packet.payload.equals(bytes)).toBe(true)
    }),
    { numRuns: 1_000 },
  )
})

/** IPv4-mapped addresses become IPv4: compared by their last four bytes. */
function mapped(bytes: Buffer): string {
  const isMapped = bytes.length === 16 && bytes.subarray(0, 12).equals(addressBytes('::ffff:0:0').subarray(0, 12))
  return bytes.subarray(isMapped ? 12 : 0).toString('hex')
}

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HepStreamFraming, MAX_SKIPPED_BYTES } from '../../../src/sip/hep/stream.ts'
import { asteriskDatagrams } from './fixtures.ts'

const packets = asteriskDatagrams('00-plain-call')

const text = (bytes: Buffer): string => bytes.toString('latin1')

/** The packets that come out, as texts (they compare faster than buffers), and the bytes reported as skipped. */
function frame(framing: HepStreamFraming, pieces: readonly Buffer[]): { packets: string[]; skipped: number; lost: boolean } {
  const all = pieces.flatMap(piece => framing.push(piece))
  return {
    packets: all.flatMap(each => (each.kind === 'packet' ? [text(each.bytes)] : [])),
    skipped: all.reduce((sum, each) => sum + (each.kind === 'skipped' ? each.bytes : 0), 0),
    lost: all.some(each => each.kind === 'lost'),
  }
}

function cut(bytes: Buffer, points: readonly number[]): Buffer[] {
  const ends = [0, ...[...points].sort((a, b) => a - b), bytes.length]
  return ends.slice(0, -1).map((from, i) => bytes.subarray(from, ends[i + 1]))
}

test('however a stream is cut, its packets come out whole and in order', () => {
  const stream = Buffer.concat(packets)
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 20 }), points => {
      const framing = new HepStreamFraming()
      expect(frame(framing, cut(stream, points))).toEqual({ packets: packets.map(text), skipped: 0, lost: false })
      expect(framing.partial).toBe(false)
    }),
    { numRuns: 200 },
  )
})

test('bytes between packets are skipped and counted, and the stream goes on', () => {
  const noise = fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes).map(byte => (byte === 72 ? 0 : byte)))
  fc.assert(
    fc.property(noise, noise, fc.array(fc.nat(200), { maxLength: 5 }), (before, between, points) => {
      const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = packets
      const stream = Buffer.concat([before, first, between, second])
      const framed = frame(new HepStreamFraming(), cut(stream, points))
      expect(framed).toEqual({ packets: [first, second].map(text), skipped: before.length + between.length, lost: false })
    }),
    { numRuns: 500 },
  )
})

test('the word HEP3 with an impossible length begins no packet', () => {
  const [first = Buffer.alloc(0)] = packets
  const framed = frame(new HepStreamFraming(), [Buffer.from('HEP3\0\0HEP3\0\x05'), first])
  expect(framed).toEqual({ packets: [text(first)], skipped: 12, lost: false })
})

test('a stream without packets is given up once, and what comes later is ignored', () => {
  const framing = new HepStreamFraming()
  const noise = Buffer.alloc(65_536, 'GET / HTTP/1.1\r\n')
  const kinds = Array.from({ length: 6 }, () => framing.push(noise)).flat()
  expect(kinds).toEqual([{ kind: 'lost' }])
  expect(framing.partial).toBe(false)
  expect(MAX_SKIPPED_BYTES).toBeLessThan(6 * noise.length)
  expect(framing.push(packets[0] ?? noise)).toEqual([])
})

test('any bytes are framed without an exception, and less than a packet is held', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 100 }).map(bytes => Buffer.from(bytes)),
    fc.constantFrom(Buffer.from('HEP3'), Buffer.from('HEP3\0\x20')),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), pieces => {
      const framing = new HepStreamFraming()
      const framed = pieces.flatMap(each => framing.push(each))
      const out = framed.reduce((sum, each) => sum + (each.kind === 'packet' ? each.bytes.length : 0), 0)
      expect(out).toBeLessThanOrEqual(Buffer.concat(pieces).length)
    }),
    { numRuns: 2_000 },
  )
})

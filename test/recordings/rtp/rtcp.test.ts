import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRtp } from '../../../src/recordings/rtp/packet.ts'
import { Reception } from '../../../src/recordings/rtp/reception.ts'
import { parseRtcp } from '../../../src/recordings/rtp/rtcp.ts'
import { rtp, senderReport } from './rtp-packets.ts'

const bye = Buffer.from([0x81, 203, 0, 3, 0, 0, 0, 7, 4, ...Buffer.from('done'), 0, 0, 0])

test('a compound of a report, a description and a goodbye is read as a whole', () => {
  const description = Buffer.from([0x81, 202, 0, 3, 0, 0, 0, 7, 1, 5, ...Buffer.from('pbx-a'), 0])
  const unknown = Buffer.from([0x80, 204, 0, 1, 1, 2, 3, 4])
  const result = parseRtcp(Buffer.concat([senderReport({ ntpMs: 3_900_000_000_250, timestamp: 99 }), description, unknown, bye]))
  expect(result).toMatchObject({
    kind: 'compound',
    packets: [
      { kind: 'sender-report', ssrc: 7, ntpMs: 3_900_000_000_250, timestamp: 99, blocks: [] },
      { kind: 'description', cnames: new Map([[7, 'pbx-a']]) },
      { kind: 'bye', ssrcs: [7], reason: 'done' },
    ],
  })
})

test.each([
  ['a cut header', bye.subarray(0, 3)],
  ['a length beyond the datagram', bye.subarray(0, 12)],
  ['a wrong version', Buffer.concat([Buffer.from([0x41]), bye.subarray(1)])],
  ['more blocks than there is room for', Buffer.concat([Buffer.from([0x82]), senderReport({}).subarray(1)])],
  ['padding longer than the packet', Buffer.from([0xa0, 201, 0, 1, 0, 0, 0, 200])],
])('a compound with %s is refused', (_, bytes) => {
  expect(parseRtcp(bytes).kind).toBe('broken')
})

test('any bytes never throw', () => {
  const type = fc.constantFrom(200, 201, 202, 203, 204)
  fc.assert(
    fc.property(fc.constantFrom(0x80, 0x81, 0xa1, 0x9f, 0xbf), type, fc.uint8Array({ maxLength: 60 }), (first, kind, body) => {
      const words = Math.floor(body.length / 4)
      parseRtcp(Uint8Array.from([first, kind, 0, words, ...body]))
      parseRtcp(Uint8Array.from(body))
    }),
    { numRuns: 5_000 },
  )
})

test('our own report says what was lost, in the form that we read ourselves', () => {
  const reception = new Reception()
  for (const sequence of [65_534, 65_535, 1, 2, 3]) {
    const parsed = parseRtp(rtp({ sequence, timestamp: sequence * 160 }))
    if (parsed.kind === 'packet') reception.record(parsed.packet, sequence * 20, 8000)
  }
  reception.senderReported(0x12345678, 1_000)
  const result = parseRtcp(reception.report({ ssrc: 1, cname: 'recorder' }, 2_000))
  expect(result).toMatchObject({
    packets: [
      { kind: 'receiver-report', ssrc: 1, blocks: [{ ssrc: 7, lost: 1, fractionLost: 42 / 256, highestSequence: 65_539 }] },
      { kind: 'description', cnames: new Map([[1, 'recorder']]) },
    ],
  })
})

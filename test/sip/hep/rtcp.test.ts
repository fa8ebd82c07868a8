import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRtcpReport } from '../../../src/sip/hep/rtcp.ts'

const parse = (text: string) => parseRtcpReport(Buffer.from(text))

test('a sender report of Asterisk gives loss, jitter and what was sent', () => {
  const text = JSON.stringify({
    ssrc: 1_234_567,
    type: 200,
    report_count: 1,
    sender_information: {
      ntp_timestamp_sec: '3904318215',
      ntp_timestamp_usec: '394488',
      rtp_timestamp: '40000',
      packets: 250,
      octets: 40_000,
    },
    report_blocks: [
      { source_ssrc: 7_654_321, fraction_lost: 32, packets_lost: 5, highest_seq_no: 31_000, ia_jitter: 24, lsr: 1, dlsr: 65_536 },
    ],
  })
  expect(parse(text)).toEqual({
    ssrc: 1_234_567,
    sent: { packets: 250, octets: 40_000 },
    blocks: [{ sourceSsrc: 7_654_321, fractionLost: 0.125, packetsLost: 5, jitter: 24 }],
    roundTripMs: null,
  })
})

test('the comma that rtpengine leaves behind the last report block is forgiven', () => {
  const text =
    '{ "ssrc":9,"type":201,"report_count":1,"report_blocks":[{"source_ssrc":3,"highest_seq_no":1,"fraction_lost":0,"ia_jitter":2,"packets_lost":1,"lsr":0,"dlsr":0},],"sdes_count":0 }'
  expect(parse(text)).toEqual({
    ssrc: 9,
    sent: null,
    blocks: [{ sourceSsrc: 3, fractionLost: 0, packetsLost: 1, jitter: 2 }],
    roundTripMs: null,
  })
})

test('heplify’s zeros in place of a sender report and of a round trip are no figures', () => {
  const sender = { ntp_timestamp_sec: 0, ntp_timestamp_usec: 0, rtp_timestamp: 0, packets: 0, octets: 0 }
  const blocks = [
    { source_ssrc: 3, fraction_lost: 0, packets_lost: 16_777_215, highest_seq_no: 1, ia_jitter: 2, lsr: 0, dlsr: 0 },
  ]
  const report = { sender_information: sender, ssrc: 1, type: 202, report_count: 1, report_blocks: blocks }
  const text = JSON.stringify({ ...report, report_blocks_xr: { type: 0, round_trip_delay: 0 }, sdes_ssrc: 1 })
  expect(parse(text)).toMatchObject({ sent: null, roundTripMs: null, blocks: [{ packetsLost: -1 }] })
})

test('a round trip is taken from the extended report that measured it', () => {
  const text = '{"type":207,"ssrc":1,"report_blocks":null,"report_blocks_xr":{"type":7,"round_trip_delay":48}}'
  expect(parse(text)).toEqual({ ssrc: 1, sent: null, blocks: [], roundTripMs: 48 })
})

test.each([
  ['nothing', ''],
  ['no JSON', 'RTCP'],
  ['raw RTCP', '\x81\xc9\0\x07'],
  ['a number', '5'],
  ['a list', '[]'],
  ['no figures', '{"ssrc":1,"type":202}'],
  ['figures of no size', '{"report_blocks":[{"ia_jitter":-1},{"ia_jitter":1e99},null]}'],
])('%s is no report', (_name, text) => {
  expect(parse(text)).toBeNull()
})

test('any JSON, and any bytes, give a report or none', () => {
  const key = fc.constantFrom('ssrc', 'type', 'report_blocks', 'report_blocks_xr', 'sender_information', 'ia_jitter', 'packets')
  const leaf = fc.oneof(fc.integer(), fc.double(), fc.string(), fc.constant(null), fc.boolean())
  const object = fc.dictionary(key, leaf, { maxKeys: 5 })
  const value = fc.oneof(leaf, object, fc.array(fc.oneof(leaf, object), { maxLength: 5 }))
  fc.assert(
    fc.property(fc.dictionary(key, value), fc.uint8Array({ maxLength: 50 }), (report, bytes) => {
      expect(parse(JSON.stringify(report))).toSatisfy(isReportOrNull)
      expect(parseRtcpReport(Buffer.from(bytes))).toSatisfy(isReportOrNull)
    }),
    { numRuns: 1_000 },
  )
})

function isReportOrNull(report: ReturnType<typeof parseRtcpReport>): boolean {
  return report === null || report.blocks.every(block => block.fractionLost >= 0 && block.fractionLost < 1 && block.jitter >= 0)
}

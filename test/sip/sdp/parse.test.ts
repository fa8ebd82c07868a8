import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SessionDescription } from '../../../src/sip/sdp/description.ts'
import { parseSdp } from '../../../src/sip/sdp/parse.ts'
import { cpuMs } from './cpu-time.ts'

const lines = (...text: string[]): Buffer => Buffer.from(`${text.join('\r\n')}\r\n`)

function parsed(body: Buffer): SessionDescription {
  const result = parseSdp(body)
  if (!result.ok) throw new Error(`refused as ${result.reason}`)
  return result.sdp
}

const reasonOf = (body: Buffer): string => {
  const result = parseSdp(body)
  return result.ok ? 'accepted' : result.reason
}

const TWO_STREAMS = lines(
  'v=0',
  'o=CUBE 1247 9367 IN IP4 192.0.2.1',
  's=SIP Call',
  'c=IN IP4 192.0.2.1',
  't=0 0',
  'a=sendonly',
  'm=audio 10292 RTP/AVP 0 101 96',
  'c=IN IP4 192.0.2.9/127',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-16',
  'a=rtpmap:96 L16/16000/2',
  'a=ptime:20',
  'a=label:1',
  'a=rtcp:12000',
  'm=audio 10294 RTP/AVP 8',
  'a=inactive',
  'a=rtcp-mux',
  'a=label:2',
  'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x',
)

describe('a description', () => {
  test('says of each stream where it comes from, what it carries, which way it goes and its label', () => {
    const sdp = parsed(TWO_STREAMS)
    expect(sdp.origin).toEqual({ username: 'CUBE', sessionId: '1247', version: '9367', address: '192.0.2.1' })
    expect(sdp.media).toHaveLength(2)
    expect(sdp.media[0]).toMatchObject({
      kind: 'audio',
      port: 10292,
      protocol: 'RTP/AVP',
      address: '192.0.2.9',
      direction: 'sendonly',
      label: '1',
      rtcpPort: 12000,
      rtcpMux: false,
      ptimeMs: 20,
      payloads: [
        { type: 0, encoding: 'PCMU', clockRate: 8000, channels: 1, parameters: null },
        { type: 101, encoding: 'TELEPHONE-EVENT', clockRate: 8000, parameters: '0-16' },
        { type: 96, encoding: 'L16', clockRate: 16000, channels: 2 },
      ],
    })
    expect(sdp.media[1]).toMatchObject({
      address: '192.0.2.1',
      direction: 'inactive',
      label: '2',
      rtcpPort: 10294,
      rtcpMux: true,
    })
  })

  test('keeps what the bridge does not understand', () => {
    expect(parsed(TWO_STREAMS).media[1]?.attributes).toContainEqual({
      name: 'crypto',
      value: '1 AES_CM_128_HMAC_SHA1_80 inline:x',
    })
  })

  test.each([
    [
      'bare line feeds',
      Buffer.from('v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/AVP 8\na=sendonly\n'),
    ],
    [
      'blank lines and indentation',
      Buffer.from('\r\n\r\n  v=0\r\n\r\n  c=IN IP4 192.0.2.1\r\n  m=audio 4000 RTP/AVP 8\r\n  a=sendonly\r\n'),
    ],
    ['no line end at its end', Buffer.from('v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly')],
    ['lines of no known type', lines('v=0', 'c=IN IP4 192.0.2.1', 'x=1', 'm=audio 4000/2 RTP/AVP 8', 'a=sendonly', 'nonsense')],
  ])('with %s is read as well', (_, body) => {
    expect(parsed(body).media).toMatchObject([
      { port: 4000, address: '192.0.2.1', direction: 'sendonly', payloads: [{ type: 8, encoding: 'PCMA' }] },
    ])
  })

  test('gives payload types that nothing explains no encoding, and those above 127 no place', () => {
    const [media] = parsed(lines('v=0', 'm=audio 4000 RTP/AVP 97 200 8 8 *')).media
    expect(media?.payloads.map(({ type, encoding }) => [type, encoding])).toEqual([
      [97, null],
      [8, 'PCMA'],
    ])
  })
})

describe('what is refused has a reason', () => {
  test.each([
    ['no-version', Buffer.alloc(0)],
    ['no-version', lines('m=audio 4000 RTP/AVP 0')],
    ['media-line', lines('v=0', 'm=audio')],
    ['media-line', lines('v=0', 'm=audio 99999 RTP/AVP 0')],
    ['too-many-media', lines('v=0', ...Array.from({ length: 65 }, () => 'm=audio 4000 RTP/AVP 0'))],
    ['too-many-lines', lines('v=0', ...Array.from({ length: 2_001 }, () => 'a=x'))],
    ['too-long', Buffer.alloc(65_537, 'a')],
  ])('%s', (reason, body) => {
    expect(reasonOf(body)).toBe(reason)
  })
})

describe('hostile bytes', () => {
  test('never throw', () => {
    const line = fc.constantFrom(
      'v=0',
      'm=audio 1 RTP/AVP 0',
      'a=rtpmap:0 X/1/1',
      'a=fmtp:0',
      'c=IN',
      'a=rtcp:',
      'a=label:',
      'o=',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string({ unit: 'binary' }))), text => void parseSdp(Buffer.from(text.join('\n')))),
      { numRuns: 150 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), bytes => void parseSdp(Buffer.from(bytes))),
      { numRuns: 150 },
    )
  })

  test.each([
    ['one long line of blanks', Buffer.from(`v=0\r\nm=${' '.repeat(65_000)}`)],
    ['one line with 30,000 formats', Buffer.from(`v=0\r\nm=audio 1 RTP/AVP${' 0'.repeat(30_000)}`)],
    ['1,900 rtpmaps of blanks', Buffer.from(`v=0\r\nm=audio 1 RTP/AVP 0\r\n${`a=rtpmap:1${' '.repeat(20)}x\r\n`.repeat(1_900)}`)],
    ['a long rtpmap', Buffer.from(`v=0\r\nm=audio 1 RTP/AVP 0\r\na=rtpmap:1 ${'a'.repeat(65_000)}`)],
    ['a long fmtp', Buffer.from(`v=0\r\nm=audio 1 RTP/AVP 0\r\na=fmtp:1${' '.repeat(65_000)}x`)],
  ])('take no time: %s', (_, body) => {
    expect(cpuMs(() => parseSdp(body))).toBeLessThan(50)
  })
})

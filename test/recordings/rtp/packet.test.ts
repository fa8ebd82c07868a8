import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { looksLikeRtcp, parseRtp } from '../../../src/recordings/rtp/packet.ts'
import { rtp } from './rtp-packets.ts'

describe('an RTP packet', () => {
  test('gives its payload without contributing sources, extension and padding', () => {
    const payload = Uint8Array.from([1, 2, 3, 4])
    const bytes = rtp({
      payloadType: 9,
      sequence: 65_535,
      timestamp: 4_294_967_295,
      marker: true,
      payload,
      csrcs: 3,
      extension: 2,
      padding: 5,
    })
    const packet = {
      marker: true,
      payloadType: 9,
      sequence: 65_535,
      timestamp: 4_294_967_295,
      ssrc: 7,
      payload: Buffer.from(payload),
    }
    expect(parseRtp(bytes)).toEqual({ kind: 'packet', packet })
  })

  test.each([
    ['short', rtp().subarray(0, 11)],
    ['version', Buffer.concat([Buffer.from([0x40]), rtp().subarray(1)])],
    ['csrc', Buffer.concat([Buffer.from([0x8f]), rtp({ payload: new Uint8Array(8) }).subarray(1)])],
    ['extension', rtp({ extension: 9, payload: new Uint8Array(0) }).subarray(0, 20)],
    ['padding', Buffer.concat([Buffer.from([0xa0]), rtp({ payload: Uint8Array.from([3]) }).subarray(1)])],
    ['padding', Buffer.concat([Buffer.from([0xa0]), rtp({ payload: Uint8Array.from([0]) }).subarray(1)])],
  ])('that is broken is refused because of its %s', (reason, bytes) => {
    expect(parseRtp(bytes)).toEqual({ kind: 'broken', reason })
  })

  test('of any bytes never throws, and its payload lies within them', () => {
    const start = fc.constantFrom(0x80, 0x90, 0xa0, 0xb0, 0x8f, 0xbf, 0x00)
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 80 }), (first, rest) => {
        const bytes = Uint8Array.from([first, ...rest])
        const result = parseRtp(bytes)
        if (result.kind === 'packet') expect(result.packet.payload.length).toBeLessThanOrEqual(bytes.length - 12)
      }),
      { numRuns: 5_000 },
    )
  })

  test('is told from RTCP on the same port', () => {
    expect(looksLikeRtcp(rtp({ payloadType: 0, marker: true }))).toBe(false)
    expect(looksLikeRtcp(rtp({ payloadType: 101, marker: true }))).toBe(false)
    expect(looksLikeRtcp(Buffer.from([0x80, 200, 0, 6, 0, 0, 0, 1]))).toBe(true)
  })
})

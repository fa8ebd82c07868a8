import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SessionDescription } from '../../../src/sip/sdp/description.ts'
import { parseSdp } from '../../../src/sip/sdp/parse.ts'
import { formatAnswer, formatOffer, type LocalMedia, receivable } from '../../../src/sip/sdp/recording-offer.ts'

const LOCAL = { address: '192.0.2.50', sessionId: 7, version: 1 }

function offer(...media: string[]): SessionDescription {
  const result = parseSdp(
    Buffer.from(['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-', 'c=IN IP4 192.0.2.1', 't=0 0', ...media].join('\r\n')),
  )
  if (!result.ok) throw new Error(`refused as ${result.reason}`)
  return result.sdp
}

const answered = (description: SessionDescription, ports: LocalMedia['ports']): string[] =>
  formatAnswer(description, { ...LOCAL, ports })
    .trimEnd()
    .split('\r\n')
    .slice(5)

describe('an answer', () => {
  test('listens to what is sent, names the encodings that can be recorded, and repeats the label', () => {
    const description = offer(
      'm=audio 4000 RTP/AVP 18 8 0 101',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-15',
      'a=label:10',
      'a=ptime:20',
      'a=sendonly',
    )
    expect(answered(description, [20_000])).toEqual([
      'm=audio 20000 RTP/AVP 8 0 101',
      'a=rtpmap:8 PCMA/8000',
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:101 telephone-event/8000',
      'a=fmtp:101 0-15',
      'a=ptime:20',
      'a=label:10',
      'a=recvonly',
    ])
  })

  test.each([
    ['sendonly', 'recvonly'],
    ['sendrecv', 'recvonly'],
    ['recvonly', 'inactive'],
    ['inactive', 'inactive'],
  ])('to %s is %s', (offered, answer) => {
    expect(answered(offer('m=audio 4000 RTP/AVP 0', `a=${offered}`), [20_000]).at(-1)).toBe(`a=${answer}`)
  })

  test('refuses with port 0 what cannot be recorded, and keeps every line in its place', () => {
    const description = offer(
      'm=video 5000 RTP/AVP 99',
      'a=rtpmap:99 H264/90000',
      'm=audio 4000 RTP/AVP 0',
      'm=audio 4002 RTP/SAVP 0',
      'm=audio 4004 RTP/AVP 18',
      'm=audio 0 RTP/AVP 0',
      'm=application 9 UDP/BFCP *',
      'm=audio 4006 RTP/AVP 9',
    )
    const lines = answered(description, [null, 20_000, 20_002, 20_004, 20_006, 20_008, null]).filter(line =>
      line.startsWith('m='),
    )
    expect(lines).toEqual([
      'm=video 0 RTP/AVP 99',
      'm=audio 20000 RTP/AVP 0',
      'm=audio 0 RTP/SAVP 0',
      'm=audio 0 RTP/AVP 18',
      'm=audio 0 RTP/AVP 0',
      'm=application 0 UDP/BFCP *',
      'm=audio 0 RTP/AVP 9',
    ])
  })

  test('gives an IPv6 address its own family', () => {
    expect(formatAnswer(offer('m=audio 4000 RTP/AVP 0'), { ...LOCAL, address: '2001:db8::1', ports: [20_000] })).toContain(
      'c=IN IP6 2001:db8::1\r\n',
    )
  })

  test('has as many lines as the offer and is itself a description, whatever is offered', () => {
    const line = fc
      .tuple(
        fc.constantFrom('audio', 'video', 'text'),
        fc.integer({ min: 0, max: 65_535 }),
        fc.constantFrom('RTP/AVP', 'RTP/AVPF', 'RTP/SAVP', 'UDP/TLS/RTP/SAVPF', 'udptl'),
        fc.array(fc.integer({ min: 0, max: 127 }), { minLength: 1, maxLength: 8 }),
      )
      .map(([kind, port, protocol, formats]) => `m=${kind} ${port} ${protocol} ${formats.join(' ')}`)
    fc.assert(
      fc.property(fc.array(line, { maxLength: 10 }), media => {
        const description = offer(...media)
        const ports = media.map((_, index) => 20_000 + 2 * index)
        const result = parseSdp(Buffer.from(formatAnswer(description, { ...LOCAL, ports })))
        if (!result.ok) throw new Error(result.reason)
        expect(result.sdp.media).toHaveLength(media.length)
        for (const [index, each] of result.sdp.media.entries()) {
          const offered = description.media[index]
          expect(offered?.formats).toEqual(expect.arrayContaining([...each.formats]))
          expect(each.port).toBe(offered !== undefined && receivable(offered) !== null ? ports[index] : 0)
        }
      }),
      { numRuns: 200 },
    )
  })
})

test('an offer of ours asks for audio to record', () => {
  const result = parseSdp(Buffer.from(formatOffer({ ...LOCAL, ports: [20_000] })))
  expect(result).toMatchObject({ ok: true, sdp: { address: '192.0.2.50', media: [{ port: 20_000, direction: 'recvonly' }] } })
})

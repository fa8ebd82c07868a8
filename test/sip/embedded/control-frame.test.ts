import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeFrame, FrameDecoder, MAX_FRAME_BYTES, splitPayload } from '../../../src/sip/embedded/control/frame.ts'

const payloads = fc.array(fc.string({ unit: 'binary', maxLength: 80 }), { maxLength: 8 })

/** Cuts bytes at the given places, in any order and number. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map(place => place % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...ends].map((start, index) => bytes.subarray(start, [...ends, bytes.length][index]))
}

describe('frames', () => {
  it('come out as they went in, wherever the stream is cut', () => {
    fc.assert(
      fc.property(payloads, fc.array(fc.nat()), (sent, places) => {
        const decoder = new FrameDecoder()
        const received = cut(Buffer.concat(sent.map(payload => encodeFrame(payload))), places).flatMap(chunk => {
          const result = decoder.push(chunk)
          return result.ok ? result.frames.map(String) : ['broken']
        })
        expect(received).toEqual(sent)
      }),
    )
  })

  it('are never thrown over, whatever bytes come, and a broken stream stays broken', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), chunks => {
        const decoder = new FrameDecoder()
        let broken = false
        for (const chunk of chunks) {
          const { ok } = decoder.push(Buffer.from(chunk))
          expect(broken && ok).toBe(false)
          broken = broken || !ok
        }
      }),
    )
  })

  it('longer than the limit are refused by their length alone', () => {
    expect(new FrameDecoder().push(Buffer.from(`${MAX_FRAME_BYTES + 1}#`))).toEqual({ ok: false, reason: 'frame-too-long' })
    expect(new FrameDecoder().push(Buffer.from('0000000000000001'))).toEqual({ ok: false, reason: 'frame-too-long' })
  })

  it('of the largest size pass', () => {
    const decoder = new FrameDecoder()
    const bytes = encodeFrame('x'.repeat(MAX_FRAME_BYTES))
    expect(decoder.push(bytes.subarray(0, 100))).toEqual({ ok: true, frames: [] })
    const result = decoder.push(bytes.subarray(100))
    expect(result.ok && result.frames[0]?.length).toBe(MAX_FRAME_BYTES)
  })

  it('count bytes, not characters', () => {
    expect(encodeFrame('ü|ping').toString()).toBe('7#ü|ping')
    expect(encodeFrame('a|b', Buffer.from('SIP/2.0 200 OK\r\n\r\n')).toString()).toBe('23#a|b\r\nSIP/2.0 200 OK\r\n\r\n')
  })
})

it('a payload splits into its leader tokens and the rest', () => {
  expect(splitPayload(Buffer.from('1|sip|2|3'))).toEqual({ tokens: ['1', 'sip', '2', '3'], rest: null })
  const { tokens, rest } = splitPayload(Buffer.from('1|sip||\r\nBYE sip:a SIP/2.0\r\nX: 1'))
  expect(tokens).toEqual(['1', 'sip', '', ''])
  expect(rest?.toString()).toBe('BYE sip:a SIP/2.0\r\nX: 1')
})

import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bundledFfmpeg, findFfmpeg } from '../../../src/recordings/encoding/ffmpeg.ts'
import { createDecoder, sampleRateOf, ticksOf } from '../../../src/recordings/rtp/codecs/codec.ts'
import { decodeG711 } from '../../../src/recordings/rtp/codecs/g711.ts'
import { G722Decoder } from '../../../src/recordings/rtp/codecs/g722.ts'
import { decodeL16 } from '../../../src/recordings/rtp/codecs/l16.ts'
import { Doubler, Halver } from '../../../src/recordings/rtp/codecs/resample.ts'

const search = await findFfmpeg({ configured: null, searchPath: process.env.PATH ?? '', bundled: bundledFfmpeg })
const ffmpeg = search.kind === 'found' ? search.ffmpeg.path : null

/** What ffmpeg makes of the same bytes. */
function reference(format: string, bytes: Uint8Array): Int16Array {
  const options = { input: bytes, maxBuffer: 16e6 }
  const out = execFileSync(ffmpeg ?? '', ['-v', 'error', '-f', format, '-i', 'pipe:0', '-f', 's16le', 'pipe:1'], options)
  return new Int16Array(out.buffer.slice(out.byteOffset, out.byteOffset + out.length))
}

const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index)

describe.runIf(ffmpeg !== null)('beside ffmpeg', () => {
  test.each([
    ['alaw', 'a-law'],
    ['mulaw', 'mu-law'],
  ] as const)('every code of G.711 %s is the same sample', (format, law) => {
    expect([...decodeG711(law, everyByte)]).toEqual([...reference(format, everyByte)])
  })

  test('G.722 is the same to the bit, for speech-like and for arbitrary bytes, however it is cut into packets', () => {
    const bytes = Uint8Array.from({ length: 16_000 }, (_, index) =>
      index < 8_000 ? index * 7_919 + ((index ** 2) >> 3) : index >> 4,
    )
    const decoder = new G722Decoder()
    const samples: number[] = []
    for (let at = 0; at < bytes.length; at += 160) samples.push(...decoder.decode(bytes.subarray(at, at + 160)))
    expect(samples).toEqual([...reference('g722', bytes)])
  })
})

test('L16 is read in network byte order, and stereo becomes the mean of both', () => {
  expect([...decodeL16(1, Uint8Array.from([0x01, 0x00, 0xff, 0xfe, 0x7f]))]).toEqual([256, -2])
  expect([...decodeL16(2, Uint8Array.from([0x01, 0x00, 0x03, 0x00, 0x80, 0x00, 0x80, 0x00]))]).toEqual([512, -32768])
})

test.each([
  [{ type: 0, codec: 'PCMU', clockRate: 8000, channels: 1 }, 8000],
  [{ type: 9, codec: 'G722', clockRate: 8000, channels: 1 }, 16000],
  [{ type: 96, codec: 'L16', clockRate: 16000, channels: 2 }, 16000],
  [{ type: 11, codec: 'L16', clockRate: 44100, channels: 1 }, null],
  [{ type: 9, codec: 'G722', clockRate: 16000, channels: 1 }, null],
] as const)('%o holds %s samples a second', (payload, rate) => {
  expect(sampleRateOf(payload)).toBe(rate)
})

test('20 ms of any codec become 20 ms of the recording', () => {
  const payloads = [
    { payload: { type: 0, codec: 'PCMU', clockRate: 8000, channels: 1 }, bytes: 160 },
    { payload: { type: 9, codec: 'G722', clockRate: 8000, channels: 1 }, bytes: 160 },
    { payload: { type: 96, codec: 'L16', clockRate: 8000, channels: 2 }, bytes: 640 },
    { payload: { type: 97, codec: 'L16', clockRate: 16000, channels: 1 }, bytes: 640 },
  ] as const
  for (const { payload, bytes } of payloads) {
    expect(ticksOf(payload, bytes)).toBe(payload.clockRate / 50)
    for (const rate of [8000, 16000] as const) expect(createDecoder(payload, rate)(new Uint8Array(bytes))).toHaveLength(rate / 50)
  }
})

describe('a changed sample rate', () => {
  const tone = (rate: number, hertz: number): Int16Array =>
    Int16Array.from({ length: rate / 2 }, (_, index) => Math.round(10_000 * Math.sin((2 * Math.PI * hertz * index) / rate)))
  const loudness = (samples: Int16Array): number =>
    Math.sqrt(samples.subarray(200).reduce((sum, sample) => sum + sample ** 2, 0) / (samples.length - 200))

  test.each([300, 1_000, 2_800])('keeps a tone of %i Hz as loud as it was', hertz => {
    const loud = 10_000 / Math.SQRT2
    expect(Math.abs(loudness(new Doubler().push(tone(8000, hertz))) / loud - 1)).toBeLessThan(0.02)
    expect(Math.abs(loudness(new Halver().push(tone(16000, hertz))) / loud - 1)).toBeLessThan(0.02)
  })

  test('takes away what the lower rate cannot carry', () => {
    expect(loudness(new Halver().push(tone(16000, 5_500)))).toBeLessThan(40)
  })

  test('gives the same samples however they are cut, odd pieces included', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 12 }), cuts => {
        const samples = tone(16000, 440).subarray(0, 600)
        const halver = new Halver()
        const pieces: number[] = []
        let at = 0
        for (const cut of [...cuts, 600]) {
          pieces.push(...halver.push(samples.subarray(at, at + cut)))
          at += cut
        }
        expect(pieces).toEqual([...new Halver().push(samples)])
      }),
      { numRuns: 50 },
    )
  })
})

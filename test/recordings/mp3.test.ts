import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Mp3Meter, type Mp3Report } from '../../src/recordings/audio/mp3.ts'

/** MPEG 2.5 layer III, 32 kbit/s, 8 kHz, mono: 288 bytes and 72 ms. */
const frame = (): Buffer => {
  const bytes = Buffer.alloc(288)
  bytes.writeUInt32BE(0xffe348c4)
  return bytes
}
const infoFrame = (delay: number, padding: number): Buffer => {
  const bytes = frame()
  bytes.write('Info', 4 + 9)
  bytes.writeUInt32BE(0x0f, 4 + 9 + 4)
  const lame = 4 + 9 + 8 + 4 + 4 + 100 + 4
  bytes.write('Lavf', lame)
  bytes.writeUIntBE((delay << 12) | padding, lame + 21, 3)
  return bytes
}
const id3 = (size: number): Buffer => {
  const bytes = Buffer.alloc(10 + size, 0xff)
  bytes.write('ID3')
  bytes.fill(0, 3, 10)
  bytes[9] = size
  return bytes
}
const measure = (bytes: Uint8Array, pieces: readonly number[] = [bytes.length]): Mp3Report => {
  const meter = new Mp3Meter()
  let at = 0
  for (let n = 0; at < bytes.length; n += 1) {
    const length = Math.max(1, pieces[n % pieces.length] ?? 1)
    meter.push(bytes.subarray(at, at + length))
    at += length
  }
  return meter.finish()
}

test('frames are counted, tags at both ends are not', () => {
  const bytes = Buffer.concat([id3(60), ...Array.from({ length: 100 }, frame), Buffer.alloc(128, 'TAG')])
  expect(measure(bytes)).toEqual({ kind: 'mp3', durationMs: 7200, channels: 1, sampleRate: 8000, frames: 100 })
})

test('an Info frame is no audio, and the silence it tells of is not either', () => {
  const bytes = Buffer.concat([infoFrame(1105, 47), ...Array.from({ length: 100 }, frame)])
  expect(measure(bytes)).toMatchObject({ durationMs: ((57_600 - 1152) * 1000) / 8000, frames: 100 })
})

test('an MP3 of an Info frame alone is broken', () => {
  expect(measure(infoFrame(0, 0))).toMatchObject({ kind: 'broken', reason: expect.stringContaining('no MP3 audio frame') })
})

test('a file that is mostly something else is broken', () => {
  expect(measure(Buffer.concat([frame(), Buffer.alloc(4000, 'x')]))).toMatchObject({ kind: 'broken' })
})

test('the way a file is cut into chunks changes nothing', () => {
  const bytes = Buffer.concat([id3(60), infoFrame(576, 100), ...Array.from({ length: 20 }, frame), Buffer.from('junk')])
  const whole = measure(bytes)
  expect(whole.kind).toBe('mp3')
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 6 }), pieces => {
      expect(measure(bytes, pieces)).toEqual(whole)
    }),
  )
})

test('any bytes give a report', () => {
  const interesting = fc.constantFrom(frame(), infoFrame(4095, 4095), id3(127), Buffer.from('TAG'), Buffer.from([0xff, 0xe3]))
  const piece = fc.oneof(interesting, fc.uint8Array({ maxLength: 50 }))
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.integer({ min: 1, max: 400 }), (pieces, size) => {
      const report = measure(Buffer.concat(pieces), [size])
      if (report.kind === 'mp3') expect(report.durationMs).toBeGreaterThan(0)
    }),
  )
})

import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Mp3Scanner } from '../../../src/zendesk/sandbox/mp3.ts'
import { silence, silentFrame } from '../made-mp3.ts'

function scan(bytes: Buffer, pieces: readonly number[] = []) {
  const scanner = new Mp3Scanner()
  let rest = bytes
  for (const length of pieces) {
    scanner.push(rest.subarray(0, length))
    rest = rest.subarray(length)
  }
  scanner.push(rest)
  return scanner.finish()
}

const id3 = (size: number) =>
  Buffer.concat([Buffer.from('ID3\x04\0\0\0\0'), Buffer.from([size >> 7, size & 127]), Buffer.alloc(size, 0xff)])
const id3v1 = Buffer.concat([Buffer.from('TAG'), Buffer.alloc(125)])
const whole = { frames: 10, durationMs: 720, sampleRate: 8000, channels: 1 }

/** The ffmpeg of this machine, or the one that npm brings. */
function encode(...options: readonly string[]): Buffer {
  const run = (ffmpeg: string) =>
    execFileSync(ffmpeg, ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'sine=d=3', ...options, '-f', 'mp3', 'pipe:1'])
  try {
    return run('ffmpeg')
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause
    return run(createRequire(import.meta.url)('@ffmpeg-installer/ffmpeg').path)
  }
}

describe('the MP3 scanner', () => {
  it('counts frames and not the Info frame', () => {
    expect(scan(silence(10))).toEqual({ ok: true, summary: whole })
  })

  it('passes over ID3 tags at both ends', () => {
    expect(scan(Buffer.concat([id3(300), silence(10), id3v1]))).toEqual({ ok: true, summary: whole })
  })

  it.each<[string, readonly string[], number, number]>([
    ['8 kHz mono', ['-ar', '8000', '-ac', '1', '-b:a', '32k'], 8000, 1],
    ['16 kHz mono', ['-ar', '16000', '-ac', '1', '-b:a', '24k'], 16_000, 1],
    ['44.1 kHz joint stereo', ['-ar', '44100', '-ac', '2', '-b:a', '128k'], 44_100, 2],
    ['48 kHz VBR', ['-ar', '48000', '-ac', '2', '-q:a', '4'], 48_000, 2],
    ['8 kHz stereo without tags', ['-ar', '8000', '-ac', '2', '-b:a', '48k', '-id3v2_version', '0', '-write_xing', '0'], 8000, 2],
  ])('measures what ffmpeg encodes: %s', (_what, options, sampleRate, channels) => {
    const verdict = scan(encode(...options))
    expect(verdict).toMatchObject({ ok: true, summary: { sampleRate, channels } })
    const seconds = verdict.ok ? verdict.summary.durationMs / 1000 : 0
    expect(seconds).toBeGreaterThan(2.99)
    expect(seconds).toBeLessThan(3.5)
  })

  it.each<[string, Buffer, string]>([
    ['nothing', Buffer.alloc(0), 'there is no audio frame'],
    ['an encoder that got no samples', silence(0), 'there is no audio frame'],
    ['a WAV', Buffer.from('RIFF....WAVEfmt '), 'byte 0 begins no MP3 frame'],
    ['a cut last frame', silence(10).subarray(0, -1), 'the last frame is cut off'],
    ['a hole', Buffer.concat([silence(3), Buffer.alloc(100), silence(3)]), 'byte 1152 begins no MP3 frame'],
    ['audio behind the end tag', Buffer.concat([silence(3), id3v1, silentFrame]), 'something follows the end tag at byte 1280'],
    [
      'a change of rate',
      Buffer.concat([silence(3), Buffer.from([0xff, 0xe3, 0x44, 0xc4]), Buffer.alloc(400)]),
      'the format changes at byte 1152',
    ],
  ])('refuses %s', (_what, bytes, reason) => {
    expect(scan(bytes)).toEqual({ ok: false, reason })
  })

  it('says the same however the bytes are cut into pieces', () => {
    const file = Buffer.concat([id3(20), silence(6), id3v1])
    fc.assert(
      fc.property(fc.array(fc.nat(400)), fc.nat(file.length), (pieces, end) => {
        expect(scan(file.subarray(0, end), pieces)).toEqual(scan(file.subarray(0, end)))
      }),
    )
  })

  it('has a verdict on any bytes', () => {
    const garbage = fc.uint8Array({ maxLength: 2000 }).map(bytes => Buffer.from(bytes))
    fc.assert(
      fc.property(garbage, fc.nat(3), (bytes, frames) => {
        const verdict = scan(Buffer.concat([silence(frames), bytes]))
        expect(typeof verdict.ok).toBe('boolean')
      }),
    )
  })
})

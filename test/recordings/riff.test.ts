import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ByteSource } from '../../src/recordings/audio/byte-source.ts'
import { ignoresLength, readWav } from '../../src/recordings/audio/riff.ts'
import { chunk, tone, wav } from './wav.ts'

class CountedBytes implements ByteSource {
  readonly size: number
  read_ = 0
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.size = bytes.length
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = this.#bytes.subarray(position, position + length)
    this.read_ += bytes.length
    return bytes
  }
}

const look = (bytes: Uint8Array) => readWav(new CountedBytes(bytes))
const fixtures = new URL('../fixtures/audio/', import.meta.url)
const u16 = (...values: readonly number[]): Buffer => Buffer.from(Uint16Array.from(values).buffer)

describe('the captured files of an Asterisk', () => {
  test.each([
    ['1795329426.4_1-3723@127.0.0.1.wav', 'pcm', 8000],
    ['1795329441.8_1-3852@127.0.0.1.WAV', 'gsm', 6000],
    ['voicemail/default/1002/INBOX/msg0000.wav', 'pcm', 14220],
    ['voicemail/default/1002/INBOX/msg0000.WAV', 'gsm', 14200],
  ])('%s is closed %s audio of %d ms', async (name, encoding, durationMs) => {
    const result = await look(await readFile(new URL(name, fixtures)))
    expect(result).toMatchObject({
      kind: 'audio',
      header: 'exact',
      durationMs,
      format: { encoding, channels: 1, sampleRate: 8000 },
    })
  })

  test('the 44-byte file of an unanswered call is empty, and closed', async () => {
    const result = await look(await readFile(new URL('1795329535.28_1-6600@127.0.0.1.wav', fixtures)))
    expect(result).toEqual({ kind: 'empty', header: 'exact', reason: 'header only, no audio' })
  })
})

describe('encodings', () => {
  const guid = Buffer.from('000000001000800000aa00389b71', 'hex')
  const extensible = (tag: number): Buffer => Buffer.concat([u16(22, 16, 0, 0, tag), guid])
  test.each([
    ['PCM 8', { bits: 8, data: Buffer.alloc(8000) }, 'pcm', 1000],
    ['PCM 16 stereo', { channels: 2, data: tone(2, 8000, 2) }, 'pcm', 2000],
    ['PCM 24', { bits: 24, data: Buffer.alloc(48_000) }, 'pcm', 2000],
    ['PCM 32', { bits: 32, data: Buffer.alloc(64_000) }, 'pcm', 2000],
    ['float', { tag: 3, bits: 32, data: Buffer.alloc(64_000) }, 'float', 2000],
    ['A-law', { tag: 6, bits: 8, data: Buffer.alloc(12_000) }, 'a-law', 1500],
    ['mu-law', { tag: 7, bits: 8, data: Buffer.alloc(12_000) }, 'mu-law', 1500],
    ['GSM 6.10', { tag: 0x31, bits: 0, blockAlign: 65, extra: u16(2, 320), data: Buffer.alloc(65 * 50) }, 'gsm', 2000],
    ['MS ADPCM', { tag: 2, bits: 4, blockAlign: 256, extra: u16(2, 500), data: Buffer.alloc(256 * 16) }, 'ms-adpcm', 1000],
    ['IMA ADPCM', { tag: 0x11, bits: 4, blockAlign: 256, extra: u16(2, 505), data: Buffer.alloc(256 * 16) }, 'ima-adpcm', 1010],
    ['extensible PCM', { tag: 0xfffe, extra: extensible(1), data: tone(1) }, 'pcm', 1000],
    ['extensible A-law', { tag: 0xfffe, bits: 8, extra: extensible(6), data: Buffer.alloc(8000) }, 'a-law', 1000],
  ])('%s', async (_name, options, encoding, durationMs) => {
    expect(await look(wav(options))).toMatchObject({ kind: 'audio', header: 'exact', format: { encoding }, durationMs })
  })

  test.each([
    ['no channels', { channels: 0, blockAlign: 2 }, /0 channels/],
    ['no sample rate', { rate: 0 }, /0 samples a second/],
    ['an absurd rate', { rate: 4_000_000_000, data: Buffer.alloc(4), blockAlign: 1 }, /4000000000 samples/],
    ['PCM of 13 bits', { bits: 13, blockAlign: 2 }, /13 bits/],
    ['ADPCM without blocks', { tag: 2, bits: 4, blockAlign: 0 }, /blocks of 0 bytes/],
    ['ADPCM with blocks smaller than their header', { tag: 2, bits: 4, blockAlign: 5 }, /blocks of 5 bytes/],
    ['MP3 in a WAV', { tag: 0x55 }, /0x0055 \(MP3\)/],
    ['an unknown sub-format', { tag: 0xfffe, extra: Buffer.alloc(24, 1) }, /unknown sub-format/],
  ])('%s is broken', async (_name, options, reason) => {
    expect(await look(wav(options))).toEqual({ kind: 'broken', reason: expect.stringMatching(reason) })
  })
})

describe('sizes that are not true', () => {
  const data = tone(2)
  const ds64 = (size: number): Buffer => {
    const body = Buffer.alloc(28)
    body.writeBigUInt64LE(BigInt(size), 8)
    return chunk('ds64', body)
  }
  test.each([
    ['both 0: still open', { dataSize: 0, riffSize: 0 }, 'unfinished', true],
    ['data 0 with a RIFF size', { dataSize: 0 }, 'unfinished', true],
    ['unknown', { dataSize: 0xffffffff, riffSize: 0xffffffff }, 'unfinished', true],
    ["sox's unknown", { dataSize: 0x7ffff024, riffSize: 0x7ffff048 }, 'unfinished', true],
    ['smaller than the file', { dataSize: data.length / 2 }, 'stale', true],
    ['larger than the file', { dataSize: data.length * 2 }, 'truncated', false],
    ['right in ds64', { form: 'RF64', dataSize: 0xffffffff, riffSize: 0xffffffff, before: ds64(data.length) }, 'exact', false],
    [
      'larger in ds64',
      { form: 'RF64', dataSize: 0xffffffff, riffSize: 0xffffffff, before: ds64(data.length + 9) },
      'truncated',
      false,
    ],
    ['a trailing LIST chunk', { after: chunk('LIST', Buffer.alloc(26)) }, 'exact', false],
    ['a RIFF size of 0 beside a good data size', { riffSize: 0 }, 'exact', false],
    ['an odd chunk that was not padded', { before: chunk('LIST', Buffer.alloc(7)) }, 'exact', false],
    ['an odd chunk that was padded', { before: chunk('LIST', Buffer.alloc(8), 7) }, 'exact', false],
  ])('%s: all that is there counts', async (_name, options, header, ignored) => {
    const result = await look(wav({ data, ...options }))
    expect(result).toMatchObject({ kind: 'audio', header, durationMs: 2000 })
    expect(result.kind === 'audio' && ignoresLength(result)).toBe(ignored)
  })

  test('an odd number of audio bytes is exact with its pad and without', async () => {
    for (const after of [Buffer.alloc(1), Buffer.alloc(0)]) {
      const result = await look(wav({ tag: 7, bits: 8, data: Buffer.alloc(8001, 1), after }))
      expect(result).toMatchObject({ kind: 'audio', header: 'exact', dataBytes: 8001 })
    }
  })

  test('a header of a file that is still open is empty and unfinished', async () => {
    const result = await look(wav({ data: Buffer.alloc(0), riffSize: 0 }))
    expect(result).toMatchObject({ kind: 'empty', header: 'unfinished' })
  })
})

describe('what is no WAV', () => {
  test.each([
    ['a ZIP', Buffer.from('504b0304140000000800', 'hex'), 'broken', /ZIP/],
    ['an MP3 with a tag', Buffer.from('ID3\x04\x00\x00\x00\x00\x00\x00xx', 'latin1'), 'broken', /ID3/],
    ['an MP3', Buffer.from('fffb90c400000000', 'hex'), 'broken', /MPEG/],
    ['text', Buffer.from('<html><body>not found'), 'broken', /text/],
    ['an AVI', Buffer.from('RIFF\x24\x00\x00\x00AVI LIST', 'latin1'), 'broken', /another kind/],
    ['audio before its format', wav().subarray(0, 12).toString('latin1'), 'beginning', /ends before/],
    ['a file of zeros', Buffer.alloc(4096), 'beginning', /zero bytes/],
    ['nothing', Buffer.alloc(0), 'beginning', /0 bytes/],
    ['a cut header', wav().subarray(0, 30), 'beginning', /ends within its format/],
    ['data without a format', Buffer.concat([wav().subarray(0, 12), chunk('data', tone(1))]), 'broken', /before its format/],
  ])('%s', async (_name, bytes, kind, reason) => {
    const result = await look(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
    expect(result).toMatchObject({ kind, reason: expect.stringMatching(reason) })
  })
})

describe('any bytes', () => {
  const check = async (bytes: Uint8Array): Promise<void> => {
    const source = new CountedBytes(bytes)
    const result = await readWav(source)
    expect(source.read_).toBeLessThan(32 * 1024)
    if (result.kind !== 'audio') return
    expect(result.durationMs).toBeGreaterThan(0)
    expect(result.dataOffset + result.dataBytes).toBeLessThanOrEqual(bytes.length)
  }

  test('give a result, and few of them are read', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), check))
  })

  test('of a WAV with any bytes changed give a result', async () => {
    const change = fc.tuple(fc.nat({ max: 80 }), fc.nat({ max: 255 }))
    const whole = wav({ data: tone(0.05), before: chunk('LIST', Buffer.alloc(10)), after: chunk('id3 ', Buffer.alloc(20)) })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 8 }), fc.nat({ max: whole.length }), async (changes, cut) => {
        const bytes = Buffer.from(whole)
        for (const [at, value] of changes) bytes[at] = value
        await check(bytes)
        await check(bytes.subarray(0, cut))
      }),
    )
  })
})

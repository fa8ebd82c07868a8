import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { OpenFile } from '../../src/recordings/audio/byte-source.ts'
import { encodingFor } from '../../src/recordings/encoding/bitrate.ts'
import type { EncodeSettings } from '../../src/recordings/encoding/encode-run.ts'
import { Transcoder } from '../../src/recordings/encoding/transcoder.ts'
import { keptLog } from './kept-log.ts'
import { systemFfmpeg } from './stage.ts'
import { wav } from './wav.ts'

const hour = 3_600_000
const megabytes = 1_000_000
const usual: EncodeSettings = { kbits: 32, channels: 'source', sampleRate: 'source' }
const telephone = { channels: 2, sampleRate: 8_000 }

test.each<[string, number, number, EncodeSettings, Partial<EncodeSettings>]>([
  ['three hours fit as configured', 3 * hour, 8_000, usual, usual],
  ['four hours need fewer bits', 4 * hour, 8_000, usual, { kbits: 24, channels: 'source', sampleRate: 'source' }],
  ['six hours need one channel', 6 * hour, 8_000, usual, { kbits: 16, channels: 'mono', sampleRate: 'source' }],
  ['thirteen hours need all that MPEG-2.5 can save', 13 * hour, 8_000, usual, { kbits: 8, channels: 'mono' }],
  ['twenty hours stay at the lowest', 20 * hour, 8_000, usual, { kbits: 8, channels: 'mono' }],
  ['24 kbit/s is not in MPEG-1', 4 * hour, 44_100, usual, { kbits: 24, sampleRate: 24_000 }],
  ['16 kHz stay 16 kHz at 16 kbit/s', 6 * hour, 16_000, usual, { kbits: 16, sampleRate: 'source' }],
  ['a configured sample rate is kept', 13 * hour, 8_000, { ...usual, sampleRate: 16_000 }, { kbits: 16, sampleRate: 16_000 }],
  ['less is configured already', 20 * hour, 8_000, { ...usual, kbits: 8 }, { ...usual, kbits: 8 }],
])('within 50 MB, %s', (_name, durationMs, sampleRate, settings, expected) => {
  expect(encodingFor({ ...telephone, durationMs, sampleRate }, settings, 50 * megabytes)).toMatchObject(expected)
})

test('without a limit nothing changes', () => {
  expect(encodingFor({ ...telephone, durationMs: 100 * hour }, usual, null)).toBe(usual)
})

test('a lower bit rate is chosen only when the higher one is too much, and fits unless it is the lowest', () => {
  const kbits = fc.constantFrom(8, 16, 24, 32, 40, 48, 56, 64)
  const rates = fc.constantFrom(8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000)
  const wanted = fc.record({
    kbits,
    channels: fc.constantFrom<EncodeSettings['channels']>('source', 'mono'),
    sampleRate: fc.constantFrom<EncodeSettings['sampleRate']>('source', 16_000),
  })
  fc.assert(
    fc.property(
      fc.nat(40 * hour),
      rates,
      wanted,
      fc.integer({ min: 1_000, max: 60 * megabytes }),
      (durationMs, rate, settings, max) => {
        const format = { durationMs, sampleRate: rate, channels: 2 }
        const chosen = encodingFor(format, settings, max)
        const bytes = (each: number) => (durationMs * each) / 8
        expect(chosen.kbits).toBeLessThanOrEqual(settings.kbits)
        if (chosen.kbits < settings.kbits) expect(bytes(settings.kbits)).toBeGreaterThan(max * 0.97)
        const lowest = Math.min(settings.kbits, settings.sampleRate === 16_000 ? 16 : 8)
        if (chosen.kbits > lowest) expect(bytes(chosen.kbits)).toBeLessThanOrEqual(max)
        const out = chosen.sampleRate === 'source' ? rate : chosen.sampleRate
        // MPEG-1 has no bit rate below 32.
        if (chosen.kbits < settings.kbits && chosen.kbits < 32) expect(out).toBeLessThanOrEqual(24_000)
      },
    ),
  )
})

/** A WAV of silence that takes no room on the disk. */
async function silence(seconds: number, rate: number, channels: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bitrate-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'long.wav')
  const dataSize = seconds * rate * channels * 2
  const head = wav({ rate, channels, data: new Uint8Array(0), dataSize, riffSize: dataSize + 36 })
  const file = await open(path, 'w')
  await file.write(head)
  await file.truncate(head.length + dataSize)
  await file.close()
  return path
}

test.each([
  [360, 8_000, 1, 1.2, { kbits: 24, channels: 1, sampleRate: 8_000 }],
  [360, 8_000, 1, 0.5, { kbits: 8, channels: 1, sampleRate: 8_000 }],
  [60, 48_000, 2, 0.2, { kbits: 24, channels: 2, sampleRate: 24_000 }],
  [60, 48_000, 2, 0.13, { kbits: 16, channels: 1, sampleRate: 16_000 }],
])('ffmpeg keeps %i s at %i Hz with %i channels within %d MB', async (seconds, rate, channels, limit, expected) => {
  const path = await silence(seconds, rate, channels)
  const file = await OpenFile.open(path)
  await file.close()
  const maxBytes = limit * megabytes
  const transcoder = new Transcoder({ settings: usual, maxBytes, workers: 1, findFfmpeg: systemFfmpeg, log: keptLog() })
  const format = { durationMs: seconds * 1000, channels, sampleRate: rate }
  const target = `${path}.mp3`
  const job = { source: file.file, format, container: 'wav', ignoreLength: false, target } as const
  const result = await transcoder.encode(job, new AbortController().signal)
  if (result.kind !== 'encoded') throw new Error(JSON.stringify(result))
  const { audio } = result
  expect(audio.size).toBeLessThanOrEqual(maxBytes)
  expect(audio).toMatchObject({ channels: expected.channels, sampleRate: expected.sampleRate })
  expect(Math.abs((audio.size * 8) / audio.durationMs - expected.kbits)).toBeLessThan(0.5)
})

import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OpenFile } from '../../../src/recordings/audio/byte-source.ts'
import { readWav, type Wav } from '../../../src/recordings/audio/riff.ts'
import { Canvas } from '../../../src/recordings/rtp/canvas.ts'
import { mostPlainBytes, wavHeader } from '../../../src/recordings/rtp/wav-header.ts'
import { WavWriter } from '../../../src/recordings/rtp/wav-writer.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tpe-wav-'))
})
afterEach(() => rm(folder, { recursive: true }))

const second = (value: number, channels = 2): Buffer => {
  const samples = new Int16Array(8000 * channels).fill(value)
  return Buffer.from(samples.buffer)
}

async function create(options: { readonly mostPlain?: number; readonly mostWaitingBytes?: number } = {}): Promise<WavWriter> {
  const path = join(folder, 'a.wav')
  return WavWriter.create({
    path,
    channels: 2,
    sampleRate: 8000,
    now: () => 0,
    syncEveryMs: 1_000,
    mostWaitingBytes: 1e6,
    ...options,
  })
}

async function read(path: string): Promise<Wav> {
  const file = await OpenFile.open(path)
  try {
    return await readWav(file)
  } finally {
    await file.close()
  }
}

describe('a WAV that is being written', () => {
  test('is a whole WAV after each flush', async () => {
    const writer = await create()
    expect(await read(writer.path)).toMatchObject({ kind: 'empty', header: 'exact' })
    for (const seconds of [1, 2, 3]) {
      writer.append(second(seconds))
      await writer.flush()
      const format = { encoding: 'pcm', channels: 2, sampleRate: 8000 }
      expect(await read(writer.path)).toMatchObject({ kind: 'audio', header: 'exact', durationMs: seconds * 1000, format })
    }
    await writer.finish()
    await writer.finish()
  })

  test('becomes an RF64 in place when it outgrows the sizes of RIFF', async () => {
    const writer = await create({ mostPlain: 40_000 })
    writer.append(second(1))
    await writer.flush()
    expect((await readFile(writer.path)).toString('latin1', 0, 16)).toMatch(/^RIFF....WAVEJUNK$/s)
    writer.append(second(2))
    await writer.finish()
    expect((await readFile(writer.path)).toString('latin1', 0, 16)).toMatch(/^RF64....WAVEds64$/s)
    expect(await read(writer.path)).toMatchObject({ kind: 'audio', header: 'exact', durationMs: 2_000, declaredBytes: 64_000 })
  })

  test('of more than 4 GB is understood by our own reader', async () => {
    const dataBytes = mostPlainBytes + 4
    const header = wavHeader({ channels: 2, sampleRate: 16000 }, dataBytes)
    const source = {
      size: header.length + dataBytes,
      read: async (position: number, length: number) => header.subarray(position, position + length),
    }
    expect(await readWav(source)).toMatchObject({ kind: 'audio', header: 'exact', dataBytes })
  })

  test('gets more channels, silent until now, while it goes on', async () => {
    const writer = await create()
    writer.append(second(7))
    await writer.flush()
    writer.append(second(8))
    const widened = writer.widen(3)
    writer.append(second(9))
    await widened
    writer.append(second(10, 3))
    await writer.finish()
    expect(await read(writer.path)).toMatchObject({ kind: 'audio', header: 'exact', durationMs: 4_000, format: { channels: 3 } })
    const bytes = await readFile(writer.path)
    const frames = [0.5, 1.5, 2.5, 3.5].map(at => [0, 2, 4].map(offset => bytes.readInt16LE(80 + at * 8000 * 6 + offset)))
    expect(frames).toEqual([
      [7, 7, 0],
      [8, 8, 0],
      [9, 9, 0],
      [10, 10, 10],
    ])
  })

  test('keeps the time of what had to be dropped while the disk took nothing', async () => {
    const writer = await create({ mostWaitingBytes: 64_000 })
    for (const value of [1, 2, 3]) writer.append(second(value))
    expect([writer.waitingBytes, writer.droppedBytes]).toEqual([64_000, 32_000])
    await writer.finish()
    const bytes = await readFile(writer.path)
    expect([0.5, 1.5, 2.5].map(at => bytes.readInt16LE(80 + at * 32_000))).toEqual([0, 2, 3])
    expect((await stat(writer.path)).size).toBe(80 + 96_000)
  })
})

describe('the canvas', () => {
  const samples = (...values: readonly number[]): Int16Array => Int16Array.from(values)
  const values = (bytes: Buffer): readonly number[] =>
    Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readInt16LE(at * 2))

  test('is silence where nothing was put, and mixes what meets without overflow', () => {
    const canvas = new Canvas({ channels: 2, mostFrames: 100 })
    canvas.put(1, 2, samples(5, 6))
    canvas.put(0, 1, samples(30_000, 30_000))
    canvas.put(0, 2, samples(30_000))
    expect(values(canvas.take(4))).toEqual([0, 0, 30_000, 0, 32_767, 5, 0, 6])
    expect(values(canvas.take(5))).toEqual([0, 0])
  })

  test('keeps only what fits: nothing before what was taken, nothing far ahead', () => {
    const canvas = new Canvas({ channels: 1, mostFrames: 10 })
    canvas.take(5)
    canvas.put(0, 3, samples(1, 2, 3, 4))
    canvas.put(0, 13, samples(7, 8, 9, 10))
    canvas.put(0, 1_000_000, samples(1))
    canvas.put(0, -50, samples(1))
    expect(canvas.counters).toEqual({ tooLate: 3, tooFarAhead: 3 })
    expect(values(canvas.take(15))).toEqual([3, 4, 0, 0, 0, 0, 0, 0, 7, 8])
  })

  test('gets more channels with everything at its place', () => {
    const canvas = new Canvas({ channels: 1, mostFrames: 10 })
    canvas.put(0, 0, samples(1, 2))
    canvas.widen(2)
    canvas.put(1, 1, samples(3))
    expect(values(canvas.take(2))).toEqual([1, 0, 2, 3])
  })
})

/** Makes WAV files of any kind, right or wrong. */

export interface WavOptions {
  readonly tag?: number
  readonly channels?: number
  readonly rate?: number
  readonly bits?: number
  readonly blockAlign?: number
  /** Bytes of the fmt chunk after the first 16. */
  readonly extra?: Uint8Array
  readonly data?: Uint8Array
  /** What the header says; by default the truth. */
  readonly dataSize?: number
  readonly riffSize?: number
  readonly form?: string
  /** Chunks before and after the audio data. */
  readonly before?: Uint8Array
  readonly after?: Uint8Array
}

export function wav(options: WavOptions = {}): Buffer {
  const { tag = 1, channels = 1, rate = 8000, bits = 16, extra = new Uint8Array(0), form = 'RIFF' } = options
  const { data = tone(1, rate, channels), before = new Uint8Array(0), after = new Uint8Array(0) } = options
  const blockAlign = options.blockAlign ?? (channels * bits) / 8
  const fmt = Buffer.alloc(16)
  fmt.writeUInt16LE(tag, 0)
  fmt.writeUInt16LE(channels, 2)
  fmt.writeUInt32LE(rate, 4)
  fmt.writeUInt32LE(Math.floor(rate * blockAlign), 8)
  fmt.writeUInt16LE(blockAlign, 12)
  fmt.writeUInt16LE(bits, 14)
  const chunks = Buffer.concat([before, chunk('fmt ', Buffer.concat([fmt, extra])), chunk('data', data, options.dataSize), after])
  const head = Buffer.alloc(12, form)
  head.writeUInt32LE(options.riffSize ?? chunks.length + 4, 4)
  head.write('WAVE', 8)
  return Buffer.concat([head, chunks])
}

export function chunk(name: string, body: Uint8Array, size = body.length): Buffer {
  const head = Buffer.alloc(8, name)
  head.writeUInt32LE(size, 4)
  return Buffer.concat([head, body])
}

/** `seconds` of a 440 Hz tone, 16 bit; `seed` makes one differ from another. */
export function tone(seconds: number, rate = 8000, channels = 1, seed = 0): Buffer {
  const frames = Math.round(seconds * rate)
  const data = Buffer.alloc(frames * channels * 2)
  for (let i = 0; i < frames * channels; i += 1) {
    data.writeInt16LE(Math.round(8000 * Math.sin((i / channels) * ((2 * Math.PI * (440 + seed)) / rate))), i * 2)
  }
  return data
}

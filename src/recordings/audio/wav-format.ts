/**
 * The `fmt ` chunk of a WAV file: how its bytes become time.
 * WAVEFORMATEX and the tags are those of mmreg.h; block layouts are those of the Microsoft multimedia standards update of 1994.
 */

export type WavEncoding = 'pcm' | 'float' | 'a-law' | 'mu-law' | 'gsm' | 'ms-adpcm' | 'ima-adpcm'

export interface WavFormat {
  readonly encoding: WavEncoding
  readonly channels: number
  /** Hz. */
  readonly sampleRate: number
  /** 4 for ADPCM, 0 for GSM. */
  readonly bitsPerSample: number
  /** Bytes of the smallest piece that can be decoded alone. */
  readonly blockBytes: number
  /** Samples of each channel in such a piece. */
  readonly blockSamples: number
}

export type FormatResult =
  | { readonly kind: 'format'; readonly format: WavFormat }
  | { readonly kind: 'broken'; readonly reason: string }

/** As much of a `fmt ` chunk as is ever looked at. */
export const formatBytesWanted = 40

const highestRate = 384_000
const mostChannels = 32

/** Reads the body of a `fmt ` chunk. Total: any bytes give a format or a reason. */
export function readWavFormat(body: Uint8Array): FormatResult {
  if (body.length < 14) return broken(`the fmt chunk has ${body.length} bytes, at least 14 are needed`)
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const channels = view.getUint16(2, true)
  const sampleRate = view.getUint32(4, true)
  const blockAlign = view.getUint16(12, true)
  const bits = body.length >= 16 ? view.getUint16(14, true) : 0
  let tag = view.getUint16(0, true)
  if (tag === 0xfffe) {
    if (body.length < 40) return broken('the extensible fmt chunk is cut short')
    if (!isWaveSubFormat(body)) return broken('the extensible fmt chunk names an unknown sub-format')
    tag = view.getUint16(24, true)
  }
  if (channels < 1 || channels > mostChannels) return broken(`the header says ${channels} channels`)
  if (sampleRate < 1 || sampleRate > highestRate) return broken(`the header says ${sampleRate} samples a second`)

  const linear = (encoding: WavEncoding, allowed: readonly number[]): FormatResult => {
    if (!allowed.includes(bits)) return broken(`${encoding} with ${bits} bits a sample`)
    const blockBytes = channels * (bits / 8)
    return { kind: 'format', format: { encoding, channels, sampleRate, bitsPerSample: bits, blockBytes, blockSamples: 1 } }
  }
  const blocks = (encoding: WavEncoding, bitsPerSample: number, blockBytes: number, blockSamples: number): FormatResult => {
    if (blockBytes < 1 || blockSamples < 1) return broken(`${encoding} with blocks of ${blockAlign} bytes`)
    return { kind: 'format', format: { encoding, channels, sampleRate, bitsPerSample, blockBytes, blockSamples } }
  }
  switch (tag) {
    case 0x0001:
      return linear('pcm', [8, 16, 24, 32])
    case 0x0003:
      return linear('float', [32, 64])
    case 0x0006:
      return linear('a-law', [8])
    case 0x0007:
      return linear('mu-law', [8])
    case 0x0031:
      // Always 65 bytes for 320 samples (two GSM frames of 32.5 bytes); some writers leave other values in the header.
      return channels === 1 ? blocks('gsm', 0, 65, 320) : broken(`GSM 6.10 with ${channels} channels`)
    case 0x0002:
      return blocks('ms-adpcm', 4, blockAlign, 2 + Math.floor(((blockAlign - 7 * channels) * 2) / channels))
    case 0x0011:
      return blocks('ima-adpcm', 4, blockAlign, 1 + Math.floor(((blockAlign - 4 * channels) * 2) / channels))
    default:
      return broken(`the encoding 0x${tag.toString(16).padStart(4, '0')}${nameOf(tag)} is not one that recorders write`)
  }
}

/** How long `bytes` of audio data play, in ms. A last block that is cut short does not count. */
export function durationMs(format: WavFormat, bytes: number): number {
  return (Math.floor(bytes / format.blockBytes) * format.blockSamples * 1000) / format.sampleRate
}

/** xxxx0000-0000-1000-8000-00AA00389B71 (KSDATAFORMAT_SUBTYPE_WAVEFORMATEX): the first two bytes are a plain tag. */
function isWaveSubFormat(body: Uint8Array): boolean {
  const tail = [0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71]
  return tail.every((byte, index) => body[26 + index] === byte)
}

function nameOf(tag: number): string {
  const names: Readonly<Record<number, string>> = {
    34: 'TrueSpeech',
    66: 'G.723.1',
    69: 'G.726',
    85: 'MP3',
    100: 'G.726',
    131: 'G.729',
    655: 'G.722',
  }
  const name = names[tag]
  return name === undefined ? '' : ` (${name})`
}

function broken(reason: string): FormatResult {
  return { kind: 'broken', reason }
}

/**
 * The first 80 bytes of a WAV file that is being written: RIFF, a reserved chunk, the format, and the beginning of the audio data. Always
 * the same length, so that it can be written again with other sizes, and so that a file that outgrows RIFF's 32 bits becomes RF64 in
 * place: the reserved chunk turns into `ds64` (EBU Tech 3306 5).
 */

export interface WavShape {
  readonly channels: number
  /** Hz; 16-bit PCM. */
  readonly sampleRate: number
}

export const wavHeaderBytes = 80
/** The most audio that a plain RIFF file holds: its sizes have 32 bits, and all ones mean "unknown". */
export const mostPlainBytes = 0xffff_fffe - wavHeaderBytes

const unknown = 0xffff_ffff

/** The header of a file with so many bytes of audio. `mostPlain`: from which size on it is an RF64. */
export function wavHeader({ channels, sampleRate }: WavShape, dataBytes: number, mostPlain = mostPlainBytes): Buffer {
  const long = dataBytes > mostPlain
  const header = Buffer.alloc(wavHeaderBytes)
  const riffBytes = wavHeaderBytes - 8 + dataBytes
  header.write(long ? 'RF64' : 'RIFF', 0, 'latin1')
  header.writeUInt32LE(long ? unknown : riffBytes, 4)
  header.write(long ? 'WAVEds64' : 'WAVEJUNK', 8, 'latin1')
  header.writeUInt32LE(28, 16)
  if (long) {
    header.writeBigUInt64LE(BigInt(riffBytes), 20)
    header.writeBigUInt64LE(BigInt(dataBytes), 28)
    header.writeBigUInt64LE(BigInt(Math.floor(dataBytes / (2 * channels))), 36)
  }
  header.write('fmt ', 48, 'latin1')
  header.writeUInt32LE(16, 52)
  header.writeUInt16LE(1, 56)
  header.writeUInt16LE(channels, 58)
  header.writeUInt32LE(sampleRate, 60)
  header.writeUInt32LE(sampleRate * channels * 2, 64)
  header.writeUInt16LE(channels * 2, 68)
  header.writeUInt16LE(16, 70)
  header.write('data', 72, 'latin1')
  header.writeUInt32LE(long ? unknown : dataBytes, 76)
  return header
}

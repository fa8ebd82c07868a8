/** Writes a 16-bit PCM WAV file as Asterisk does: the sizes in its header stay 0 until the file is closed. */
import { open } from 'node:fs/promises'

export async function writeWav(path: string, samples: Int16Array, sampleRate: number): Promise<void> {
  const data = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)
  const file = await open(path, 'w')
  try {
    await file.write(header(0, 0, sampleRate))
    await file.write(data)
    await file.write(header(36 + data.length, data.length, sampleRate), 0, 44, 0)
  } finally {
    await file.close()
  }
}

function header(riffSize: number, dataSize: number, sampleRate: number): Buffer {
  const bytes = Buffer.alloc(44)
  bytes.write('RIFF', 0, 'latin1')
  bytes.writeUInt32LE(riffSize, 4)
  bytes.write('WAVEfmt ', 8, 'latin1')
  bytes.writeUInt32LE(16, 16)
  bytes.writeUInt16LE(1, 20) // PCM
  bytes.writeUInt16LE(1, 22) // one channel
  bytes.writeUInt32LE(sampleRate, 24)
  bytes.writeUInt32LE(sampleRate * 2, 28)
  bytes.writeUInt16LE(2, 32)
  bytes.writeUInt16LE(16, 34)
  bytes.write('data', 36, 'latin1')
  bytes.writeUInt32LE(dataSize, 40)
  return bytes
}

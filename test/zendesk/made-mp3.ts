/** MP3 files of silence, frame by frame: valid for any decoder, and of exactly the length one asks for. */
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EncodedAudio } from '../../src/events/recording.ts'

/** One MPEG-2.5 layer III frame at 8 kHz, 32 kbit/s, mono: 288 bytes, 72 ms. All-zero side information decodes to silence. */
export const silentFrame = Buffer.concat([Buffer.from([0xff, 0xe3, 0x48, 0xc4]), Buffer.alloc(284)])

/** The frame an encoder writes first, marked `Info`. */
export const infoFrame = (() => {
  const frame = Buffer.from(silentFrame)
  frame.write('Info', 4 + 9, 'latin1')
  return frame
})()

export const silence = (frames: number) => Buffer.concat([infoFrame, ...Array.from({ length: frames }, () => silentFrame)])

/** Writes `frames` frames (72 ms each) to `folder/name` and describes them as the transcoder would. */
export async function madeMp3(folder: string, name: string, frames = 40): Promise<EncodedAudio> {
  const path = join(folder, name)
  const bytes = silence(frames)
  await writeFile(path, bytes)
  return {
    path,
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    durationMs: frames * 72,
    channels: 1,
    sampleRate: 8000,
  }
}

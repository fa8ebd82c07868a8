import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { EncodedAudio } from '../../../src/events/recording.ts'

/** A folder that is gone at the end of the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'transcription-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** What the transcoder reports of an MP3; transcribers look at no frame of it. */
export async function encodedAudio(bytes = Buffer.alloc(200_000, 'mp3 ')): Promise<EncodedAudio> {
  const path = join(await temporaryFolder(), 'rec_abc.mp3')
  await writeFile(path, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { path, size: bytes.length, sha256, durationMs: 60_000, channels: 1, sampleRate: 8_000 }
}

/** The body of an audio upload: what goes around the file follows from its metadata and the key, so every attempt has the same bytes. */
import { createHash } from 'node:crypto'
import type { RecordingMetadata } from '../wire/audio-upload.ts'
import { type MultipartBody, openMultipart } from './multipart.ts'

export interface AudioUpload<Metadata extends RecordingMetadata = RecordingMetadata> {
  /** With the size and the SHA-256 of the file. */
  readonly metadata: Metadata
  /** Of the MP3. */
  readonly path: string
}

/** Opens the file and frames it. Throws AudioFileChanged when its size is another, and what `open` throws. */
export function openAudioBody({ metadata, path }: AudioUpload, idempotencyKey: string): Promise<MultipartBody> {
  const { external_id, sha256, size } = metadata
  return openMultipart({
    metadata,
    path,
    size,
    filename: `${external_id.replace(/[^A-Za-z0-9._-]/g, '_')}.mp3`,
    // No file contains its own hash.
    boundary: `tpe-${createHash('sha256').update(`${idempotencyKey}\n${sha256}`).digest('hex').slice(0, 48)}`,
  })
}

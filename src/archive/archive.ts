/**
 * Where audio is kept beside Zendesk: whole, for as long as the site wants, and for what Zendesk does not take (its uploads end at
 * 50 MB). A local folder implements it (local-archive.ts).
 */
import type { AudioItem, EncodedAudio } from '../events/recording.ts'

export interface ArchivedAudio {
  /** Where it lies, relative to the archive: `hq/2026/11/22/rec_x.mp3`. The same for the same item, always. */
  readonly key: string
  /** Where a person can listen to it; `null` when the archive has no public address. */
  readonly url: string | null
}

export interface Archive {
  /**
   * Keeps the audio; when it resolves, the audio is on disk, whole. Safe to repeat. Rejects with an ArchiveError when it could not
   * be kept, and when the signal is aborted.
   */
  store(item: AudioItem, audio: EncodedAudio, signal: AbortSignal): Promise<ArchivedAudio>
}

/** The archive could not keep something; the message says what to do. Trying again later may help. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
}

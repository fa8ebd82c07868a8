/** What a transcriber is to this stage: an MP3 in, what was said out. */
import type { EncodedAudio, Transcript } from '../../events/recording.ts'

/** What came of one attempt. Reasons are for an operator. */
export type Heard =
  | { readonly kind: 'heard'; readonly transcript: Extract<Transcript, { kind: 'text' }> }
  /** Not now; `afterMs` when the transcriber said how long to wait. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number | null }
  /** It will never take this file. */
  | { readonly kind: 'refused'; readonly reason: string }

export interface Transcriber {
  /** One attempt. Never rejects; ends soon after the signal is aborted, with whatever reason. */
  transcribe(audio: EncodedAudio, signal: AbortSignal): Promise<Heard>
  /** No attempt follows. */
  close(): Promise<void>
}

/** The most that a transcriber may say, in bytes; sixteen hours of speech are a megabyte. */
export const longestAnswerBytes = 4 * 1024 * 1024

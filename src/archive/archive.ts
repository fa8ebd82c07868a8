/**
 * Where audio is kept beside Zendesk: whole, for as long as the site wants, and for what Zendesk does not take (its uploads end at
 * 50 MB). A local folder (local-archive.ts) and S3 (s3/s3-archive.ts) implement it.
 */
import type { CallSnapshot } from '../events/event.ts'
import type { AudioItem, EncodedAudio } from '../events/recording.ts'

export interface ArchivedAudio {
  /** Where it lies, relative to the archive: `hq/2026/11/22/rec_x.mp3`. The same for the same item, always. */
  readonly key: string
  /** Where a person can listen to it; `null` when the archive has no public address. */
  readonly url: string | null
}

/** What is known of the call when its audio is archived; the record beside the audio (vcon.ts) tells it. */
export interface CallContext {
  /** `null`: the audio belongs to no call that the bridge has seen. */
  readonly call: CallSnapshot | null
}

/** A file that audio is fetched to, and what it must then hold. */
export type FetchTarget = Pick<EncodedAudio, 'path' | 'size' | 'sha256'>

/** `held`: a legal hold keeps it. */
export type Deletion = 'deleted' | 'absent' | 'held'

export interface ListedAudio {
  readonly key: string
  /** When the (UTC) day on which the recording began did, epoch ms. */
  readonly dayAt: number
}

/**
 * Everything is safe to repeat, and rejects with an ArchiveError when the archive does not do it; with the signal's reason when the
 * signal is aborted.
 */
export interface Archive {
  /** The item's key, whether or not it is stored. */
  keyOf(item: Pick<AudioItem, 'id' | 'startedAt'>): string
  /**
   * Keeps the audio and, unless `context` is null, the record beside it; when it resolves, both are there, whole. Without context
   * a record that is there is left as it is.
   */
  store(item: AudioItem, audio: EncodedAudio, context: CallContext | null, signal: AbortSignal): Promise<ArchivedAudio>
  /** Brings audio back to a file, which is there whole or not at all. */
  fetch(key: string, target: FetchTarget, signal: AbortSignal): Promise<void>
  /** Removes the audio and the record beside it, unless they are held. */
  delete(key: string, signal: AbortSignal): Promise<Deletion>
  /** Holds the audio and its record, there already or not yet: nothing deletes them until `release`. */
  hold(key: string, reason: string, signal: AbortSignal): Promise<void>
  /** Also when it is not held. */
  release(key: string, signal: AbortSignal): Promise<void>
  isHeld(key: string, signal: AbortSignal): Promise<boolean>
  /** This site's audio, the oldest days first, up to (and without) the day of `before`, epoch ms. Memory does not grow with it. */
  list(before: number, signal: AbortSignal): AsyncIterable<ListedAudio>
}

/** What a failure means for whoever wanted something kept; times in ms. As the outbox's sinks put it. */
export type ArchiveBlame =
  | { readonly kind: 'retry'; readonly afterMs: number | null }
  | { readonly kind: 'wait'; readonly afterMs: number; readonly scope: 'job' | 'sink' }
  | { readonly kind: 'reject' }

/** It may work next time. */
export const mayPass: ArchiveBlame = { kind: 'retry', afterMs: null }
/** Nothing will work until an operator has corrected something. */
export const needsOperator: ArchiveBlame = { kind: 'wait', afterMs: 60_000, scope: 'sink' }
/** This one will never work. */
export const forGood: ArchiveBlame = { kind: 'reject' }

/** The archive did not do something; the message says what to do. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError'
  readonly blame: ArchiveBlame

  constructor(message: string, blame: ArchiveBlame, options?: ErrorOptions) {
    super(message, options)
    this.blame = blame
  }
}

/**
 * What this sink takes and answers: the same shapes as the outbox's, declared here because a sink knows no outbox. The composition
 * root, which joins the two, is where the compiler checks that they fit.
 */
import type { AudioItem, EncodedAudio } from '../events/recording.ts'
import type { ArchiveError } from './archive.ts'

export interface ArchiveDelivery {
  readonly item: AudioItem
  readonly audio: EncodedAudio
}

/** Durations in ms. `retry` spends an attempt, `wait` does not, `reject` is for good; reasons are for an operator to act on. */
export type ArchiveResult = ArchiveOutcome & {
  /** The archive was not asked. */
  readonly unasked?: true
}

type ArchiveOutcome =
  | { readonly kind: 'delivered'; readonly remoteId: string | null }
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number | null }
  | { readonly kind: 'wait'; readonly reason: string; readonly afterMs: number; readonly scope: 'job' | 'sink' }
  | { readonly kind: 'reject'; readonly reason: string }

/** What an archive's failure means for whoever wanted something of it. Pure. */
export const failed = ({ blame, message }: ArchiveError): Exclude<ArchiveOutcome, { kind: 'delivered' }> => ({
  ...blame,
  reason: message,
})

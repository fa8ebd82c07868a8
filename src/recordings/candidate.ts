/** What a source hands to the intake: one finished audio file and all that the source knows about it. */
import type { ItemState, RecordingHints, RecordingId } from '../events/recording.ts'
import type { WireParty } from '../events/signal.ts'
import type { SourceFile } from './ledger.ts'

interface CandidateBase {
  /** The file that a rescan will meet again (a voicemail's text file), and its version. */
  readonly file: SourceFile
  /** Absolute path of the audio; the same as `file.path` but for a voicemail with a text file. */
  readonly audioPath: string
  /** The name to derive the id from; the last part of the path in the folder. */
  readonly baseName: string
}

export interface RecordingCandidate extends CandidateBase {
  readonly kind: 'recording'
  readonly hints: RecordingHints
}

export interface VoicemailCandidate extends CandidateBase {
  readonly kind: 'voicemail'
  /** The bare mailbox, `1002`. */
  readonly mailbox: string
  /** `1002@default`: two contexts may have the same mailbox. */
  readonly qualifiedMailbox: string
  readonly from: WireParty
  readonly to: WireParty
  /** Epoch ms; `null` leaves it to the file's time. */
  readonly receivedAt: number | null
  /** What tells this message from the mailbox's others wherever it is moved. */
  readonly messageKey: string
  /** `messageKey` alone is not unique: the content is part of the id as well. */
  readonly keyedByContent: boolean
}

export type Candidate = RecordingCandidate | VoicemailCandidate

/** What became of a candidate. */
export type TakeResult =
  | { readonly kind: 'taken'; readonly id: RecordingId; readonly state: 'waiting' }
  /** Stored, but not deliverable as it is. */
  | { readonly kind: 'quarantined'; readonly id: RecordingId; readonly reason: string }
  /** Stored before, from this or another file. */
  | { readonly kind: 'known'; readonly id: RecordingId; readonly state: ItemState }
  /** Not now: it changed while it was read, or there is nothing in it yet. */
  | { readonly kind: 'unsettled'; readonly reason: string }
  | { readonly kind: 'gone' }
  /** This machine could not (a full disk, a missing permission): try again later. */
  | { readonly kind: 'failed'; readonly reason: string }

/**
 * Audio that a source found, on its way to the sinks. One file of a call is a recording; one message left for a mailbox is a
 * voicemail. Both are items: they share everything but how they are tied to a call.
 *
 *   waiting ──▶ queued ──▶ delivered
 *    ││  ▲         │
 *    ││  │redrive  ▼ (sink refused: the job is a dead letter, the item stays queued)
 *    │▼  │
 *    │quarantined ──▶ dropped
 *    └── no consent ────▲
 *
 * waiting      whole, verified, waiting for its call to be known (a voicemail never waits) and for a transcoder
 * queued       encoded; the MP3 lies in the spool and its delivery job is stored (one transaction)
 * delivered    the sink acknowledged it
 * quarantined  not deliverable as it is; `reason` says why, for an operator
 * dropped      an operator gave it up, or it may not be kept (consent.ts)
 */
import type { RecordedConsent } from './consent.ts'
import type { CallId, CallParty } from './event.ts'

export type RecordingId = string & { readonly __brand: 'RecordingId' }
export type ItemState = 'waiting' | 'queued' | 'delivered' | 'quarantined' | 'dropped'

/** What a file's name, sidecar or upload form said about the call it belongs to; all as found, not normalised. */
export interface RecordingHints {
  readonly sipCallId: string | null
  /** The PBX's own name for the call (Asterisk uniqueid or linkedid, FreeSWITCH uuid). */
  readonly unique: string | null
  readonly from: string | null
  readonly to: string | null
  /** When the recording began, epoch ms. */
  readonly startedAt: number | null
  /** What the caller chose. Absent or null: it does not say, or the item was stored before it was read. */
  readonly consent?: boolean | null
}

/** How a recording was tied to its call. `parties-and-time` is a guess and is marked as one wherever it is shown. */
export type MatchedBy = 'call-id' | 'unique' | 'parties-and-time' | 'unmatched-upload'

export interface AudioFormat {
  readonly durationMs: number
  readonly channels: number
  readonly sampleRate: number
}

export interface EncodedAudio extends AudioFormat {
  /** Absolute path in the spool. */
  readonly path: string
  readonly size: number
  readonly sha256: string
}

/** What was said. `failed`: a transcriber tried and there will be no text; the audio goes without. */
export type Transcript =
  | {
      readonly kind: 'text'
      readonly text: string
      /** BCP 47, when the transcriber told. */
      readonly language: string | null
      readonly sentiment: 'positive' | 'neutral' | 'negative' | null
      readonly keywords: readonly string[]
    }
  | { readonly kind: 'failed'; readonly reason: string }

interface AudioItemBase {
  readonly id: RecordingId
  readonly state: ItemState
  /** Why the item is quarantined or dropped; `null` otherwise. */
  readonly reason: string | null
  /** Why it must not be deleted (a legal hold); absent or null when it may. */
  readonly hold?: string | null
  /** Absolute path of the source; the bridge never changes it unless `after_upload` says so. */
  readonly sourcePath: string
  readonly sourceSize: number
  readonly sourceMtimeMs: number
  readonly foundAt: number
  readonly startedAt: number
  /** Of the source, read from its RIFF header and size; `null` when it could not be read. */
  readonly source: AudioFormat | null
  readonly encoded: EncodedAudio | null
  /** Absent or null: no transcriber is configured, or the item was stored before there was one. */
  readonly transcript?: Transcript | null
  readonly callId: CallId | null
}

export interface RecordingItem extends AudioItemBase {
  readonly kind: 'recording'
  readonly hints: RecordingHints
  readonly matchedBy: MatchedBy | null
  /** Whether it may be kept, and why. Absent or null: not decided yet, or stored before there were rules for it. */
  readonly consent?: RecordedConsent | null
}

export interface VoicemailItem extends AudioItemBase {
  readonly kind: 'voicemail'
  readonly from: CallParty
  readonly to: CallParty
  readonly mailbox: string
  readonly receivedAt: number
}

export type AudioItem = RecordingItem | VoicemailItem

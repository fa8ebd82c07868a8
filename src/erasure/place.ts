/** What the erasure sink asks of each place where audio can be, and of the store that knows how far an erasure has got. */
import type { AudioItem, RecordingId } from '../events/recording.ts'

/** A file in which an item was found. */
export interface SeenFile {
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
}

/** What is known of where an item is. */
export interface Errand {
  /** The PBX's own files stay. */
  readonly keepSources: boolean
  /** The places that are done with, by name. */
  readonly places: Readonly<Record<string, Erased>>
  /** Zendesk's id for it; `null`: none was noted, which proves nothing when `wasSent`. */
  readonly remoteId: string | null
  /** A delivery to Zendesk may have begun. */
  readonly wasSent: boolean
  /** `null`: nobody noted that it lies in the archive. */
  readonly archiveKey: string | null
  /** Where this bridge has found it. */
  readonly files: readonly SeenFile[]
  /** Where other bridges have, on their disks. */
  readonly elsewhere: readonly { readonly bridge: string; readonly path: string }[]
}

/** What a place says when it has the item no more. */
export interface Erased {
  /** For the audit log: what was found and done, in a few words without names and numbers. */
  readonly told: string
  /** What only a person can do about the rest; `null`: there is no rest. */
  readonly byHand: string | null
}

/** Why it has not been erased there. As the outbox's sinks put it; times in ms. */
export type Unfinished =
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs: number | null }
  | { readonly kind: 'wait'; readonly reason: string; readonly afterMs: number }
  | { readonly kind: 'reject'; readonly reason: string }

export type Outcome = ({ readonly kind: 'erased' } & Erased) | Unfinished

export interface Place {
  /** `spool`, `sources`, `archive`, `zendesk`. */
  readonly name: string
  /** Safe to repeat at any point. Throws only for a bug of ours. */
  erase(item: AudioItem, errand: Errand, signal: AbortSignal): Promise<Outcome>
}

export type Begun =
  | { readonly kind: 'ready'; readonly errand: Errand }
  | { readonly kind: 'busy'; readonly reason: string }
  | { readonly kind: 'done'; readonly byHand: readonly string[] }
  | { readonly kind: 'unasked' }

/** The store's Erasures. Every method is one durable step. */
export interface ErasureBook {
  /** Makes sure that nothing of the item is delivered any more, and says where it is. */
  begin(id: RecordingId): Promise<Begun>
  note(id: RecordingId, place: string, erased: Erased): Promise<void>
  /** Forgets what is personal about the item, and tells the audit log. */
  finish(id: RecordingId): Promise<void>
}

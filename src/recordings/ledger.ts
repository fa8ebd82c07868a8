/**
 * What the audio stage needs remembered. The outbox's store implements it; this stage knows neither SQL nor sink.
 * Every method is one durable step: when its promise resolves, a crash forgets nothing of it.
 */
import type { CallId, CallSnapshot } from '../events/event.ts'
import type { AudioItem, ItemState, RecordingId, RecordingItem } from '../events/recording.ts'

export interface SourceFile {
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
}

export interface CallQuery {
  /** Epoch ms; calls that were alive at any moment of this span. */
  readonly from: number
  readonly to: number
  /** At most this many are returned, newest first. */
  readonly limit: number
}

export interface RecordingLedger {
  /** Whether this very file (path, size, mtime) was already taken in; a rescan asks this for each file it meets. */
  isKnownFile(file: SourceFile): Promise<boolean>
  /** Stores a new item and remembers its file. `known` when an item of this id exists already (a renamed or copied file). */
  add(item: AudioItem, file: SourceFile): Promise<'added' | 'known'>
  /** Stores a changed item, and whom it is about as far as its call is known; the state machine is this stage's (events/recording.ts). */
  update(item: AudioItem): Promise<void>
  /** Stores a `queued` item and its delivery job in one transaction. */
  queue(item: AudioItem): Promise<void>
  /** Stores an item that may not be kept, and a line of the audit log that says so, in one transaction. */
  refuse(item: RecordingItem): Promise<void>
  get(id: RecordingId): Promise<AudioItem | null>
  /** Oldest first. */
  list(state: ItemState, limit: number): Promise<readonly AudioItem[]>
  /** A call by one of its keys: `sip:CALL-ID` or `unique:ID`. */
  callByKey(key: string): Promise<CallId | null>
  /** A call as its newest event showed it, with the caller's newest choice; `null` when it is not known, or not any more. */
  call(id: CallId): Promise<CallSnapshot | null>
  callsAlive(query: CallQuery): Promise<readonly CallSnapshot[]>
}

/** What reconciliation asks of the store and of CDRs. Every answer is bounded by the period or the page that is asked for. */
import type { Cdr } from '../events/cdr.ts'
import type { CallId, CallSnapshot } from '../events/event.ts'
import type { AudioItem, RecordingItem } from '../events/recording.ts'

/** From `since` until just before `until`, epoch ms. */
export interface Period {
  readonly since: number
  readonly until: number
}

export interface CallFacts {
  readonly call: CallSnapshot
  /** No further change is expected. */
  readonly ended: boolean
}

/** A delivery that is not done with. Times are epoch ms. */
export interface OpenDelivery {
  /** Grows with the age of storage; the cursor of the next page. */
  readonly seq: number
  /** Of the event or audio item. */
  readonly id: string
  readonly kind: string
  readonly lane: string
  readonly callId: CallId | null
  readonly state: 'pending' | 'running' | 'dead'
  readonly createdAt: number
  readonly updatedAt: number
  readonly runAt: number
  readonly attempts: number
  /** The last error, or why it is dead. */
  readonly reason: string | null
  /** Whether it is its turn; one that waits for an earlier delivery of its call is not. */
  readonly isHead: boolean
}

/** An audio item that has not been made a delivery yet. */
export interface LooseItem {
  readonly seq: number
  readonly item: AudioItem
}

export interface StoredFacts {
  /** Where a slice of the period ends that holds about `count` calls. */
  sliceEnd(period: Period, count: number): Promise<number>
  /** The calls that began in the period, by their start. */
  calls(period: Period): Promise<readonly CallFacts[]>
  /** The recordings that are tied to these calls. */
  recordingsOf(calls: readonly CallId[]): Promise<readonly RecordingItem[]>
  /** When these calls ended, epoch ms; `null` for those that go on. Calls that are forgotten are not in it. */
  endsOf(calls: readonly CallId[]): Promise<ReadonlyMap<CallId, number | null>>
  callIdsByKeys(keys: readonly string[]): Promise<ReadonlyMap<string, CallId>>
  /** Oldest first, after the one of the page before. */
  openDeliveries(state: OpenDelivery['state'], after: number, limit: number): Promise<readonly OpenDelivery[]>
  /** When anything was last delivered among the neighbours of these in the lane; `null` when nothing was. */
  lastDeliveryAround(lane: string, first: number, last: number): Promise<number | null>
  /** Audio that waits or is quarantined, oldest first, after the one of the page before. */
  unfinishedItems(state: 'waiting' | 'quarantined', after: number, limit: number): Promise<readonly LooseItem[]>
  /** Audio without a call that is queued, delivered or dropped, in pages, newest first; ends with what was last changed before `since`. */
  itemsWithoutCall(since: number): AsyncIterable<readonly AudioItem[]>
  /** Which kinds of deliveries are paused, by lane, and why. */
  pauses(): Promise<ReadonlyMap<string, string>>
}

/** Call detail records of the site. */
export interface CdrFacts {
  sliceEnd(period: Period, count: number): Promise<number>
  /** The records of calls that began in the period, by their start. */
  cdrs(period: Period): Promise<readonly Cdr[]>
  /** The time that they cover, from the first to the last call of them; `null` when there are none. */
  covered(): Promise<Period | null>
}

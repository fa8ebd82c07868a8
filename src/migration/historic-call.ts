/** What an old system's records say of one call, in words that no longer depend on which system it was. Plain data. */
import type { Direction } from '../events/event.ts'
import type { Outcome } from '../events/outcome.ts'
import type { WireParty } from '../events/signal.ts'

/** Whose records they are. Two formats of one system (CDR and CEL) share a word, because they share ids. */
export type RecordSystem = 'asterisk' | 'freeswitch' | '3cx' | 'cisco' | 'csv'

/** Where a row stands; lines count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
}

/** Times are epoch ms. */
export interface HistoricCall {
  readonly system: RecordSystem
  /** The system's own identity of the call; the same in whatever file the call is found. */
  readonly id: string
  /** Further names of the call that recorders may use: uniqueids and uuids of its legs. */
  readonly names: readonly string[]
  /** SIP Call-IDs of its legs, the caller's first; empty where the records do not tell. */
  readonly sipCallIds: readonly string[]
  readonly from: WireParty
  readonly to: WireParty
  /** The phone that took the call, as the records name it; `null` when nobody did or they do not say. */
  readonly answeredBy: string | null
  /** `null` leaves it to the number plan. */
  readonly direction: Direction | null
  readonly startedAt: number
  readonly answeredAt: number | null
  readonly endedAt: number
  readonly outcome: Outcome
  /** Names of its recordings' files, without folders. */
  readonly recordings: readonly string[]
  readonly tags: readonly string[]
}

/** A row that makes no call. `reason` is the same for rows with the same fault, so that they can be counted; `detail` is not. */
export interface Refusal extends Place {
  readonly reason: string
  readonly detail: string
  /** What to do about it. */
  readonly fix: string
}

export type Found =
  /** `place` is where its first row stands. */
  | { readonly kind: 'call'; readonly call: HistoricCall; readonly place: Place }
  | { readonly kind: 'refusal'; readonly refusal: Refusal }

/** Why a row is refused, before it is known where it stands. */
export type Fault = Pick<Refusal, 'reason' | 'detail' | 'fix'>

/** A text of somebody else's in a message: short, on one line. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}

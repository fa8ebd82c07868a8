/**
 * Where the tracker writes what it learned, before anyone hears of it (docs/adr/0004). The outbox implements it.
 */
import type { Call } from './call.ts'
import type { CallEvent } from './event.ts'

export interface CallChange {
  /** The call's whole state after the change: plain JSON, from which a restarted bridge goes on. */
  readonly call: Call
  readonly events: readonly CallEvent[]
  /** Names under which recordings may find this call: `sip:CALL-ID` for each leg, `unique:ID` where a header told. */
  readonly keys: readonly string[]
  /** No further change is expected. */
  readonly ended: boolean
}

export interface CallJournal {
  /** Stores all changes, their events and the jobs they cause in one transaction; an event whose id is known is not stored again. */
  append(changes: readonly CallChange[]): Promise<void>
  /** Calls that had not ended when the bridge last stopped. */
  openCalls(): Promise<readonly Call[]>
  /** The stored state of the call that a SIP Call-ID is part of, which is no longer in memory, for signals that come late. */
  findCall(sipCallId: string): Promise<Call | null>
}

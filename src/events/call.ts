/**
 * A CALL: what is known of it, as plain data. `advance(call, signal)` is the only way a signal changes it, `expire` the only way
 * time does (advance.ts); both are pure.
 *
 *                      ┌───────────── invited again ─────────────┐
 *                      ▼                                         │
 *   invited ──▶ inviting ── 401 407 422 ─────────────────▶ challenged ──── expire ────▶ ended (failed)
 *                 │   │ ringing                                  │ ringing, answered: as from inviting (the INVITE was lost)
 *                 │   ▼                                          │
 *                 │ ringing ── cancelled ──▶ cancelling ── 487, expire ───────────────▶ ended (caller-hung-up)
 *                 │   │                          │
 *                 │   │ answered                 │ answered: glare, the 2xx won (RFC 3261 section 15)
 *                 ▼   ▼                          ▼
 *                talking ◀───────────────────────┘   held / resumed
 *                   │
 *                   └── BYE of the last answered leg ─────────────────────────────────▶ ended (completed)
 *   any final response ≥ 300 before the answer ───────────────────────────────────────▶ ended (by table, outcome.ts)
 *   expire from anywhere else ────────────────────────────────────────────────────────▶ ended (lost-signalling)
 *
 * Invariants
 *  1. A signal changes the call or is named in `ignored`; a repeated one makes no event, in whatever order signals come.
 *  2. Events are numbered 1, 2, 3 … without gaps; their times never go back. `call.ended` comes once and last.
 *  3. A call is plain JSON: parsed from its own text it goes on as if nothing had happened.
 *  4. A call that nothing changed is the same object as before, so that a writer can tell.
 *
 * The tracker owns the calls and is the only one to advance them.
 */
import type { Choice } from './choice.ts'
import type { Directives } from './directives.ts'
import type { CallId, CallParty, Direction, EventType } from './event.ts'
import type { Holds } from './holds.ts'
import type { Legs } from './legs.ts'
import type { Outcome } from './outcome.ts'

export type Phase =
  | { readonly kind: 'inviting' }
  | { readonly kind: 'challenged'; readonly sipCode: number; readonly q850: number | null; readonly at: number }
  | { readonly kind: 'ringing' }
  | { readonly kind: 'cancelling'; readonly q850: number | null; readonly elsewhere: boolean; readonly at: number }
  | { readonly kind: 'talking'; readonly answeredAt: number; readonly holds: Holds }
  | {
      readonly kind: 'ended'
      readonly answeredAt: number | null
      readonly endedAt: number
      readonly holdMs: number
      readonly outcome: Outcome
    }

/** Everything that is known of one call; times are epoch ms. */
export interface Call {
  readonly version: 1
  readonly id: CallId
  readonly sipCallId: string
  readonly callerTag: string
  readonly from: CallParty
  readonly to: CallParty
  readonly direction: Direction
  /** Names under which recordings may find the call (journal.ts). */
  readonly keys: readonly string[]
  /** Absent when the PBX asked nothing, and in calls that were stored before it was read. */
  readonly directives?: Directives
  /** The newest choice of the caller to be recorded or not; absent when the PBX told none. */
  readonly consent?: Choice
  readonly startedAt: number
  /** Wire time of the newest INVITE; later than `startedAt` after a challenge. */
  readonly invitedAt: number
  /** Wire time of the newest signal that belonged to the call. */
  readonly lastSignalAt: number
  readonly lastEventAt: number
  readonly phase: Phase
  readonly legs: Legs
  readonly sequence: number
  readonly counts: Readonly<Partial<Record<EventType, number>>>
}

/**
 * A SIP CALL: what SIP knows as one call, all dialogs of one Call-ID, as plain data. `advanceSip(sipCall, signal)` is the only way a
 * signal changes it, `expireSip` the only way time does (advance-sip.ts); both are pure.
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
 *   overheard ─▶ talking ◀───────────────────────┘   held / resumed
 *                   │
 *                   └── BYE of the last answered leg ─────────────────────────────────▶ ended (completed)
 *   any final response ≥ 300 before the answer ───────────────────────────────────────▶ ended (by table, outcome.ts)
 *   expire from anywhere else ────────────────────────────────────────────────────────▶ ended (lost-signalling)
 *
 * Invariant: a SIP call that nothing changed is the same object as before.
 */
import type { CallParty } from './event.ts'
import type { Holds } from './holds.ts'
import type { Legs } from './legs.ts'
import type { Outcome } from './outcome.ts'
import type { Side } from './signal.ts'

export type SipPhase =
  | { readonly kind: 'inviting' }
  | { readonly kind: 'challenged'; readonly sipCode: number; readonly q850: number | null; readonly at: number }
  | { readonly kind: 'ringing' }
  | { readonly kind: 'cancelling'; readonly q850: number | null; readonly elsewhere: boolean; readonly at: number }
  | { readonly kind: 'talking'; readonly answeredAt: number; readonly holds: Holds }
  | { readonly kind: 'ended'; readonly answeredAt: number | null; readonly endedAt: number; readonly outcome: Outcome }

/** Times are epoch ms. */
export interface SipCall {
  readonly sipCallId: string
  readonly callerTag: string
  readonly from: CallParty
  readonly to: CallParty
  readonly side: Side | null
  readonly isFromPbx: boolean
  readonly startedAt: number
  /** Wire time of the newest INVITE; later than `startedAt` after a challenge. */
  readonly invitedAt: number
  readonly hasRung: boolean
  readonly phase: SipPhase
  readonly legs: Legs
}

/** When somebody answered, `null` while nobody has. */
export function talkedSince({ phase }: SipCall): number | null {
  return phase.kind === 'talking' || phase.kind === 'ended' ? phase.answeredAt : null
}

/** Whether it has not ended. */
export const isLive = ({ phase }: SipCall): boolean => phase.kind !== 'ended'

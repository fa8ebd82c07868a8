/**
 * A CALL: what a person would call a call, as plain data: one SIP call, or several that belong together (a PBX that answers its caller
 * and calls a phone makes two), and what was told of them. `advance`, `join` and `merge` change it, and `expire` when nothing is heard any
 * more (advance.ts); all are pure.
 *
 *   calling ── somebody is reached ──▶ talking ⇄ held ── the last SIP call ends ──▶ ended
 *      ▲ │                                │ └── joined to an older call ──▶ merged   (a calling one, too)
 *      │ └── the last SIP call ends ──▶ ended (nobody was reached)
 *      └── it was only the PBX that had answered, and now it calls a phone
 *
 * Invariants
 *  1. A signal changes the call or is named in `ignored`; a repeated one makes no event, in whatever order signals come.
 *  2. Events are numbered 1, 2, 3 … without gaps; their times never go back. The last is `call.ended` or, of a call that turned out to
 *     be part of an older one, `call.merged`; it comes once.
 *  3. A call is plain JSON: parsed from its own text it goes on as if nothing had happened.
 *  4. A call that nothing changed is the same object as before, so that a writer can tell.
 *  5. It is named after the first of its SIP calls, and what it holds is bounded.
 *
 * The tracker owns the calls and is the only one to change them.
 */
import type { Choice } from './choice.ts'
import type { Directives } from './directives.ts'
import type { CallId, EventType, TransferSnapshot } from './event.ts'
import type { Outcome } from './outcome.ts'
import type { SipCall } from './sip-call.ts'

/** How far the call is, as it was told last. */
export type Phase =
  | { readonly kind: 'inviting' | 'challenged' | 'ringing' | 'cancelling' }
  | {
      readonly kind: 'talking'
      readonly answeredAt: number
      /** Epoch ms since when at least one party holds; `null` while nobody does. */
      readonly heldSince: number | null
      /** Ms of the holds that are over. */
      readonly heldMs: number
    }
  | {
      readonly kind: 'ended'
      readonly answeredAt: number | null
      readonly endedAt: number
      readonly holdMs: number
      readonly outcome: Outcome
    }
  | {
      readonly kind: 'merged'
      readonly into: CallId
      readonly at: number
      /** As it was until then. */
      readonly answeredAt: number | null
      readonly holdMs: number
    }

/** Why a SIP call was taken into the call. */
export interface Union {
  readonly sipCallId: string
  readonly reason: string
  /** Epoch ms. */
  readonly at: number
}

/** A transfer that is asked for (RFC 3515): in which SIP call, and whose place the other party is to take (RFC 3891). */
export interface Transferring extends TransferSnapshot {
  readonly sipCallId: string
  /** Call-ID; absent in a blind transfer. */
  readonly replaces?: string
}

/** Everything that is known of one call; times are epoch ms. */
export interface Call {
  readonly version: 2
  readonly id: CallId
  /** By the time at which they began: the first is its caller's. Of too many, those that ended in vain are forgotten first. */
  readonly sipCalls: readonly SipCall[]
  /** One for each of the others, and one for each call that was merged into it; the newest. */
  readonly unions: readonly Union[]
  /** Asked for and not yet carried out. */
  readonly transferring?: Transferring
  readonly transfers?: readonly TransferSnapshot[]
  /** Names under which recordings and further legs may find the call (journal.ts). */
  readonly keys: readonly string[]
  /** Absent when the PBX asked nothing, and in calls that were stored before it was read. */
  readonly directives?: Directives
  /** The newest choice of the caller to be recorded or not; absent when the PBX told none. */
  readonly consent?: Choice
  /** Wire time of the newest signal that belonged to the call. */
  readonly lastSignalAt: number
  readonly lastEventAt: number
  readonly phase: Phase
  readonly sequence: number
  readonly counts: Readonly<Partial<Record<EventType, number>>>
}

/** Whether nothing can change it any more. */
export const isOver = ({ phase }: Call): boolean => phase.kind === 'ended' || phase.kind === 'merged'

/** Calls as older versions stored them. Pure. */
import type { Call, Phase } from './call.ts'
import type { CallParty, Direction } from './event.ts'
import { noHolds, type Party } from './holds.ts'
import type { Legs } from './legs.ts'
import type { Outcome } from './outcome.ts'
import type { SipCall, SipPhase } from './sip-call.ts'

interface Wish {
  readonly held: boolean
  readonly at: number
}

/** Version 1 (0.1.0): a call was one SIP call. */
interface FirstCall extends Omit<Call, 'version' | 'sipCalls' | 'unions' | 'phase'> {
  readonly version: 1
  readonly sipCallId: string
  readonly callerTag: string
  readonly from: CallParty
  readonly to: CallParty
  readonly direction: Direction
  readonly startedAt: number
  readonly invitedAt: number
  readonly legs: Legs
  readonly phase:
    | Exclude<SipPhase, { readonly kind: 'talking' | 'ended' }>
    | {
        readonly kind: 'talking'
        readonly answeredAt: number
        readonly holds: Readonly<Record<Party, Wish | null>> & { readonly heldSince: number | null; readonly totalMs: number }
      }
    | {
        readonly kind: 'ended'
        readonly answeredAt: number | null
        readonly endedAt: number
        readonly holdMs: number
        readonly outcome: Outcome
      }
}

export type StoredCall = Call | FirstCall

/** The call in today's shape. */
export function callOf(stored: StoredCall): Call {
  if (stored.version === 2) return stored
  const { sipCallId, callerTag, from, to, direction, startedAt, invitedAt, legs, phase, version: _, ...rest } = stored
  const sip: SipCall = {
    sipCallId,
    callerTag,
    from,
    to,
    side: direction === 'internal' ? null : direction === 'outbound' ? 'pbx' : 'carrier',
    isFromPbx: direction === 'outbound',
    startedAt,
    invitedAt,
    hasRung: (rest.counts['call.ringing'] ?? 0) > 0,
    phase: sipPhaseOf(phase),
    legs,
  }
  return { ...rest, version: 2, sipCalls: [sip], unions: [], phase: phaseOf(phase) }
}

function sipPhaseOf(phase: FirstCall['phase']): SipPhase {
  if (phase.kind === 'talking') {
    const { caller, callee } = phase.holds
    return { kind: 'talking', answeredAt: phase.answeredAt, holds: { ...noHolds, caller, callee } }
  }
  if (phase.kind !== 'ended') return phase
  const { holdMs: _, ...ended } = phase
  return ended
}

function phaseOf(phase: FirstCall['phase']): Phase {
  if (phase.kind === 'ended') return phase
  if (phase.kind !== 'talking') return { kind: phase.kind }
  return { kind: 'talking', answeredAt: phase.answeredAt, heldSince: phase.holds.heldSince, heldMs: phase.holds.totalMs }
}

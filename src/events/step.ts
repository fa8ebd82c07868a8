/** How one step of a call is made: with an event, or with nothing but the reason for it. */
import type { Ignored as SipIgnored } from './advance-sip.ts'
import type { AgentDirectory } from './agents.ts'
import type { Call } from './call.ts'
import type { CallEvent, EventType } from './event.ts'
import { eventIdOf } from './ids.ts'
import type { NumberPlan } from './numbers.ts'
import { snapshotOf } from './snapshot.ts'

/** Why a signal changed nothing that anyone could learn of. */
export type Ignored =
  | SipIgnored
  /** The call has as many SIP calls as one may have. */
  | 'too-many-legs'

/** What a call needs to know of its surroundings. */
export interface CallContext {
  readonly site: string
  readonly numbers: NumberPlan
  readonly agents: AgentDirectory
}

export interface Step<C extends Call | null = Call> {
  readonly call: C
  /** What is new, in order: one, or a few where several facts came to light at once. */
  readonly events: readonly CallEvent[]
  readonly ignored: Ignored | null
}

/** The call as it now is makes an event, numbered and dated `at` (epoch ms). */
export function emit(call: Call, type: EventType, at: number, context: CallContext): Step {
  const nth = (call.counts[type] ?? 0) + 1
  const sequence = call.sequence + 1
  const next: Call = { ...call, sequence, counts: { ...call.counts, [type]: nth }, lastEventAt: at }
  const event: CallEvent = {
    id: eventIdOf(call.id, type, nth),
    callId: call.id,
    type,
    sequence,
    occurredAt: at,
    site: context.site,
    call: snapshotOf(next, at, context.agents),
  }
  return { call: next, events: [event], ignored: null }
}

/** Nothing changes, for a named reason. */
export function ignore(call: Call, ignored: Ignored): Step {
  return { call, events: [], ignored }
}

/** Nothing new, but a sign of life: it keeps the call from being taken for lost. */
export function repeated(call: Call, at: number): Step {
  return ignore(heard(call, at), 'repeated')
}

/** Remembers the wire time of the newest sign of life. */
export function heard(call: Call, at: number): Call {
  return at > call.lastSignalAt ? { ...call, lastSignalAt: at } : call
}

/** A fact cannot precede what was told already; packets may come late, and clocks differ by a little (invariant 2). */
export function notBefore(call: Call, at: number): number {
  return Math.max(at, call.lastEventAt)
}

/** The call changed in a way that makes no event. */
export function quietly(call: Call, at: number): Step {
  return { call: heard(call, at), events: [], ignored: null }
}

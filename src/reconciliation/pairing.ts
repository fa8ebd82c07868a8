/**
 * Which CDR is about which call: by the names that both know it by, else by the party outside and the time, which is a guess. Pure.
 */
import type { Cdr } from '../events/cdr.ts'
import type { CallId, CallSnapshot } from '../events/event.ts'
import { numberTail } from './number-tail.ts'

/** A PBX counts in seconds, begins a call that goes out when the phone dials, and has a clock of its own. */
const guessToleranceMs = 10_000

export interface Paired {
  readonly cdr: Cdr
  /** By parties and time. */
  readonly guessed: boolean
}

export interface Pairing {
  readonly byCall: ReadonlyMap<CallId, Paired>
  /** The CDRs that are about no call, in the order given. */
  readonly unseen: readonly Cdr[]
}

/** A CDR, and the call that is known by a name of it, be it among the calls that are paired or not. */
export interface NamedCdr {
  readonly cdr: Cdr
  readonly callId: CallId | null
}

export function pair(cdrs: readonly NamedCdr[], calls: readonly CallSnapshot[]): Pairing {
  const byCall = new Map<CallId, Paired>()
  const nameless: Cdr[] = []
  for (const { cdr, callId: id } of cdrs) {
    if (id === null) nameless.push(cdr)
    // Of several (a transfer makes another one) the longest tells most.
    else if (lengthOf(byCall.get(id)?.cdr) < lengthOf(cdr)) byCall.set(id, { cdr, guessed: false })
  }
  const free = new Map<string, CallSnapshot[]>()
  for (const call of calls) {
    if (byCall.has(call.id)) continue
    for (const key of namesOf(call)) free.set(key, [...(free.get(key) ?? []), call])
  }
  const unseen = nameless.filter(cdr => {
    const call = nearest(
      cdr,
      namesIn(cdr)
        .flatMap(name => free.get(name) ?? [])
        .filter(({ id }) => !byCall.has(id)),
    )
    if (call !== null) byCall.set(call.id, { cdr, guessed: true })
    return call === null
  })
  return { byCall, unseen }
}

function lengthOf(cdr: Cdr | undefined): number {
  return cdr === undefined ? -1 : cdr.endedAt - cdr.startedAt
}

/** The trunk knows which party is outside; inside, the PBX may show it another number than its own records say. */
function namesOf(call: CallSnapshot): readonly string[] {
  switch (call.direction) {
    case 'inbound':
      return call.from.kind === 'anonymous'
        ? [...new Set([call.to, ...call.legs.map(leg => leg.to)].map(to => `to ${numberTail(to)}`))]
        : [`from ${numberTail(call.from)}`]
    case 'outbound':
      return [`dialled ${numberTail(call.to)}`]
    case 'internal':
      return [`between ${call.from.value} ${call.to.value}`]
    default:
      return call.direction satisfies never
  }
}

function namesIn({ from, to }: Cdr): readonly string[] {
  const dialled = `dialled ${numberTail(to)}`
  if (from.kind === 'anonymous') return [`to ${numberTail(to)}`, dialled]
  return [`from ${numberTail(from)}`, dialled, `between ${from.value} ${to.value}`]
}

function nearest(cdr: Cdr, calls: readonly CallSnapshot[]): CallSnapshot | null {
  const apart = (call: CallSnapshot): number => Math.abs(call.startedAt - cdr.startedAt)
  const near = calls.filter(call => apart(call) <= guessToleranceMs)
  return near.reduce<CallSnapshot | null>((best, call) => (best === null || apart(call) < apart(best) ? call : best), null)
}

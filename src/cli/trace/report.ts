/** What a trace tells, as plain data: what `--json` prints and the text is made of. Pure. */
import type { AgentDirectory } from '../../events/agents.ts'
import { type Call, isOver, type Union } from '../../events/call.ts'
import type { CallEvent, CallId, CallSnapshot } from '../../events/event.ts'
import type { SipCall } from '../../events/sip-call.ts'
import { snapshotOf } from '../../events/snapshot.ts'
import type { KnownHosts } from '../../sip/hep/ends.ts'
import { type Alone, standingAlone } from './explain.ts'
import { placeOf, roleOf } from './hosts.ts'
import type { Place, Rung } from './ladder.ts'
import type { IgnoredSignal, Replay, TracedCall } from './replay.ts'

/** One SIP call of a call. */
export interface SipReport {
  /** `a` is the caller's. */
  readonly mark: string
  readonly sipCallId: string
  readonly from: string
  readonly to: string
  readonly state: string
  /** Why it is part of the call; `null` for the one with which the call began. */
  readonly reason: string | null
  readonly isGuess: boolean
}

export interface EventReport {
  readonly at: number
  readonly type: string
}

export interface CallReport {
  readonly call: CallSnapshot
  /** Whether the capture ended before it. */
  readonly goesOn: boolean
  readonly sipCalls: readonly SipReport[]
  readonly places: readonly Place[]
  readonly messages: readonly Rung[]
  readonly leftOut: { readonly acks: number; readonly repeated: number; readonly tooMany: number }
  readonly events: readonly EventReport[]
  readonly ignored: readonly IgnoredSignal[]
  readonly absorbed: readonly {
    readonly id: CallId
    readonly reason: string
    readonly at: number
    readonly events: readonly EventReport[]
  }[]
}

export interface TraceReport {
  readonly calls: readonly CallReport[]
  readonly alone: readonly Alone[]
  readonly isAllAlone: boolean
  readonly strangers: readonly IgnoredSignal[]
}

export interface ReportOptions {
  readonly hosts: KnownHosts
  readonly agents: AgentDirectory
  readonly callIdHeader: string
  /** Only calls with this in a Call-ID, a number or the id; `null` for all. */
  readonly wanted: string | null
}

export function reportOf(replay: Replay, options: ReportOptions): TraceReport {
  const { hosts, agents, callIdHeader, wanted } = options
  const calls = replay.calls.filter(({ call }) => wanted === null || isWanted(call, wanted))
  const ids = new Set(calls.map(({ call }) => call.id))
  const { pairs, isAll } = standingAlone(replay, hosts, callIdHeader, id => ids.has(id))
  return {
    calls: calls.map(each => reportOfCall(each, replay, hosts, agents)),
    alone: pairs,
    isAllAlone: isAll,
    strangers: replay.strangers.filter(({ sipCallId }) => wanted === null || sipCallId.includes(wanted)),
  }
}

/** `a`, `b`, … of the n-th SIP call. */
export function markOf(index: number): string {
  return String.fromCharCode(...(index < 26 ? [97 + index] : [65 + (index % 26)]))
}

/** The SIP calls of a call, with the union's reason for each that has one. */
export function sipReports({ sipCalls, unions }: Pick<Call, 'sipCalls' | 'unions'>): readonly SipReport[] {
  return sipCalls.map((sip, i) => {
    const union = unions.find(({ sipCallId }) => sipCallId === sip.sipCallId)
    const { sipCallId, from, to } = sip
    const [reason, isGuess] = [union?.reason ?? null, union?.reason.startsWith('guess: ') === true]
    return { mark: markOf(i), sipCallId, from: from.value, to: to.value, state: stateOf(sip), reason, isGuess }
  })
}

function stateOf({ phase }: SipCall): string {
  if (phase.kind !== 'ended') return phase.kind
  const { status, reason, sipCode } = phase.outcome
  return `${status} (${reason}${sipCode === null || sipCode === 200 ? '' : `, ${sipCode}`})`
}

function isWanted({ id, sipCalls }: Call, wanted: string): boolean {
  if (id.includes(wanted)) return true
  return sipCalls.some(({ sipCallId, from, to, legs }) =>
    [sipCallId, from.value, to.value, ...legs.map(leg => leg.to.value)].some(text => text.includes(wanted)),
  )
}

function reportOfCall(traced: TracedCall, { traces, span }: Replay, hosts: KnownHosts, agents: AgentDirectory): CallReport {
  const { call, events, ignored, absorbed } = traced
  const lines = call.sipCalls
    .flatMap(({ sipCallId }, i) => {
      const trace = traces.get(sipCallId)
      return (trace?.lines ?? []).map(line => ({ ...line, mark: markOf(i), again: trace?.repeats.get(line.index) ?? 0 }))
    })
    .toSorted((a, b) => a.index - b.index)
  const messages = lines
    .filter(({ isAck }) => !isAck)
    .map(({ at, source, destination, text, mark, again }) => {
      return { at, from: placeOf(source, hosts), to: placeOf(destination, hosts), text, mark, repeats: again }
    })
  const names = [...new Set(messages.flatMap(({ from, to }) => [from, to]))]
  return {
    call: snapshotOf(call, Math.max(span?.until ?? 0, call.lastEventAt), agents),
    goesOn: !isOver(call),
    sipCalls: sipReports(call),
    places: names.map(name => ({ name, role: roleOf(name, hosts) })),
    messages,
    leftOut: {
      acks: lines.filter(({ isAck }) => isAck).length,
      repeated: lines.reduce((sum, { again }) => sum + again, 0),
      tooMany: call.sipCalls.reduce((sum, { sipCallId }) => sum + (traces.get(sipCallId)?.more ?? 0), 0),
    },
    events: events.map(eventReport),
    ignored,
    absorbed: absorbed.map(({ call: { id }, events, union }) => ({ id, ...reasonOf(union), events: events.map(eventReport) })),
  }
}

const eventReport = ({ occurredAt, type }: CallEvent): EventReport => ({ at: occurredAt, type })

const reasonOf = ({ reason, at }: Union): Pick<Union, 'reason' | 'at'> => ({ reason, at })

/**
 * Lets a capture happen again, through the observer and the model of a running bridge, with the capture's own clock, and remembers what
 * became of each call and why. Nothing is stored.
 */
import type { Call, Union } from '../../events/call.ts'
import type { CallEvent, CallId } from '../../events/event.ts'
import type { Patience } from '../../events/expiry-lanes.ts'
import { FollowedCalls, type FollowedStep } from '../../events/followed-calls.ts'
import { type Doubt, doubtAbout } from '../../events/guess.ts'
import type { CallSignal, Invited } from '../../events/signal.ts'
import type { CallContext, Ignored } from '../../events/step.ts'
import type { CaptureItem } from '../../sip/hep/capture-file.ts'
import { betweenHosts, type KnownHosts } from '../../sip/hep/ends.ts'
import type { MirroredMessage } from '../../sip/hep/seen.ts'
import { parseCSeq } from '../../sip/message/cseq.ts'
import { headerValue } from '../../sip/message/headers.ts'
import type { HopAddress, SipMessage } from '../../sip/message/message.ts'
import { CallObserver } from '../../sip/observer/call-observer.ts'
import type { TieHeaders } from '../../sip/observer/ties.ts'
import { RecordingTraffic } from '../../sip/siprec/recording-traffic.ts'
import { ownCopy, type SeenLine, seenLine } from './seen-line.ts'

export interface ReplayOptions {
  readonly hosts: KnownHosts
  readonly ties: TieHeaders
  readonly context: CallContext
  readonly patience: Patience
}

/** The messages of one SIP Call-ID, in the order in which they were captured. */
export interface SipTrace {
  readonly lines: readonly (SeenLine & { readonly index: number })[]
  /** Lines that are not kept: there are too many. */
  readonly more: number
  /** Times that a message of `lines` was sent again, by its place in the capture. */
  readonly repeats: ReadonlyMap<number, number>
  /** Of its first INVITE: its hops, and what a PBX may have put into fields of its own. */
  readonly invite: {
    readonly source: HopAddress
    readonly destination: HopAddress
    readonly fields: ReadonlyMap<string, string>
  } | null
}

export interface IgnoredSignal {
  readonly kind: CallSignal['kind']
  readonly reason: Ignored
  readonly sipCallId: string
  /** Of the first one, epoch ms. */
  readonly at: number
  readonly count: number
}

/** What was thought of the other calls of its parties when a call began. */
export interface Beginnings {
  readonly isFromPbx: boolean
  readonly doubts: ReadonlyMap<CallId, Doubt | null>
}

export interface TracedCall {
  readonly call: Call
  readonly events: readonly CallEvent[]
  readonly ignored: readonly IgnoredSignal[]
  readonly began: Beginnings | null
  /** Calls that turned out to be this one. */
  readonly absorbed: readonly { readonly call: Call; readonly events: readonly CallEvent[]; readonly union: Union }[]
}

export interface Replay {
  /** In the order in which they began; merged ones are part of another. */
  readonly calls: readonly TracedCall[]
  readonly traces: ReadonlyMap<string, SipTrace>
  /** Signals of SIP calls of which there is no call: they began before the capture did. */
  readonly strangers: readonly IgnoredSignal[]
  /** Messages of no call, by method: REGISTER, OPTIONS; and those of recording sessions, as SIPREC. */
  readonly others: ReadonlyMap<string, number>
  readonly messages: number
  /** Wire times of the first and the last message, epoch ms; `null` for a capture without SIP. */
  readonly span: { readonly from: number; readonly until: number } | null
}

const ofCalls: ReadonlySet<string> = new Set(['INVITE', 'ACK', 'BYE', 'CANCEL', 'UPDATE', 'REFER', 'PRACK', 'INFO'])
/** Sessions between a recording client and its recorder are no calls. */
const recording = 'SIPREC'
const maxLines = 1000
const maxFields = 32
/** Calls of the same parties that are remembered of a call's beginning, the newest. */
const maxCandidates = 64
const maxDue = 1000

interface TraceState {
  readonly lines: (SeenLine & { readonly index: number })[]
  readonly byIdentity: Map<string, number>
  readonly repeats: Map<number, number>
  more: number
  invite: SipTrace['invite']
}

interface CallState {
  call: Call
  readonly events: CallEvent[]
  readonly ignored: Map<string, IgnoredSignal>
  began: Beginnings | null
  absorbedBy: { readonly id: CallId; readonly union: Union } | null
}

export function replay(items: Iterable<CaptureItem>, options: ReplayOptions): Replay {
  const replaying = new Replaying(options)
  for (const item of items) if (item.kind === 'sip') replaying.see(item.seen)
  return replaying.result()
}

class Replaying {
  readonly #options: ReplayOptions
  readonly #followed: FollowedCalls
  readonly #observer: CallObserver
  readonly #recordings = new RecordingTraffic()
  readonly #calls = new Map<CallId, CallState>()
  readonly #traces = new Map<string, TraceState>()
  readonly #strangers = new Map<string, IgnoredSignal>()
  readonly #others = new Map<string, number>()
  #messages = 0
  #span: Replay['span'] = null
  /** The capture's clock: it never goes back, whatever order packets are in. */
  #now = 0

  constructor(options: ReplayOptions) {
    const { context, patience, ties } = options
    this.#options = options
    this.#followed = new FollowedCalls({
      context,
      patience,
      maxEnded: 20_000,
      onNewcomer: () => {},
      onStep: step => this.#remember(step),
    })
    this.#observer = new CallObserver({
      source: 'hep',
      ties,
      overhears: true,
      onSignal: signal => this.#followed.take(signal, this.#now),
    })
  }

  see(seen: MirroredMessage): void {
    const { at } = seen
    this.#span = { from: Math.min(this.#span?.from ?? at, at), until: Math.max(this.#span?.until ?? at, at) }
    this.#now = Math.max(this.#now, at)
    for (const expired of this.#followed.due(this.#now, maxDue)) {
      if (expired.lane === 'ended') this.#followed.forget(expired.id)
      else this.#followed.expire(expired, this.#now)
    }
    this.#messages += 1
    if (this.#recordings.has(seen.message)) {
      this.#others.set(recording, (this.#others.get(recording) ?? 0) + 1)
      return
    }
    this.#keepLine(seen)
    this.#observer.see(betweenHosts(seen, this.#options.hosts))
  }

  result(): Replay {
    const states = [...this.#calls.values()]
    const absorbed = new Map<CallId, TracedCall['absorbed'][number][]>()
    for (const state of states) {
      if (state.absorbedBy === null) continue
      const keeper = this.#keeperOf(state)
      const { call, events, absorbedBy } = state
      absorbed.set(keeper, [...(absorbed.get(keeper) ?? []), { call, events, union: absorbedBy.union }])
    }
    const calls = states
      .filter(({ absorbedBy }) => absorbedBy === null)
      .map(({ call, events, ignored, began }) => ({
        call,
        events,
        began,
        ignored: [...ignored.values()],
        absorbed: absorbed.get(call.id) ?? [],
      }))
      .toSorted((a, b) => startOf(a.call) - startOf(b.call))
    return {
      calls,
      traces: this.#traces,
      strangers: [...this.#strangers.values()],
      others: this.#others,
      messages: this.#messages,
      span: this.#span,
    }
  }

  /** The call that one is part of in the end. */
  #keeperOf({ call, absorbedBy }: CallState): CallId {
    let id = absorbedBy?.id ?? call.id
    for (let next = this.#calls.get(id)?.absorbedBy; next != null; next = this.#calls.get(id)?.absorbedBy) id = next.id
    return id
  }

  #keepLine({ at, source, destination, message }: MirroredMessage): void {
    const sipCallId = headerValue(message, 'Call-ID') ?? ''
    const method = message.kind === 'request' ? message.method : (parseCSeq(headerValue(message, 'CSeq') ?? '')?.method ?? '?')
    const known = this.#traces.get(sipCallId)
    if (known === undefined && !ofCalls.has(method)) {
      this.#others.set(method, (this.#others.get(method) ?? 0) + 1)
      return
    }
    const trace: TraceState = known ?? { lines: [], byIdentity: new Map(), repeats: new Map(), more: 0, invite: null }
    if (known === undefined) this.#traces.set(ownCopy(sipCallId), trace)
    if (trace.invite === null && message.kind === 'request' && method === 'INVITE')
      trace.invite = { source, destination, fields: fieldsOf(message) }
    const line = seenLine(at, source, destination, message, method)
    const again = trace.byIdentity.get(line.identity)
    if (again !== undefined) trace.repeats.set(again, (trace.repeats.get(again) ?? 0) + 1)
    else if (trace.lines.length >= maxLines) trace.more += 1
    else {
      trace.byIdentity.set(line.identity, this.#messages)
      trace.lines.push({ ...line, index: this.#messages })
    }
  }

  #remember(followed: FollowedStep): void {
    const { before, step } = followed
    if (step.call === null) {
      if (followed.kind === 'advanced' && step.ignored !== null) count(this.#strangers, followed.signal, step.ignored)
      return
    }
    const { call, events } = step
    const state = this.#calls.get(call.id) ?? this.#newCall(call)
    state.call = call
    state.events.push(...events)
    if (followed.kind === 'absorbed') state.absorbedBy = { id: followed.into, union: followed.union }
    if (followed.kind !== 'advanced' && followed.kind !== 'joined') return
    const { signal } = followed
    if (step.ignored !== null) count(state.ignored, signal, step.ignored)
    else if (before === null && signal.kind === 'invited') state.began = this.#beginningsOf(call.id, signal)
  }

  #newCall(call: Call): CallState {
    const state: CallState = { call, events: [], ignored: new Map(), began: null, absorbedBy: null }
    this.#calls.set(call.id, state)
    return state
  }

  #beginningsOf(id: CallId, invited: Invited): Beginnings {
    const { numbers } = this.#options.context
    const beginning = { from: numbers.normalise(invited.from), to: numbers.normalise(invited.to), at: invited.at }
    // Only of what a PBX begins a guess is made.
    const candidates = invited.isFromPbx ? this.#followed.candidatesFor(invited) : []
    const others = candidates.filter(call => call.id !== id).slice(-maxCandidates)
    return { isFromPbx: invited.isFromPbx, doubts: new Map(others.map(call => [call.id, doubtAbout(beginning, call)])) }
  }
}

/** When it began, epoch ms. */
export function startOf({ sipCalls: [caller] }: Call): number {
  return caller?.startedAt ?? 0
}

function count(ignored: Map<string, IgnoredSignal>, { kind, sipCallId, at }: CallSignal, reason: Ignored): void {
  const key = `${kind}\n${reason}\n${sipCallId}`
  const known = ignored.get(key)
  ignored.set(key, known === undefined ? { kind, reason, sipCallId, at, count: 1 } : { ...known, count: known.count + 1 })
}

/** Fields of the PBX's or the carrier's own making, each with its first value. */
function fieldsOf({ headers }: SipMessage): ReadonlyMap<string, string> {
  const own = headers.filter(({ name, value }) => /^(?:X-|P-|Cisco-|AC-)/i.test(name) && value.length <= 256)
  const known: ReadonlySet<string> = new Set(['p-asserted-identity', 'p-preferred-identity', 'p-access-network-info'])
  return new Map(
    own
      .filter(({ name }) => !known.has(name.toLowerCase()))
      .slice(0, maxFields)
      .map(({ name, value }) => [ownCopy(name), ownCopy(value)]),
  )
}

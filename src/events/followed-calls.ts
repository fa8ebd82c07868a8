/**
 * The calls that are followed, and what a signal makes of them: finds the call that it belongs to, advances it, joins SIP calls to it, makes
 * one of two, and ends those that are silent for too long. It waits for nothing and knows no clock: time is an argument. The tracker
 * follows calls as they happen with it, and `tpe-bridge trace` those of a capture.
 *
 * Invariants
 *  1. Every call has exactly one entry in the table.
 *  2. What is told by `onStep` is in the table already.
 *  3. A call is named after the SIP call of it that began first, whichever was heard first: whoever watches names it alike.
 */
import { advance, expire, join, merge } from './advance.ts'
import { type Call, isOver, type Union } from './call.ts'
import { CallTable } from './call-table.ts'
import type { CallId } from './event.ts'
import type { Expired, Lane, Patience } from './expiry-lanes.ts'
import type { Beginning, Guess } from './guess.ts'
import type { CallSignal, Invited, Tied } from './signal.ts'
import type { CallContext, Step } from './step.ts'
import { leftAt } from './story.ts'

/** What became of a call; `before` is `null` for one that was not there. */
export type FollowedStep =
  | { readonly kind: 'advanced'; readonly before: Call | null; readonly step: Step<Call | null>; readonly signal: CallSignal }
  | { readonly kind: 'joined'; readonly before: Call; readonly step: Step; readonly signal: Invited; readonly union: Union }
  /** The younger goes first: `step` is its last. */
  | { readonly kind: 'absorbed'; readonly before: Call; readonly step: Step; readonly union: Union; readonly into: CallId }
  | { readonly kind: 'kept'; readonly before: Call; readonly step: Step; readonly union: Union }
  | { readonly kind: 'expired'; readonly before: Call; readonly step: Step; readonly lane: Lane }

export interface FollowedCallsOptions {
  readonly context: CallContext
  readonly patience: Patience
  /** Calls that are over and kept for stragglers. */
  readonly maxEnded: number
  /** Before one more call is taken in. */
  readonly onNewcomer: () => void
  readonly onStep: (step: FollowedStep) => void
}

/** How long a call of each lane may be silent, ms. */
export function patienceOf(calls: { readonly unansweredAfterMs: number; readonly orphanAfterMs: number }): Patience {
  return {
    challenged: 32_000, // RFC 3261's 64*T1
    unanswered: calls.unansweredAfterMs,
    answered: calls.orphanAfterMs,
    leaving: 10_000, // the PBX hangs up its phones at once when their caller does
    ended: 64_000,
  }
}

export class FollowedCalls {
  readonly #options: FollowedCallsOptions
  readonly #calls: CallTable

  constructor(options: FollowedCallsOptions) {
    this.#options = options
    this.#calls = new CallTable(options)
  }

  /** Calls that are not over. */
  get open(): number {
    return this.#calls.open
  }

  get(id: CallId): Call | undefined {
    return this.#calls.get(id)
  }

  /** The call of a SIP Call-ID. */
  of(sipCallId: string): Call | undefined {
    return this.#calls.of(sipCallId)
  }

  /** Takes in a call as it was stored, heard at `heardAt` (our clock, epoch ms). */
  keep(call: Call, heardAt: number): void {
    this.#calls.keep(call, heardAt)
  }

  forget(id: CallId): void {
    this.#calls.forget(id)
  }

  /** Takes a signal that was heard at `heardAt` (our clock, epoch ms). What it throws is a bug of the model. */
  take(signal: CallSignal, heardAt: number): void {
    this.#follow('ties' in signal ? { ...signal, ties: signal.ties.filter(({ key }) => !this.#isPast(key)) } : signal, heardAt)
  }

  /** Whether this is the Call-ID of a SIP call whose call is over: that one keeps its name. */
  #isPast(key: string): boolean {
    if (!key.startsWith('sip:')) return false
    const call = this.#calls.of(key.slice('sip:'.length))
    return call !== undefined && isOver(call) && call.sipCalls.some(({ sipCallId }) => key === `sip:${sipCallId}`)
  }

  #follow(signal: CallSignal, heardAt: number): void {
    const known = this.#calls.of(signal.sipCallId) ?? null
    const isNew = signal.kind === 'invited' && !known?.sipCalls.some(({ sipCallId }) => sipCallId === signal.sipCallId)
    // Before this call takes these names.
    const named = 'ties' in signal ? this.#named(signal) : []
    const call = isNew ? this.#begin(signal, named, heardAt) : this.#advance(known, signal, heardAt)
    if (call !== null) this.#unite(call.id, named, signal, heardAt)
  }

  /** The calls whose patience ran out before `now`, at most `limit`; they stay where they are. */
  due(now: number, limit: number): readonly Expired[] {
    return this.#calls.due(now, limit)
  }

  /** The call that was silent longest. */
  mostSilent(): { readonly id: CallId; readonly lane: Lane } | null {
    return this.#calls.mostSilent()
  }

  /** Ends a call of which nothing was heard, at `at` (epoch ms). */
  expire({ id, lane, at }: Expired, heardAt: number): void {
    const before = this.#calls.get(id)
    if (before === undefined) return
    const step = expire(before, lane === 'leaving' ? (leftAt(before.sipCalls) ?? at) : at, this.#options.context)
    this.#put(before, step, heardAt)
    this.#options.onStep({ kind: 'expired', before, step, lane })
  }

  /** The call that a SIP call which begins is part of, by a name or, if the PBX begins it, by a guess. */
  callFor(invited: Invited): Guess | null {
    return this.#named(invited)[0] ?? (invited.isFromPbx ? this.#calls.guess(this.#beginningOf(invited)) : null)
  }

  /** The calls of a new SIP call's parties, among which a guess chooses. */
  candidatesFor(invited: Invited): readonly Call[] {
    return this.#calls.candidates(this.#beginningOf(invited))
  }

  #beginningOf({ from, to, at }: Invited): Beginning {
    const { numbers } = this.#options.context
    return { from: numbers.normalise(from), to: numbers.normalise(to), at }
  }

  /** The calls that a signal's names lead to, and the one that had the name of its SIP call before it began. */
  #named({ kind, sipCallId, ties }: Invited | Tied): readonly Guess[] {
    if (kind === 'tied') return this.#calls.tiedTo(ties)
    return this.#calls.tiedTo([...ties, { key: `sip:${sipCallId}`, reason: 'its Call-ID was named by another' }])
  }

  /** A SIP call begins, in a call that is there or in one of its own. Answers the call that has it now, `null` for none. */
  #begin(invited: Invited, named: readonly Guess[], heardAt: number): Call | null {
    // One that is older than those that it is part of was heard late, and gives the call its name. A PBX goes on with what it was called
    // for before, though: then clocks differ.
    const older = named.find(({ call }) => startOf(call) <= invited.at || (invited.isFromPbx && !call.sipCalls[0]?.isFromPbx))
    const found = older ?? (named.length === 0 ? this.callFor(invited) : null)
    if (found !== null) return this.#join(found, invited, heardAt)
    this.#options.onNewcomer()
    return this.#advance(null, invited, heardAt)
  }

  /** Answers the call that has the signal in it now, `null` when nothing was learned of it. */
  #advance(before: Call | null, signal: CallSignal, heardAt: number): Call | null {
    if (before === null && signal.kind === 'overheard') this.#options.onNewcomer()
    const step = advance(before, signal, this.#options.context)
    if (step.call !== null) this.#put(before, { ...step, call: step.call }, heardAt)
    this.#options.onStep({ kind: 'advanced', before, step, signal })
    if (step.call !== null) this.#replace(before, { ...step, call: step.call }, signal, heardAt)
    return step.ignored === null || step.ignored === 'repeated' || step.ignored === 'stale' ? step.call : null
  }

  /** An attended transfer joins the two calls of the one who asked for it. */
  #replace(before: Call | null, { call, events }: Step, signal: CallSignal, heardAt: number): void {
    const replaced = before?.transferring?.replaces
    if (replaced === undefined || !events.some(({ type }) => type === 'call.transferred')) return
    const other = this.#calls.of(replaced)
    if (other !== undefined) this.#unite(call.id, [{ call: other, reason: 'REFER with Replaces' }], signal, heardAt)
  }

  #join({ call: before, reason }: Guess, signal: Invited, heardAt: number): Call | null {
    const union: Union = { sipCallId: signal.sipCallId, reason, at: signal.at }
    const step = join(before, signal, union, this.#options.context)
    this.#put(before, step, heardAt)
    this.#options.onStep({ kind: 'joined', before, step, signal, union })
    return step.ignored === null ? step.call : null
  }

  /** The call and those that are part of it become one; the oldest goes on. */
  #unite(id: CallId, parts: readonly Guess[], { sipCallId, at }: CallSignal, heardAt: number): void {
    let mine = this.#calls.get(id)
    for (const { call: part, reason } of parts) {
      const other = this.#calls.get(part.id)
      if (mine === undefined || isOver(mine) || other === undefined || isOver(other) || other.id === mine.id) continue
      const [older, younger] = isOlder(other, mine) ? [other, mine] : [mine, other]
      const union: Union = { sipCallId, reason, at }
      const { kept, absorbed } = merge(older, younger, union, this.#options.context)
      this.#put(younger, absorbed, heardAt)
      this.#options.onStep({ kind: 'absorbed', before: younger, step: absorbed, union, into: older.id })
      this.#put(older, kept, heardAt)
      this.#options.onStep({ kind: 'kept', before: older, step: kept, union })
      mine = kept.call
    }
  }

  #put(before: Call | null, { call }: Step, heardAt: number): void {
    // The patience of one that is over is not renewed by stragglers, or a peer that repeats itself would keep it for ever.
    if (before === null || !isOver(before)) this.#calls.keep(call, heardAt)
    else if (call !== before) this.#calls.replace(call)
  }
}

/** The one that began first; of the same moment, the one whose name comes first, whoever watches. */
function isOlder(one: Call, other: Call): boolean {
  const [at, otherAt] = [startOf(one), startOf(other)]
  return at === otherAt ? one.id < other.id : at < otherAt
}

const startOf = ({ sipCalls: [caller] }: Call): number => caller?.startedAt ?? 0

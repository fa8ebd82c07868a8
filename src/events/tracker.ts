/**
 * Follows all calls at once. Owns every live call: takes signals from the sources, finds the call that each belongs to, advances the call
 * model and hands what changed to the writer. Signals of calls that are not in memory are looked up in the journal first.
 *
 *   source ── accept(signal) ──▶ the call in memory ── advance, join, merge ──▶ changed? ──▶ ChangeWriter ──▶ journal ──▶ onStored
 *                                      ▲ (call-table.ts)
 *                                      └── not there: findCall, meanwhile its signals wait
 *
 * Invariants
 *  1. Every call has exactly one entry in the table.
 *  2. A call is advanced only while the writer has room: what the model knows is always stored, or about to be.
 *  3. `accept` never throws and never waits; its cost does not grow with the number of calls.
 *
 * The sources call `accept`; bridge.ts starts and stops it.
 */
import { advance, expire, join, merge } from './advance.ts'
import type { AgentDirectory } from './agents.ts'
import { type Call, isOver, type Union } from './call.ts'
import { CallLookUps } from './call-look-ups.ts'
import { CallTable } from './call-table.ts'
import { ChangeWriter, type ChangeWriterOptions, type WriterHealth } from './change-writer.ts'
import type { CallEvent, CallId } from './event.ts'
import type { Lane } from './expiry-lanes.ts'
import type { Guess } from './guess.ts'
import type { CallJournal } from './journal.ts'
import type { EventLog } from './log.ts'
import type { NumberPlan } from './numbers.ts'
import type { CallSignal, Invited, Tied } from './signal.ts'
import type { CallContext, Ignored, Step } from './step.ts'
import { leftAt } from './story.ts'

export interface CallTrackerOptions {
  readonly journal: CallJournal
  readonly numbers: NumberPlan
  readonly agents: AgentDirectory
  /** The configured name of this site; part of every event. */
  readonly site: string
  /** Epoch ms. Only for expiry: what events tell is the wire's time. */
  readonly clock: { now(): number }
  readonly log: EventLog
  /** Called with events in the order they were stored, after their commit. */
  readonly onStored: (events: readonly CallEvent[]) => void
  /** How long an answered call may be silent before it ends as lost-signalling, in ms; default 4 h. */
  readonly orphanAfterMs?: number
  /** The same for a call nobody answered yet; default 5 min. */
  readonly unansweredAfterMs?: number
  /** Calls that have not ended; beyond it the most silent one is expired. Default 20,000. */
  readonly maxOpenCalls?: number
  /** How long `stop` waits for the journal, in ms; default 5,000. */
  readonly flushWithinMs?: number
  readonly sweepEveryMs?: number
  readonly writer?: Pick<ChangeWriterOptions, 'gatherMs' | 'maxBatch' | 'maxPending' | 'retryBaseMs' | 'retryCapMs'>
}

/** Why a signal did not even reach the model. */
type Refused = 'not-running' | 'journal-behind' | 'look-ups-full'

type State = 'new' | 'starting' | 'running' | 'stopped'

const stragglersMs = 64_000
const challengedMs = 32_000
/** The PBX hangs up its phones at once when their caller does. */
const leavingMs = 10_000
const maxExpiredPerSweep = 1000
const refusalLogEveryMs = 10_000

export class CallTracker {
  readonly #counters = {
    signals: 0,
    /** Signals on which the model threw: bugs of ours. */
    failures: 0,
    callsStarted: 0,
    callsEnded: 0,
    callsExpired: 0,
    callsEvicted: 0,
    callsRestored: 0,
    /** SIP calls that were taken into a call that was there. */
    joined: 0,
    merged: 0,
    ignored: {
      'unknown-call': 0,
      'unknown-dialog': 0,
      repeated: 0,
      stale: 0,
      'not-answered': 0,
      'already-answered': 0,
      'already-cancelled': 0,
      'already-ended': 0,
      'too-many-legs': 0,
    } satisfies Record<Ignored, number>,
    refused: { 'not-running': 0, 'journal-behind': 0, 'look-ups-full': 0 } satisfies Record<Refused, number>,
  }
  readonly #options: CallTrackerOptions
  readonly #context: CallContext
  readonly #maxOpenCalls: number
  readonly #writer: ChangeWriter
  readonly #calls: CallTable
  readonly #lookUps: CallLookUps
  #state: State = 'new'
  #sweeper: NodeJS.Timeout | undefined
  #refusalLoggedAt = Number.NEGATIVE_INFINITY

  constructor(options: CallTrackerOptions) {
    this.#options = options
    this.#context = { site: options.site, numbers: options.numbers, agents: options.agents }
    this.#maxOpenCalls = options.maxOpenCalls ?? 20_000
    this.#calls = new CallTable({
      patience: {
        challenged: challengedMs,
        unanswered: options.unansweredAfterMs ?? 5 * 60_000,
        answered: options.orphanAfterMs ?? 4 * 3_600_000,
        leaving: leavingMs,
        ended: stragglersMs,
      },
      maxEnded: this.#maxOpenCalls,
    })
    const { journal, log, clock, onStored, writer } = options
    this.#writer = new ChangeWriter({ ...writer, journal, log, clock, onStored })
    this.#lookUps = new CallLookUps({
      findCall: sipCallId => journal.findCall(sipCallId),
      log,
      onResult: (sipCallId, signals, found) => this.#lookedUp(sipCallId, signals, found),
    })
  }

  /** What was counted since the start; every number only grows. */
  get counters() {
    return { ...this.#counters, ...this.#writer.counters, ...this.#lookUps.counters }
  }

  /** Calls that have not ended. */
  get openCalls(): number {
    return this.#calls.open
  }

  health(): WriterHealth {
    return this.#writer.health()
  }

  /** Takes up the calls that were open when the bridge last stopped. Rejects when the journal cannot be read. */
  async start(): Promise<void> {
    if (this.#state !== 'new') return
    this.#state = 'starting'
    const { clock, log, sweepEveryMs } = this.#options
    const open = await this.#openCalls()
    if (this.#state !== 'starting') return // stopped meanwhile
    const now = clock.now()
    // A call that talks may have ended while the bridge was away: its silence counts from its last signal. The others get a new
    // chance, since their patience is short and the PBX's clock may differ from ours by as much.
    const heard = open.map(call => ({ call, at: call.phase.kind === 'talking' ? Math.min(now, call.lastSignalAt) : now }))
    for (const { call, at } of heard.sort((a, b) => a.at - b.at)) this.#calls.keep(call, at)
    this.#counters.callsRestored = open.length
    if (open.length > 0) log.info({ calls: open.length }, 'calls restored')
    this.#state = 'running'
    this.#sweeper = setInterval(() => this.#sweep(), sweepEveryMs ?? 1000)
  }

  /** Stops taking signals and stores what is known; open calls stay open in the journal. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    clearInterval(this.#sweeper)
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort(), this.#options.flushWithinMs ?? 5000)
    const stored = await this.#writer.flush(abort.signal)
    clearTimeout(timer)
    this.#writer.close()
    if (!stored) {
      const { pending, reason } = this.#writer.health()
      this.#options.log.error({ changes: pending, reason }, 'stopped before the call journal took all changes')
    }
  }

  /** Takes a signal from a source. Never throws, never waits. */
  accept(signal: CallSignal): void {
    this.#counters.signals += 1
    const call = this.#calls.of(signal.sipCallId)
    if (this.#state !== 'running') this.#refuse('not-running', signal)
    else if (!this.#writer.hasRoom) this.#refuse('journal-behind', signal)
    else if (call !== undefined || signal.kind === 'invited') this.#take(call, signal)
    else if (!this.#lookUps.add(signal)) this.#refuse('look-ups-full', signal)
  }

  async #openCalls(): Promise<readonly Call[]> {
    try {
      return await this.#options.journal.openCalls()
    } catch (error) {
      this.#state = 'new'
      throw new Error('the call journal could not be read; the calls that were open are not known', { cause: error })
    }
  }

  /** A signal reaches the model. What it throws is a bug of ours; it must not reach the source, which carries real calls. */
  #take(call: Call | undefined, signal: CallSignal): void {
    try {
      const step = this.#apply(call ?? null, signal)
      if (step.call !== null && step.ignored === null && 'ties' in signal) this.#unite(step.call.id, signal)
    } catch (error) {
      this.#counters.failures += 1
      this.#options.log.error({ err: error, signal: signal.kind, sipCallId: signal.sipCallId }, 'call model failed on a signal')
    }
  }

  #apply(before: Call | null, signal: CallSignal): Step<Call | null> {
    const other = before === null && signal.kind === 'invited' ? this.#callFor(signal) : null
    if (other !== null && signal.kind === 'invited') return this.#joinTo(other, signal)
    if (before === null && (signal.kind === 'invited' || signal.kind === 'overheard')) this.#makeRoom()
    const step = advance(before, signal, this.#context)
    this.#count(step.ignored, signal)
    if (step.call !== null) this.#put(before, { ...step, call: step.call })
    return step
  }

  /** The call that a SIP call which begins is part of, by a name or, if the PBX begins it, by a guess. */
  #callFor(invited: Invited): Guess | null {
    const [tied] = this.#calls.tiedTo(invited.ties)
    if (tied !== undefined || !invited.isFromPbx) return tied ?? null
    const { numbers } = this.#options
    return this.#calls.guess({ from: numbers.normalise(invited.from), to: numbers.normalise(invited.to), at: invited.at })
  }

  #joinTo({ call, reason }: Guess, invited: Invited): Step {
    const union: Union = { sipCallId: invited.sipCallId, reason, at: invited.at }
    const step = join(call, invited, union, this.#context)
    this.#count(step.ignored, invited)
    if (step.ignored === null) {
      this.#counters.joined += 1
      this.#options.log.debug({ callId: call.id, ...union }, 'sip call joined')
    }
    this.#put(call, step)
    return step
  }

  /** Names of one call that another has as well make them one; the older goes on. */
  #unite(id: CallId, { ties, sipCallId, at }: Invited | Tied): void {
    let mine = this.#calls.get(id)
    for (const { call: other, reason } of this.#calls.tiedTo(ties)) {
      if (mine === undefined || other.id === mine.id || isOver(mine)) continue
      const [older, younger] = isOlder(other, mine) ? [other, mine] : [mine, other]
      const { kept, absorbed } = merge(older, younger, { sipCallId, reason, at }, this.#context)
      this.#counters.merged += 1
      this.#options.log.info({ callId: older.id, absorbed: younger.id, reason }, 'calls merged')
      this.#put(younger, absorbed)
      this.#put(older, kept)
      mine = kept.call
    }
  }

  #count(ignored: Ignored | null, { kind, sipCallId, source }: CallSignal): void {
    if (ignored === null) return
    this.#counters.ignored[ignored] += 1
    if (ignored !== 'repeated') this.#options.log.debug({ signal: kind, sipCallId, source, ignored }, 'signal ignored')
  }

  #put(before: Call | null, step: Step): void {
    // The patience of one that is over is not renewed by stragglers, or a peer that repeats itself would keep it for ever.
    if (before === null || !isOver(before)) this.#calls.keep(step.call, this.#options.clock.now())
    else if (step.call !== before) this.#calls.replace(step.call)
    if (step.call !== before) this.#write(step)
  }

  #write({ call, events }: Step): void {
    for (const event of events) {
      if (event.type === 'call.started') this.#counters.callsStarted += 1
      if (event.type === 'call.ended') this.#counters.callsEnded += 1
      this.#options.log.debug({ callId: call.id, type: event.type, sequence: event.sequence }, 'call event')
    }
    this.#writer.write({ call, events, keys: call.keys, ended: isOver(call) })
  }

  #lookedUp(sipCallId: string, signals: readonly CallSignal[], found: Call | null): void {
    if (this.#state !== 'running') {
      for (const signal of signals) this.#refuse('not-running', signal)
      return
    }
    // Its INVITE may have come meanwhile; then the call in memory is the newer one.
    if (found !== null && this.#calls.get(found.id) === undefined) {
      this.#makeRoom()
      this.#calls.keep(found, this.#options.clock.now())
    }
    for (const signal of signals) {
      if (this.#writer.hasRoom) this.#take(this.#calls.of(sipCallId), signal)
      else this.#refuse('journal-behind', signal)
    }
  }

  #sweep(): void {
    for (const { id, lane, at } of this.#calls.due(this.#options.clock.now(), maxExpiredPerSweep)) {
      if (lane === 'ended') this.#calls.forget(id)
      else if (this.#writer.hasRoom) this.#expire(id, lane, at)
      else return // the next sweep finds them again
    }
  }

  #expire(id: CallId, lane: Lane, at: number): void {
    const call = this.#calls.get(id)
    if (call === undefined) return
    const step = expire(call, lane === 'leaving' ? (leftAt(call.sipCalls) ?? at) : at, this.#context)
    this.#counters.callsExpired += 1
    const reason = step.call.phase.kind === 'ended' ? step.call.phase.outcome.reason : null
    this.#options.log.info({ callId: id, lane, reason }, 'call expired')
    this.#put(call, step)
  }

  /** Before one more call is taken in. */
  #makeRoom(): void {
    if (this.#calls.open < this.#maxOpenCalls) return
    const victim = this.#calls.mostSilent()
    if (victim === null) return
    this.#counters.callsEvicted += 1
    this.#options.log.warn({ ...victim, maxOpenCalls: this.#maxOpenCalls }, 'too many open calls, the most silent one is ended')
    this.#expire(victim.id, victim.lane, this.#options.clock.now())
  }

  /** Logged now and then: what is refused once is refused a thousand times a second. */
  #refuse(why: Refused, { kind, sipCallId, source }: CallSignal): void {
    this.#counters.refused[why] += 1
    const now = this.#options.clock.now()
    if (now - this.#refusalLoggedAt < refusalLogEveryMs) return
    this.#refusalLoggedAt = now
    const refused = { ...this.#counters.refused }
    this.#options.log.warn({ signal: kind, sipCallId, source, why, refused, pending: this.#writer.pending }, 'signal refused')
  }
}

/** The one that began first; of the same moment, the one whose name comes first, whoever watches. */
function isOlder(one: Call, other: Call): boolean {
  const [at, otherAt] = [one, other].map(({ sipCalls: [caller] }) => caller?.startedAt ?? 0)
  return at === otherAt ? one.id < other.id : (at ?? 0) < (otherAt ?? 0)
}

/**
 * Follows all calls at once. Owns every live call: takes signals from the sources, advances the call model and hands what
 * changed to the writer. Signals of calls that are not in memory are looked up in the journal first.
 *
 *   source ── accept(signal) ──▶ the call in memory ── advance ──▶ changed? ──▶ ChangeWriter ──▶ journal ──▶ onStored
 *                                      ▲
 *                                      └── not there: findCall, meanwhile its signals wait
 *
 * Invariants
 *  1. Every call has exactly one entry, in the lane of its phase (expiry-lanes.ts).
 *  2. A call is advanced only while the writer has room: what the model knows is always stored, or about to be.
 *  3. `accept` never throws and never waits; its cost does not grow with the number of calls.
 *
 * The sources call `accept`; bridge.ts starts and stops it.
 */
import { advance, expire } from './advance.ts'
import type { AgentDirectory } from './agents.ts'
import type { Call } from './call.ts'
import { CallLookUps } from './call-look-ups.ts'
import { ChangeWriter, type ChangeWriterOptions, type WriterHealth } from './change-writer.ts'
import type { CallEvent } from './event.ts'
import { ExpiryLanes, type Lane, laneOf, type Patience } from './expiry-lanes.ts'
import type { CallJournal } from './journal.ts'
import type { EventLog } from './log.ts'
import type { NumberPlan } from './numbers.ts'
import type { CallSignal } from './signal.ts'
import type { CallContext, Ignored, Step } from './step.ts'

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

interface Entry {
  call: Call
  lane: Lane
}

/** Why a signal did not even reach the model. */
type Refused = 'not-running' | 'journal-behind' | 'look-ups-full'

type State = 'new' | 'starting' | 'running' | 'stopped'

const stragglersMs = 64_000
const challengedMs = 32_000
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
    ignored: {
      'unknown-call': 0,
      'unknown-dialog': 0,
      repeated: 0,
      stale: 0,
      'not-answered': 0,
      'already-answered': 0,
      'already-cancelled': 0,
      'already-ended': 0,
    } satisfies Record<Ignored, number>,
    refused: { 'not-running': 0, 'journal-behind': 0, 'look-ups-full': 0 } satisfies Record<Refused, number>,
  }
  readonly #options: CallTrackerOptions
  readonly #context: CallContext
  readonly #maxOpenCalls: number
  readonly #lanes: ExpiryLanes
  readonly #writer: ChangeWriter
  readonly #calls = new Map<string, Entry>()
  readonly #lookUps: CallLookUps
  #state: State = 'new'
  #sweeper: NodeJS.Timeout | undefined
  #refusalLoggedAt = Number.NEGATIVE_INFINITY

  constructor(options: CallTrackerOptions) {
    const patience: Patience = {
      challenged: challengedMs,
      unanswered: options.unansweredAfterMs ?? 5 * 60_000,
      answered: options.orphanAfterMs ?? 4 * 3_600_000,
      ended: stragglersMs,
    }
    this.#options = options
    this.#context = { site: options.site, numbers: options.numbers, agents: options.agents }
    this.#maxOpenCalls = options.maxOpenCalls ?? 20_000
    this.#lanes = new ExpiryLanes(patience)
    const { journal, log, clock, onStored, writer } = options
    this.#writer = new ChangeWriter({ ...writer, journal, log, clock, onStored })
    this.#lookUps = new CallLookUps({
      findCall: id => journal.findCall(id),
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
    return this.#lanes.open
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
    for (const { call, at } of heard.sort((a, b) => a.at - b.at)) this.#keep(call, at)
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
    const entry = this.#calls.get(signal.sipCallId)
    if (this.#state !== 'running') this.#refuse('not-running', signal)
    else if (!this.#writer.hasRoom) this.#refuse('journal-behind', signal)
    else if (entry !== undefined) this.#take(entry, signal)
    else if (signal.kind === 'invited') {
      this.#makeRoom()
      this.#take(undefined, signal)
    } else if (!this.#lookUps.add(signal)) this.#refuse('look-ups-full', signal)
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
  #take(entry: Entry | undefined, signal: CallSignal): void {
    try {
      this.#apply(entry, signal)
    } catch (error) {
      this.#counters.failures += 1
      this.#options.log.error({ err: error, signal: signal.kind, sipCallId: signal.sipCallId }, 'call model failed on a signal')
    }
  }

  #apply(entry: Entry | undefined, signal: CallSignal): void {
    const before = entry?.call ?? null
    const step = advance(before, signal, this.#context)
    const { call, ignored } = step
    if (ignored !== null) this.#counters.ignored[ignored] += 1
    if (ignored !== null && ignored !== 'repeated') {
      const { kind, sipCallId, source } = signal
      this.#options.log.debug({ signal: kind, sipCallId, source, ignored }, 'signal ignored')
    }
    if (call === null) return
    // An ended call's patience is not renewed by stragglers, or a peer that repeats itself would keep it for ever.
    if (before?.phase.kind !== 'ended') this.#keep(call, this.#options.clock.now())
    if (call !== before) this.#write({ ...step, call })
  }

  #keep(call: Call, heardAt: number): void {
    const { sipCallId } = call
    const lane = laneOf(call)
    const entry = this.#calls.get(sipCallId)
    this.#lanes.hear(sipCallId, entry?.lane ?? null, lane, heardAt)
    if (entry === undefined) this.#calls.set(sipCallId, { call, lane })
    else {
      entry.call = call
      entry.lane = lane
    }
    if (this.#lanes.count('ended') > this.#maxOpenCalls) this.#forget(this.#lanes.oldestEnded())
  }

  #write({ call, events }: Step): void {
    for (const event of events) {
      if (event.type === 'call.started') this.#counters.callsStarted += 1
      if (event.type === 'call.ended') this.#counters.callsEnded += 1
      this.#options.log.debug({ callId: call.id, type: event.type, sequence: event.sequence }, 'call event')
    }
    this.#writer.write({ call, events, keys: call.keys, ended: call.phase.kind === 'ended' })
  }

  #lookedUp(sipCallId: string, signals: readonly CallSignal[], found: Call | null): void {
    if (this.#state !== 'running') {
      for (const signal of signals) this.#refuse('not-running', signal)
      return
    }
    // Its INVITE may have come meanwhile; then the call in memory is the newer one.
    if (found !== null && !this.#calls.has(sipCallId)) {
      this.#makeRoom()
      this.#keep(found, this.#options.clock.now())
    }
    for (const signal of signals) {
      if (this.#writer.hasRoom) this.#take(this.#calls.get(sipCallId), signal)
      else this.#refuse('journal-behind', signal)
    }
  }

  #sweep(): void {
    for (const { sipCallId, lane, at } of this.#lanes.due(this.#options.clock.now(), maxExpiredPerSweep)) {
      if (lane === 'ended') this.#forget(sipCallId)
      else if (this.#writer.hasRoom) this.#expire(sipCallId, at)
      else return // the next sweep finds them again
    }
  }

  #expire(sipCallId: string, at: number): void {
    const entry = this.#calls.get(sipCallId)
    if (entry === undefined) return
    const step = expire(entry.call, at, this.#context)
    this.#counters.callsExpired += 1
    const reason = step.call.phase.kind === 'ended' ? step.call.phase.outcome.reason : null
    this.#options.log.info({ callId: step.call.id, lane: entry.lane, reason }, 'call expired')
    this.#keep(step.call, this.#options.clock.now())
    this.#write(step)
  }

  /** Before one more call is taken in. */
  #makeRoom(): void {
    if (this.#lanes.open < this.#maxOpenCalls) return
    const victim = this.#lanes.mostSilent()
    if (victim === null) return
    this.#counters.callsEvicted += 1
    this.#options.log.warn({ ...victim, maxOpenCalls: this.#maxOpenCalls }, 'too many open calls, the most silent one is ended')
    this.#expire(victim.sipCallId, this.#options.clock.now())
  }

  #forget(sipCallId: string | null): void {
    const entry = sipCallId === null ? undefined : this.#calls.get(sipCallId)
    if (sipCallId === null || entry === undefined) return
    this.#lanes.forget(sipCallId, entry.lane)
    this.#calls.delete(sipCallId)
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

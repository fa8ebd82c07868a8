/**
 * Follows all calls as they happen. Owns every live call: takes signals from the sources, lets them change the calls that they belong to
 * (followed-calls.ts) and hands what changed to the writer. Signals of calls that are not in memory are looked up in the journal first.
 *
 *   source ── accept(signal) ──▶ FollowedCalls ── advance, join, merge ──▶ changed? ──▶ ChangeWriter ──▶ journal ──▶ onStored
 *                                      ▲
 *                                      └── not there: findCall, meanwhile its signals wait
 *
 * Invariants
 *  1. A call is advanced only while the writer has room: what the model knows is always stored, or about to be.
 *  2. `accept` never throws and never waits; its cost does not grow with the number of calls.
 *
 * The sources call `accept`; bridge.ts starts and stops it.
 */
import type { AgentDirectory } from './agents.ts'
import { type Call, isOver } from './call.ts'
import { CallLookUps } from './call-look-ups.ts'
import { ChangeWriter, type ChangeWriterOptions, type WriterHealth } from './change-writer.ts'
import type { CallEvent } from './event.ts'
import { FollowedCalls, type FollowedStep, patienceOf } from './followed-calls.ts'
import type { CallJournal } from './journal.ts'
import type { EventLog } from './log.ts'
import type { NumberPlan } from './numbers.ts'
import type { CallSignal } from './signal.ts'
import type { Ignored, Step } from './step.ts'

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
  readonly #maxOpenCalls: number
  readonly #writer: ChangeWriter
  readonly #calls: FollowedCalls
  readonly #lookUps: CallLookUps
  #state: State = 'new'
  #sweeper: NodeJS.Timeout | undefined
  #refusalLoggedAt = Number.NEGATIVE_INFINITY

  constructor(options: CallTrackerOptions) {
    this.#options = options
    this.#maxOpenCalls = options.maxOpenCalls ?? 20_000
    const { unansweredAfterMs = 5 * 60_000, orphanAfterMs = 4 * 3_600_000 } = options
    this.#calls = new FollowedCalls({
      context: { site: options.site, numbers: options.numbers, agents: options.agents },
      patience: patienceOf({ unansweredAfterMs, orphanAfterMs }),
      maxEnded: this.#maxOpenCalls,
      onNewcomer: () => this.#makeRoom(),
      onStep: step => this.#followed(step),
    })
    const { journal, log, clock, onStored, writer } = options
    this.#writer = new ChangeWriter({ ...writer, journal, log, clock, onStored })
    this.#lookUps = new CallLookUps({
      findCall: sipCallId => journal.findCall(sipCallId),
      log,
      onResult: (signals, found) => this.#lookedUp(signals, found),
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
    else if (call !== undefined || signal.kind === 'invited') this.#take(signal)
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
  #take(signal: CallSignal): void {
    try {
      this.#calls.take(signal, this.#options.clock.now())
    } catch (error) {
      this.#counters.failures += 1
      this.#options.log.error({ err: error, signal: signal.kind, sipCallId: signal.sipCallId }, 'call model failed on a signal')
    }
  }

  /** What the model made of a call is counted, said and stored. */
  #followed(followed: FollowedStep): void {
    const { log } = this.#options
    const { before, step } = followed
    switch (followed.kind) {
      case 'advanced':
        this.#count(step.ignored, followed.signal)
        break
      case 'joined':
        this.#count(step.ignored, followed.signal)
        if (step.ignored !== null) break
        this.#counters.joined += 1
        log.debug({ callId: before?.id, ...followed.union }, 'sip call joined')
        break
      case 'absorbed':
        this.#counters.merged += 1
        log.info({ callId: followed.into, absorbed: before?.id, reason: followed.union.reason }, 'calls merged')
        break
      case 'kept':
        break
      case 'expired': {
        this.#counters.callsExpired += 1
        const { phase } = followed.step.call
        const reason = phase.kind === 'ended' ? phase.outcome.reason : null
        log.info({ callId: before?.id, lane: followed.lane, reason }, 'call expired')
        break
      }
      default:
        followed satisfies never
    }
    if (step.call !== null && step.call !== before) this.#write({ ...step, call: step.call })
  }

  #count(ignored: Ignored | null, { kind, sipCallId, source }: CallSignal): void {
    if (ignored === null) return
    this.#counters.ignored[ignored] += 1
    if (ignored !== 'repeated') this.#options.log.debug({ signal: kind, sipCallId, source, ignored }, 'signal ignored')
  }

  #write({ call, events }: Step): void {
    for (const event of events) {
      if (event.type === 'call.started') this.#counters.callsStarted += 1
      if (event.type === 'call.ended') this.#counters.callsEnded += 1
      this.#options.log.debug({ callId: call.id, type: event.type, sequence: event.sequence }, 'call event')
    }
    // The names of a call that was merged are those of the call that it is part of now, whichever of the two is stored first.
    const keys = call.phase.kind === 'merged' ? [] : call.keys
    this.#writer.write({ call, events, keys, ended: isOver(call) })
  }

  #lookedUp(signals: readonly CallSignal[], found: Call | null): void {
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
      if (this.#writer.hasRoom) this.#take(signal)
      else this.#refuse('journal-behind', signal)
    }
  }

  #sweep(): void {
    const now = this.#options.clock.now()
    for (const expired of this.#calls.due(now, maxExpiredPerSweep)) {
      if (expired.lane === 'ended') this.#calls.forget(expired.id)
      else if (this.#writer.hasRoom) this.#calls.expire(expired, now)
      else return // the next sweep finds them again
    }
  }

  /** Before one more call is taken in. */
  #makeRoom(): void {
    if (this.#calls.open < this.#maxOpenCalls) return
    const victim = this.#calls.mostSilent()
    if (victim === null) return
    this.#counters.callsEvicted += 1
    this.#options.log.warn({ ...victim, maxOpenCalls: this.#maxOpenCalls }, 'too many open calls, the most silent one is ended')
    const now = this.#options.clock.now()
    this.#calls.expire({ ...victim, at: now }, now)
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

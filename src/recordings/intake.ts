/**
 * Owns every recording and voicemail from the moment its file is finished until its delivery job is stored.
 *
 *   take() ──▶ waiting ──▶ queued ──▶ (the outbox) ──▶ onDelivered()
 *                │  ▲
 *                ▼  │ redrive()
 *            quarantined ──▶ dropped (drop())
 *
 * Invariants
 * 1 A file is taken in at most once: its id comes from its name and content, and the ledger refuses a second one.
 * 2 Nothing is acknowledged to a source before the ledger has it.
 * 3 Only a fault of the file quarantines it; a fault of this machine (no ffmpeg, a full disk) is retried without end.
 * 4 The ledger is the truth. What is in memory (the agenda) is filled from it at the start and now and then: another process
 *   may redrive an item.
 *
 * Called by the folder watchers and the HTTP intake (take), the tracker's onStored (onCallKnown), the outbox (onDelivered),
 * and operators (redrive, drop).
 */
import type { CallParty } from '../events/event.ts'
import type { AudioItem, RecordingId } from '../events/recording.ts'
import type { WireParty } from '../events/signal.ts'
import { type AdvanceOptions, advance, isSourceInPlace, type Step } from './advance.ts'
import { Agenda, type Turn } from './agenda.ts'
import { readAudioFile } from './audio-file.ts'
import { OpenFile } from './byte-source.ts'
import { callKeys } from './call-finder.ts'
import type { Candidate, TakeResult } from './candidate.ts'
import { type ClearingOptions, clearDelivered, tidySpool } from './clearing.ts'
import { describe, isGone } from './failure.ts'
import { contentSha256 } from './identity.ts'
import { newItem } from './new-item.ts'
import type { TranscoderStatus } from './transcoder.ts'

export interface IntakeOptions extends ClearingOptions, Omit<AdvanceOptions, 'guessAfterMs'> {
  /** The model's number plan (events/numbers.ts), for the parties of a voicemail. */
  readonly normalise: (party: WireParty) => CallParty
  /** In [0, 1). */
  readonly random: () => number
  /** Told after an item and its delivery job were stored. */
  readonly onQueued: () => void
  /** How often the agenda and, ten times less often, the ledger are looked at, ms. Default 1,000. */
  readonly tickMs?: number
  /** How long a recording whose name gives a call id waits before parties and time may decide, ms. Default 30,000. */
  readonly guessAfterMs?: number
}

export interface IntakeCounters {
  taken: number
  known: number
  quarantined: number
  queued: number
  delivered: number
  redriven: number
  dropped: number
  /** Attempts that failed and will be made again. */
  retried: number
  /** Files that changed while they were read. */
  changed: number
}

export interface IntakeStatus {
  /** Items that wait for a call or a transcoder, as far as they are in memory. */
  readonly waiting: number
  readonly working: number
  readonly transcoder: TranscoderStatus
  readonly lastError: { readonly at: number; readonly reason: string } | null
}

export type OperatorResult =
  | { readonly kind: 'done'; readonly item: AudioItem }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unknown' }

const agendaCapacity = 10_000
const longestBackoffMs = 5 * 60_000

export class Intake {
  readonly counters: IntakeCounters = {
    taken: 0,
    known: 0,
    quarantined: 0,
    queued: 0,
    delivered: 0,
    redriven: 0,
    dropped: 0,
    retried: 0,
    changed: 0,
  }
  readonly #options: IntakeOptions
  readonly #advance: AdvanceOptions
  readonly #agenda = new Agenda(agendaCapacity)
  readonly #working = new Set<Promise<void>>()
  #stopping: AbortController | null = null
  #timer: NodeJS.Timeout | null = null
  #refilling: Promise<void> | null = null
  #ticks = 0
  #lastError: IntakeStatus['lastError'] = null

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#advance = { ...options, guessAfterMs: options.guessAfterMs ?? 30_000 }
  }

  /** Cleans the spool, takes up what waited when the bridge last stopped. Throws when the spool cannot be used. */
  async start(): Promise<void> {
    if (this.#stopping !== null) return
    this.#stopping = new AbortController()
    await tidySpool(this.#options, (item, error) => this.#notCleared(item, error))
    await this.#refill(agendaCapacity)
    this.#timer = setInterval(() => this.#tick(), this.#options.tickMs ?? 1_000)
    this.#pump()
  }

  /** Stops encoding at once: what was in work waits, and is taken up by the next start. */
  async stop(): Promise<void> {
    if (this.#stopping === null) return
    this.#stopping.abort()
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    await Promise.all([...this.#working, this.#refilling])
    this.#stopping = null
  }

  status(): IntakeStatus {
    const transcoder = this.#options.transcoder.status()
    return { waiting: this.#agenda.size, working: this.#working.size, transcoder, lastError: this.#lastError }
  }

  /** Takes in a finished file. Never rejects. */
  async take(candidate: Candidate, signal?: AbortSignal): Promise<TakeResult> {
    try {
      return await this.#take(candidate, signal)
    } catch (error) {
      if (isGone(error)) return { kind: 'gone' }
      const reason = describe(error)
      if (signal?.aborted !== true) this.#failed({ file: candidate.audioPath, reason }, 'file could not be taken in')
      return { kind: 'failed', reason }
    }
  }

  /** A call was stored under these keys: recordings that wait for it need not wait longer. Cheap, for any number of calls. */
  onCallKnown(keys: readonly string[]): void {
    const now = this.#options.clock()
    let woken = false
    for (const key of keys) woken = this.#agenda.wake(key, now) || woken
    if (woken) this.#pump()
  }

  /** The sink has acknowledged this item and the ledger says so: the spool and, when configured, the source are cleared. */
  async onDelivered(item: AudioItem): Promise<void> {
    this.counters.delivered += 1
    await clearDelivered(item, this.#options).catch((error: unknown) => this.#notCleared(item, error))
  }

  /** Lets a quarantined item wait for its call and a transcoder once more. */
  async redrive(id: RecordingId): Promise<OperatorResult> {
    const changed = await this.#operate(id, item => ({ ...item, state: 'waiting', reason: null }))
    if (changed.kind !== 'done') return changed
    this.counters.redriven += 1
    this.#enqueue(changed.item)
    this.#pump()
    return changed
  }

  /** Gives a quarantined item up. Its source is left alone, unless it was an upload. */
  async drop(id: RecordingId, reason: string): Promise<OperatorResult> {
    const changed = await this.#operate(id, item => ({ ...item, state: 'dropped', reason }))
    if (changed.kind !== 'done') return changed
    this.counters.dropped += 1
    await this.#options.spool.remove(id)
    return changed
  }

  async #operate(id: RecordingId, change: (item: AudioItem) => AudioItem): Promise<OperatorResult> {
    const item = await this.#options.ledger.get(id)
    if (item === null) return { kind: 'unknown' }
    if (item.state !== 'quarantined')
      return { kind: 'refused', reason: `only a quarantined item can be changed; this one is ${item.state}` }
    const changed = change(item)
    await this.#options.ledger.update(changed)
    return { kind: 'done', item: changed }
  }

  async #take(candidate: Candidate, signal: AbortSignal | undefined): Promise<TakeResult> {
    const { ledger, clock, log, normalise } = this.#options
    const file = await OpenFile.open(candidate.audioPath)
    try {
      const audio = await readAudioFile(file, candidate.audioPath)
      const sha256 = await contentSha256(file, signal)
      // A voicemail's audio is not the file that the folder was asked about.
      const asked = candidate.file.path === file.file.path ? candidate.file : file.file
      if (asked.size !== file.size || asked.mtimeMs !== file.file.mtimeMs || !(await file.unchanged())) {
        this.counters.changed += 1
        log.warn({ file: candidate.audioPath }, 'file changed while being read')
        return { kind: 'unsettled', reason: 'it changed while being read' }
      }
      const item = newItem({ candidate, audio, sha256, audioFile: file.file, foundAt: clock(), normalise })
      if ((await ledger.add(item, candidate.file)) === 'known') return await this.#takeAgain(item)
      this.counters.taken += 1
      if (item.state === 'quarantined') {
        this.#quarantined(item)
        return { kind: 'quarantined', id: item.id, reason: item.reason ?? '' }
      }
      log.info({ id: item.id, kind: item.kind, file: item.sourcePath, durationMs: item.source?.durationMs }, 'audio taken in')
      this.#enqueue(item)
      this.#pump()
      return { kind: 'taken', id: item.id, state: 'waiting' }
    } finally {
      await file.close()
    }
  }

  /** A voicemail was moved or renumbered, a recording touched or moved, before it was encoded: go on from where it is now. */
  async #takeAgain(found: AudioItem): Promise<TakeResult> {
    const { ledger, clock } = this.#options
    const { id, sourcePath, sourceSize, sourceMtimeMs, source } = found
    this.counters.known += 1
    const item = await ledger.get(id)
    if (item === null) return { kind: 'known', id, state: 'dropped' }
    const needed = item.state === 'waiting' || item.state === 'quarantined'
    if (!needed || (await isSourceInPlace(item))) return { kind: 'known', id, state: item.state }
    if (!this.#agenda.hold(id)) return { kind: 'unsettled', reason: 'it is being encoded' }
    try {
      // Read again: nobody but us changes it from here on.
      const held = await ledger.get(id)
      if (held?.state !== item.state) return { kind: 'unsettled', reason: 'its state has just changed' }
      await ledger.update({ ...held, sourcePath, sourceSize, sourceMtimeMs, source })
      return { kind: 'known', id, state: item.state }
    } finally {
      this.#agenda.later(id, clock(), false)
      this.#pump()
    }
  }

  #enqueue(item: AudioItem): void {
    const keys = item.kind === 'recording' ? callKeys(item.hints).map(({ key }) => key) : []
    this.#agenda.add(item.id, keys, this.#options.clock())
  }

  #tick(): void {
    this.#ticks += 1
    if (this.#ticks % 10 === 0) this.#refilling ??= this.#refill(1_000).finally(() => (this.#refilling = null))
    this.#pump()
  }

  /** Invariant 4. A ledger that fails now is asked again at a later tick. */
  async #refill(limit: number): Promise<void> {
    try {
      for (const item of await this.#options.ledger.list('waiting', limit)) this.#enqueue(item)
    } catch (error) {
      this.#failed({ reason: describe(error) }, 'waiting items could not be listed')
    }
  }

  /** Starts work on what is due, up to twice as many as there are transcoders: so one is always ready when another ends. */
  #pump(): void {
    const signal = this.#stopping?.signal
    while (signal !== undefined && !signal.aborted && this.#working.size < this.#options.transcoder.workers * 2) {
      const turn = this.#agenda.next(this.#options.clock())
      if (turn === null) return
      const work = this.#workOn(turn, signal).finally(() => {
        this.#working.delete(work)
        this.#pump()
      })
      this.#working.add(work)
    }
  }

  /** One writer for each waiting item: the agenda gives it to nobody else meanwhile. Never rejects. */
  async #workOn(turn: Turn, signal: AbortSignal): Promise<void> {
    const { ledger } = this.#options
    try {
      const item = await ledger.get(turn.id)
      if (item === null || item.state !== 'waiting') this.#agenda.done(turn.id)
      else await this.#carryOut(item, turn, await advance(item, turn, this.#advance, signal))
    } catch (error) {
      this.#retry(turn, describe(error), 'recording could not be worked on')
    }
  }

  async #carryOut(item: AudioItem, turn: Turn, step: Step): Promise<void> {
    const { ledger, log, onQueued } = this.#options
    switch (step.kind) {
      case 'encoded': {
        await ledger.queue(step.item)
        this.#agenda.done(item.id)
        this.counters.queued += 1
        const { id, kind, callId, encoded } = step.item
        log.info({ id, kind, callId, durationMs: encoded?.durationMs, size: encoded?.size }, 'audio queued')
        onQueued()
        return
      }
      case 'quarantine': {
        const quarantined: AudioItem = { ...item, state: 'quarantined', reason: step.reason }
        await ledger.update(quarantined)
        this.#agenda.done(item.id)
        this.#quarantined(quarantined)
        return
      }
      case 'later':
        this.#agenda.later(item.id, step.at, false)
        return
      case 'retry':
        this.#retry(turn, step.reason, 'recording waits for this machine')
        return
      default:
        step satisfies never
    }
  }

  #retry(turn: Turn, reason: string, message: string): void {
    const { clock, random } = this.#options
    this.counters.retried += 1
    // Full jitter over a doubling ceiling; the ledger still says `waiting`, so a restart tries at once.
    const ceiling = Math.min(longestBackoffMs, 1_000 * 2 ** Math.min(turn.attempts, 20))
    this.#agenda.later(turn.id, clock() + Math.max(500, random() * ceiling), true)
    this.#failed({ id: turn.id, reason, attempts: turn.attempts + 1 }, message)
  }

  #notCleared(item: AudioItem, error: unknown): void {
    this.#failed({ id: item.id, file: item.sourcePath, reason: describe(error) }, 'delivered audio could not be cleared')
  }

  #quarantined(item: AudioItem): void {
    this.counters.quarantined += 1
    const { log } = this.#options
    log.warn({ id: item.id, kind: item.kind, file: item.sourcePath, reason: item.reason }, 'audio quarantined')
  }

  #failed(fields: { readonly reason: string; readonly [key: string]: unknown }, message: string): void {
    this.#lastError = { at: this.#options.clock(), reason: fields.reason }
    this.#options.log.error(fields, message)
  }
}

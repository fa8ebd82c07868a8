/**
 * Owns every recording and voicemail from the moment its file is finished until its delivery job is stored.
 *
 *   take() ──▶ waiting ──▶ queued ──▶ (the outbox) ──▶ onDelivered()
 *               ││  ▲
 *               │▼  │ an operator, in the store
 *               │quarantined ──▶ dropped
 *               └── no consent ────▲
 *
 * Invariants
 * 1 A file is taken in at most once: its id comes from its name and content, and the ledger refuses a second one.
 * 2 Nothing is acknowledged to a source before the ledger has it.
 * The way from waiting to queued is that of waiting-room.ts.
 *
 * Called by the folder watchers and the HTTP intake (take), the tracker's onStored (onCallKnown), the outbox (onDelivered), and
 * what erases (erase), and an import that begins again (redrive). What an operator redrove or dropped is found in the ledger.
 */
import type { ConsentPolicy } from '../../events/consent.ts'
import type { AudioItem, RecordingId, RecordingItem } from '../../events/recording.ts'
import { readAudioFile } from '../audio/audio-file.ts'
import { OpenFile } from '../audio/byte-source.ts'
import type { Candidate, TakeResult } from '../candidate.ts'
import type { TranscoderStatus } from '../encoding/transcoder.ts'
import { describe, isGone } from '../failure.ts'
import type { TranscriptionStatus } from '../transcription/transcription.ts'
import { type AdvanceOptions, isSourceInPlace } from './advance.ts'
import type { ClearingOptions } from './clearing.ts'
import { contentSha256 } from './identity.ts'
import { newItem } from './new-item.ts'
import { Tidying } from './tidying.ts'
import { WaitingRoom } from './waiting-room.ts'

export interface IntakeOptions extends ClearingOptions, Omit<AdvanceOptions, 'guessAfterMs'> {
  /** In [0, 1). */
  readonly random: () => number
  /** Told after an item and its delivery job were stored. */
  readonly onQueued: () => void
  /** How often the agenda and, ten times less often, the ledger are looked at, ms. Default 1,000. */
  readonly tickMs?: number
  /** How long a recording whose name gives a call id waits before parties and time may decide, ms. Default 30,000. */
  readonly guessAfterMs?: number
  /** How often the spool is looked through for what others finished, ms. Default 60,000. */
  readonly tidyEveryMs?: number
}

export interface IntakeCounters {
  taken: number
  known: number
  quarantined: number
  queued: number
  delivered: number
  /** Recordings that may not be kept, by the policy that says so. */
  refused: Record<Exclude<ConsentPolicy, 'always'>, number>
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
  /** `null`: nothing is transcribed. */
  readonly transcription: TranscriptionStatus | null
  readonly lastError: { readonly at: number; readonly reason: string } | null
  /** Attempts that failed in a row and will be made again; `null` as soon as one succeeds. Times are epoch ms. */
  readonly streak: { readonly count: number; readonly since: number; readonly reason: string } | null
}

export class Intake {
  readonly counters: IntakeCounters = {
    taken: 0,
    known: 0,
    quarantined: 0,
    queued: 0,
    delivered: 0,
    refused: { opt_in: 0, opt_out: 0, never: 0 },
    retried: 0,
    changed: 0,
  }
  readonly #options: IntakeOptions
  readonly #waiting: WaitingRoom
  readonly #tidying: Tidying
  #started = false
  #lastError: IntakeStatus['lastError'] = null
  #streak: IntakeStatus['streak'] = null

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#waiting = new WaitingRoom({
      ...options,
      guessAfterMs: options.guessAfterMs ?? 30_000,
      tickMs: options.tickMs ?? 1_000,
      onQueued: () => {
        this.counters.queued += 1
        this.#streak = null
        options.onQueued()
      },
      onQuarantined: item => this.#quarantined(item),
      onRefused: item => this.#refused(item),
      onRetry: reason => {
        this.counters.retried += 1
        this.#fails(reason)
      },
    })
    this.#tidying = new Tidying({
      ...options,
      everyMs: options.tidyEveryMs ?? 60_000,
      onCleared: item => this.#cleared(item),
      onFailed: (item, error) => this.#notCleared(item, error),
    })
    options.space?.onRoom(() => this.#waiting.wakeAll())
  }

  /** Cleans the spool, takes up what waited when the bridge last stopped. Before any source; throws when the spool is of no use. */
  async start(): Promise<void> {
    if (this.#started) return
    this.#started = true
    await this.#tidying.start()
    await this.#waiting.start()
  }

  /** After every source. Stops encoding at once: what was in work waits, and is taken up by the next start. */
  async stop(): Promise<void> {
    this.#started = false
    await this.#waiting.stop()
    await this.#tidying.stop()
    await this.#options.transcription?.stop()
  }

  status(): IntakeStatus {
    const transcoder = this.#options.transcoder.status()
    const transcription = this.#options.transcription?.status() ?? null
    const { size: waiting, working } = this.#waiting
    return { waiting, working, transcoder, transcription, lastError: this.#lastError, streak: this.#streak }
  }

  /** Takes in a finished file. Never rejects. */
  async take(candidate: Candidate, signal?: AbortSignal): Promise<TakeResult> {
    try {
      return await this.#take(candidate, signal)
    } catch (error) {
      if (isGone(error)) return { kind: 'gone' }
      const reason = describe(error)
      if (signal?.aborted !== true) {
        this.#fails(reason)
        this.#options.log.error({ file: candidate.audioPath, reason }, 'file could not be taken in')
      }
      return { kind: 'failed', reason }
    }
  }

  /** A call was stored under these keys: recordings that wait for it need not wait longer. Cheap, for any number of calls. */
  onCallKnown(keys: readonly string[]): void {
    this.#waiting.wake(keys)
  }

  /** A sink has acknowledged this item. When the last one has, the spool and, as configured, the source are cleared. */
  async onDelivered({ id }: Pick<AudioItem, 'id'>): Promise<void> {
    await this.#tidying.look(id)
  }

  /** Removes what lies in the spool of an item that is to be erased; false, and nothing, while it is being worked on. */
  async erase(id: RecordingId): Promise<boolean> {
    const { spool, space, transcription } = this.#options
    if (!this.#waiting.hold(id)) return false
    try {
      transcription?.forget(id)
      await spool.remove(id)
    } finally {
      this.#waiting.release(id)
    }
    space?.freed()
    return true
  }

  /** Lets a quarantined item wait for its call and a transcoder once more, at once; one in another state stays as it is. */
  async redrive(id: RecordingId): Promise<void> {
    const { ledger } = this.#options
    const item = await ledger.get(id)
    if (item?.state !== 'quarantined') return
    const waiting: AudioItem = { ...item, state: 'waiting', reason: null }
    await ledger.update(waiting)
    this.#waiting.enter(waiting)
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
      this.#streak = null
      if (item.state === 'quarantined') {
        this.#quarantined(item)
        return { kind: 'quarantined', id: item.id, reason: item.reason ?? '' }
      }
      log.info({ id: item.id, kind: item.kind, file: item.sourcePath, durationMs: item.source?.durationMs }, 'audio taken in')
      this.#waiting.enter(item)
      return { kind: 'taken', id: item.id, state: 'waiting' }
    } finally {
      await file.close()
    }
  }

  /** A voicemail was moved or renumbered, a recording touched or moved, before it was encoded: go on from where it is now. */
  async #takeAgain(found: AudioItem): Promise<TakeResult> {
    const { ledger } = this.#options
    const { id, sourcePath, sourceSize, sourceMtimeMs, source } = found
    this.counters.known += 1
    const item = await ledger.get(id)
    if (item === null) return { kind: 'known', id, state: 'dropped' }
    const needed = item.state === 'waiting' || item.state === 'quarantined'
    if (!needed || (await isSourceInPlace(item))) return { kind: 'known', id, state: item.state }
    if (!this.#waiting.hold(id)) return { kind: 'unsettled', reason: 'it is being encoded' }
    try {
      // Read again: nobody but us changes it from here on.
      const held = await ledger.get(id)
      if (held?.state !== item.state) return { kind: 'unsettled', reason: 'its state has just changed' }
      await ledger.update({ ...held, sourcePath, sourceSize, sourceMtimeMs, source })
      return { kind: 'known', id, state: item.state }
    } finally {
      this.#waiting.release(id)
    }
  }

  #cleared(item: AudioItem): void {
    if (item.state === 'delivered') this.counters.delivered += 1
    this.#options.space?.freed()
  }

  #notCleared(item: AudioItem | null, error: unknown): void {
    const reason = describe(error)
    this.#lastError = { at: this.#options.clock(), reason }
    this.#options.log.error({ id: item?.id, file: item?.sourcePath, reason }, 'finished audio could not be cleared')
  }

  #quarantined(item: AudioItem): void {
    this.counters.quarantined += 1
    this.#streak = null
    const { log } = this.#options
    log.warn({ id: item.id, kind: item.kind, file: item.sourcePath, reason: item.reason }, 'audio quarantined')
  }

  /** Its source is the PBX's and stays; a copy of ours goes, unless it is held. */
  async #refused(item: RecordingItem): Promise<void> {
    const { log } = this.#options
    const { id, callId, reason, consent } = item
    this.#streak = null
    if (consent !== undefined && consent !== null && consent.policy !== 'always') this.counters.refused[consent.policy] += 1
    log.info({ id, callId, reason }, 'recording refused: no consent')
    await this.#tidying.look(id)
  }

  /** An attempt that will be made again. */
  #fails(reason: string): void {
    const at = this.#options.clock()
    this.#lastError = { at, reason }
    this.#streak = { count: (this.#streak?.count ?? 0) + 1, since: this.#streak?.since ?? at, reason }
  }
}

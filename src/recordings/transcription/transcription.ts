/**
 * Has encoded audio transcribed, a bounded number at a time, within the time that audio may wait for it.
 *
 *   ask() ──▶ due ──▶ running ──▶ done ──▶ forget()
 *              ▲        │ retry
 *              └────────┘            from anywhere at the deadline: done, failed
 *
 * Invariants
 * 1 An item waits at most `waitMs` from the moment it was encoded; then its transcript is `failed` and it goes on.
 * 2 Nothing is written here. The item stays `waiting` in the ledger, encoded, until its transcript is there: a restart asks again.
 * 3 At most `workers` attempts run; one that backs off holds no worker.
 *
 * The waiting room (intake/waiting-room.ts) asks; it holds a bounded number of items, so this does too.
 */
import type { AudioItem, EncodedAudio, RecordingId, Transcript } from '../../events/recording.ts'
import type { Log } from '../log.ts'
import type { Heard, Transcriber } from './transcriber.ts'

export interface TranscriptionOptions {
  readonly transcriber: Transcriber
  /** Which audio: shorter than this, in ms, says nothing. */
  readonly minDurationMs: number
  readonly recordings: boolean
  readonly voicemails: boolean
  /** How long audio may wait, from its encoding on, ms. */
  readonly waitMs: number
  /** How long one attempt may take, ms. */
  readonly timeoutMs: number
  readonly workers: number
  /** Epoch ms. */
  readonly clock: () => number
  /** In [0, 1). */
  readonly random: () => number
  readonly log: Log
}

export interface TranscriptionStatus {
  readonly waiting: number
  readonly running: number
  /** The attempts that failed since one succeeded; `null` when the last one did. */
  readonly streak: { readonly count: number; readonly since: number; readonly reason: string } | null
}

interface Entry {
  readonly id: RecordingId
  readonly audio: EncodedAudio
  /** When the wait ends, epoch ms. */
  readonly deadline: number
  readonly ready: () => void
  readonly abort: AbortController
  at: number
  attempts: number
  running: boolean
  lastReason: string | null
  transcript: Transcript | null
}

const firstPauseMs = 1_000
const longestPauseMs = 60_000

export class Transcription {
  readonly counters = { transcribed: 0, failed: 0, retried: 0 }
  readonly #options: TranscriptionOptions
  readonly #entries = new Map<RecordingId, Entry>()
  readonly #running = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | null = null
  #stopped = false
  #streak: TranscriptionStatus['streak'] = null

  constructor(options: TranscriptionOptions) {
    this.#options = options
  }

  status(): TranscriptionStatus {
    const waiting = [...this.#entries.values()].filter(entry => entry.transcript === null && !entry.running).length
    return { waiting, running: this.#running.size, streak: this.#streak }
  }

  /** Whether this audio is to be transcribed at all. */
  wants(item: AudioItem): boolean {
    const { minDurationMs, recordings, voicemails } = this.#options
    if (item.encoded === null || item.encoded.durationMs < minDurationMs) return false
    return item.kind === 'recording' ? recordings : voicemails
  }

  /** When audio that was encoded at `encodedAt` (epoch ms) stops waiting. */
  deadline(encodedAt: number): number {
    return encodedAt + this.#options.waitMs
  }

  /** The item's transcript; `null` while there is none yet: then `ready` is called once there is, and after the deadline ask again. */
  ask(id: RecordingId, audio: EncodedAudio, encodedAt: number, ready: () => void): Transcript | null {
    const now = this.#options.clock()
    const known = this.#entries.get(id)
    const entry = known ?? this.#enter(id, audio, encodedAt, ready)
    if (entry.transcript === null && now >= entry.deadline) {
      this.#fail(entry, entry.lastReason ?? 'no transcriber was free in time')
      entry.abort.abort()
    }
    // When all are busy, the first that is done looks for more.
    if (known === undefined && this.#running.size < this.#options.workers) this.#pump()
    return entry.transcript
  }

  /** The item has its transcript, or is not waiting any more. */
  forget(id: RecordingId): void {
    this.#entries.get(id)?.abort.abort()
    this.#entries.delete(id)
  }

  /** Ends what runs; what waited is asked for again after the next start. */
  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const { abort } of this.#entries.values()) abort.abort()
    await Promise.all(this.#running)
    await this.#options.transcriber.close()
  }

  #enter(id: RecordingId, audio: EncodedAudio, encodedAt: number, ready: () => void): Entry {
    const now = this.#options.clock()
    const entry: Entry = {
      id,
      audio,
      // A clock that was set back must not make the wait longer.
      deadline: this.deadline(Math.min(now, encodedAt)),
      ready,
      abort: new AbortController(),
      at: now,
      attempts: 0,
      running: false,
      lastReason: null,
      transcript: null,
    }
    this.#entries.set(id, entry)
    return entry
  }

  /** Starts what is due, longest waiting first, and sets the alarm for what is due later. */
  #pump(): void {
    if (this.#stopped) return
    const now = this.#options.clock()
    const open = [...this.#entries.values()].filter(entry => !entry.running && entry.transcript === null && now < entry.deadline)
    const due = open.filter(entry => entry.at <= now)
    for (const entry of due.slice(0, Math.max(0, this.#options.workers - this.#running.size))) {
      entry.running = true
      const run = this.#attempt(entry).finally(() => {
        this.#running.delete(run)
        this.#pump()
      })
      this.#running.add(run)
    }
    const next = Math.min(...open.filter(entry => entry.at > now).map(entry => entry.at))
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = Number.isFinite(next) ? setTimeout(() => this.#pump(), next - now) : null
  }

  async #attempt(entry: Entry): Promise<void> {
    const { transcriber, timeoutMs, clock } = this.#options
    const limitMs = Math.max(1, Math.min(timeoutMs, entry.deadline - clock()))
    const timeout = new AbortController()
    const timer = setTimeout(() => timeout.abort(), limitMs)
    const heard = await transcriber.transcribe(entry.audio, AbortSignal.any([entry.abort.signal, timeout.signal]))
    clearTimeout(timer)
    entry.running = false
    if (entry.transcript !== null || entry.abort.signal.aborted) return
    if (timeout.signal.aborted && heard.kind !== 'heard') this.#retry(entry, late(limitMs), null)
    else this.#take(entry, heard)
  }

  #take(entry: Entry, heard: Heard): void {
    switch (heard.kind) {
      case 'heard':
        this.#streak = null
        this.counters.transcribed += 1
        this.#options.log.info({ id: entry.id, characters: heard.transcript.text.length }, 'audio transcribed')
        entry.transcript = heard.transcript
        entry.ready()
        return
      case 'refused':
        this.#fail(entry, heard.reason)
        entry.ready()
        return
      case 'retry':
        this.#retry(entry, heard.reason, heard.afterMs)
        return
      default:
        heard satisfies never
    }
  }

  #retry(entry: Entry, reason: string, afterMs: number | null): void {
    const { clock, random, log } = this.#options
    const now = clock()
    const ceiling = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(entry.attempts, 20))
    entry.attempts += 1
    entry.lastReason = reason
    entry.at = now + Math.max(afterMs ?? 0, firstPauseMs / 4 + random() * ceiling)
    this.counters.retried += 1
    this.#streak = { count: (this.#streak?.count ?? 0) + 1, since: this.#streak?.since ?? now, reason }
    log.warn({ id: entry.id, reason, attempts: entry.attempts }, 'audio could not be transcribed yet')
  }

  #fail(entry: Entry, reason: string): void {
    this.counters.failed += 1
    this.#options.log.warn({ id: entry.id, reason, attempts: entry.attempts }, 'audio goes on without a transcript')
    entry.transcript = { kind: 'failed', reason }
  }
}

function late(ms: number): string {
  return `the transcriber did not finish within ${Math.round(ms / 1000)} s`
}

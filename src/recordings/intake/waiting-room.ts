/**
 * Works on the items that wait: finds their calls, encodes, has transcribed and queues them, several at a time.
 *
 * Invariants
 * 1 Each waiting item has one writer at a time: whoever the agenda gave it to, or who holds it.
 * 2 Only a fault of the file quarantines it; a fault of this machine (no ffmpeg, a full disk) is retried without end.
 * 3 The ledger is the truth. The agenda is filled from it at the start and now and then: another process may redrive an item.
 *
 * The Intake owns it.
 */
import { setMaxListeners } from 'node:events'
import type { AudioItem, RecordingId, RecordingItem } from '../../events/recording.ts'
import { describe } from '../failure.ts'
import type { Log } from '../log.ts'
import { type AdvanceOptions, advance, type Step } from './advance.ts'
import { Agenda, type Turn } from './agenda.ts'
import { callKeys } from './call-finder.ts'

export interface WaitingRoomOptions extends AdvanceOptions {
  /** In [0, 1). */
  readonly random: () => number
  readonly log: Log
  /** How often the agenda and, ten times less often, the ledger are looked at, ms. */
  readonly tickMs: number
  /** Told after an item and its delivery job were stored. */
  readonly onQueued: () => void
  /** Told after an item was stored as quarantined. */
  readonly onQuarantined: (item: AudioItem) => void
  /** Told after an item was stored as one that may not be kept. */
  readonly onRefused: (item: RecordingItem) => Promise<void>
  /** Told of every attempt that failed and will be made again. */
  readonly onRetry: (reason: string) => void
}

const agendaCapacity = 10_000
const refillLimit = 1_000
const longestBackoffMs = 5 * 60_000
/** Room that comes back wakes everything; this is for what a missed word would leave behind. */
const noRoomMs = 5 * 60_000

export class WaitingRoom {
  readonly #options: WaitingRoomOptions
  readonly #agenda = new Agenda(agendaCapacity)
  readonly #working = new Set<Promise<void>>()
  #stopping: AbortController | null = null
  #timer: NodeJS.Timeout | null = null
  #refilling: Promise<void> | null = null
  #ticks = 0

  constructor(options: WaitingRoomOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#agenda.size
  }

  get working(): number {
    return this.#working.size
  }

  async start(): Promise<void> {
    if (this.#stopping !== null) return
    this.#stopping = new AbortController()
    // One listener or two for each item at work: Node takes more than ten for a leak, and says so on stderr.
    setMaxListeners(0, this.#stopping.signal)
    await this.#refill(agendaCapacity)
    this.#timer = setInterval(() => this.#tick(), this.#options.tickMs)
    this.#pump()
  }

  async stop(): Promise<void> {
    if (this.#stopping === null) return
    this.#stopping.abort()
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    await Promise.all([...this.#working, this.#refilling])
    this.#stopping = null
  }

  enter(item: AudioItem): void {
    this.#enqueue(item)
    this.#pump()
  }

  /** Cheap for keys that nobody waits for. */
  wake(keys: readonly string[]): void {
    const now = this.#options.clock()
    let woken = false
    for (const key of keys) woken = this.#agenda.wake(key, now) || woken
    if (woken) this.#pump()
  }

  /** Something that held back any of them is over. */
  wakeAll(): void {
    this.#agenda.wakeAll(this.#options.clock())
    this.#pump()
  }

  /** Keeps everybody else from writing to this item until `release`; false when somebody is. */
  hold(id: RecordingId): boolean {
    return this.#agenda.hold(id)
  }

  /** Its turn, if it waits, comes at once. */
  release(id: RecordingId): void {
    this.#agenda.later(id, this.#options.clock(), false)
    this.#pump()
  }

  #enqueue(item: AudioItem): void {
    const keys = item.kind === 'recording' ? callKeys(item.hints).map(({ key }) => key) : []
    this.#agenda.add(item.id, keys, this.#options.clock())
  }

  #tick(): void {
    this.#ticks += 1
    if (this.#ticks % 10 === 0) {
      this.#refilling ??= this.#refill(refillLimit).finally(() => {
        this.#refilling = null
      })
    }
    this.#pump()
  }

  /** Invariant 3. A ledger that fails now is asked again at a later tick. */
  async #refill(limit: number): Promise<void> {
    try {
      for (const item of await this.#options.ledger.list('waiting', limit)) this.#enqueue(item)
    } catch (error) {
      const reason = describe(error)
      this.#options.log.error({ reason }, 'waiting items could not be listed')
      this.#options.onRetry(reason)
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

  /** Never rejects. */
  async #workOn(turn: Turn, signal: AbortSignal): Promise<void> {
    try {
      const item = await this.#options.ledger.get(turn.id)
      if (item === null || item.state !== 'waiting') this.#done(turn.id)
      else await this.#carryOut(item, turn, await advance(item, turn, this.#options, () => this.#ready(turn.id), signal))
    } catch (error) {
      this.#retry(turn, describe(error), 'recording could not be worked on')
    }
  }

  async #carryOut(item: AudioItem, turn: Turn, step: Step): Promise<void> {
    const { ledger, log, clock, onQueued, onQuarantined, onRefused } = this.#options
    switch (step.kind) {
      case 'encoded':
        await ledger.update(step.item)
        this.#agenda.later(item.id, clock(), false)
        return
      case 'complete': {
        await ledger.queue(step.item)
        this.#done(item.id)
        const { id, kind, callId, encoded } = step.item
        log.info({ id, kind, callId, durationMs: encoded?.durationMs, size: encoded?.size }, 'audio queued')
        onQueued()
        return
      }
      case 'quarantine': {
        // With the call that this very step may have found.
        const known = (await ledger.get(item.id)) ?? item
        const quarantined: AudioItem = { ...known, state: 'quarantined', reason: step.reason }
        await ledger.update(quarantined)
        this.#done(item.id)
        onQuarantined(quarantined)
        return
      }
      case 'refused':
        await ledger.refuse(step.item)
        this.#done(item.id)
        await onRefused(step.item)
        return
      case 'later':
        this.#agenda.later(item.id, step.at, false)
        return
      case 'no-room':
        this.#agenda.later(item.id, clock() + noRoomMs, false)
        return
      case 'retry':
        this.#retry(turn, step.reason, 'recording waits for this machine')
        return
      default:
        step satisfies never
    }
  }

  #done(id: RecordingId): void {
    this.#agenda.done(id)
    this.#options.transcription?.forget(id)
  }

  /** Its transcript is there. */
  #ready(id: RecordingId): void {
    this.#agenda.wakeItem(id, this.#options.clock())
    this.#pump()
  }

  #retry(turn: Turn, reason: string, message: string): void {
    const { clock, random, log, onRetry } = this.#options
    // Full jitter over a doubling ceiling; the ledger still says `waiting`, so a restart tries at once.
    const ceiling = Math.min(longestBackoffMs, 1_000 * 2 ** Math.min(turn.attempts, 20))
    this.#agenda.later(turn.id, clock() + Math.max(500, random() * ceiling), true)
    log.error({ id: turn.id, reason, attempts: turn.attempts + 1 }, message)
    onRetry(reason)
  }
}

/**
 * Brings every agent's status in Zendesk to what it should be: level-triggered, so what counts is the state of the phones when a
 * request goes out, not how often it changed before.
 *
 * Invariants
 * 1 An agent has at most one request in flight, all agents together at most `mostAtOnce`; each waits for a permit.
 * 2 Whatever Zendesk answers, the next try comes after a pause that grows, is bounded, and has no end.
 * 3 What is held is in the memory before Zendesk is told (hold.ts, invariant 2).
 *
 * The agents' status (agent-status.ts) owns it.
 */
import type { SinkMemory } from '../memory.ts'
import { doubt, type Hold, learn, nextStep, type Step } from './hold.ts'
import type { PhoneState } from './phones.ts'
import type { StatusAnswer, StatusApi } from './status-api.ts'
import { holdFrom, noteKey, noteOf } from './status-note.ts'

export interface ReconcilerOptions {
  readonly api: StatusApi
  readonly memory: SinkMemory
  readonly phone: (agentId: number, now: number) => PhoneState
  /** Epoch ms. */
  readonly clock: () => number
  /** In [0, 1). */
  readonly random: () => number
  readonly log: {
    info(fields: object, message: string): void
    warn(fields: object, message: string): void
    error(fields: object, message: string): void
  }
  /** The first pause after a failure, ms; it doubles up to five minutes. Default 1,000. */
  readonly retryBaseMs?: number
}

/** What is known of an agent's status in Zendesk. */
export interface SeatView {
  /** For people; `null` before it was ever read. */
  readonly zendesk: string | null
  /** What the agent goes back to after the calls; `null` when nothing is held, or nothing is known. */
  readonly returnsTo: string | null
  readonly problem: string | null
}

interface Seat {
  readonly id: number
  hold: Hold | null
  shown: string | null
  /** When the status was last read, epoch ms. */
  readAt: number
  /** Somebody wants to know what Zendesk shows. */
  poll: boolean
  running: boolean
  attempts: number
  /** No request before that, epoch ms. */
  notBefore: number
  timer: NodeJS.Timeout | null
  problem: { readonly reason: string; readonly since: number; readonly refused: boolean } | null
}

const mostAtOnce = 4
const longestPauseMs = 5 * 60_000
const refusedPauseMs = 10 * 60_000
/** For so long what was read may be gone by. */
const freshMs = 30_000
const requestTimeoutMs = 60_000

export class StatusReconciler {
  readonly counters = { read: 0, written: 0, failed: 0, refused: 0, leftToAgents: 0 }
  readonly #options: ReconcilerOptions
  readonly #seats: ReadonlyMap<number, Seat>
  /** Agents whose turn it is, in the order they came. */
  readonly #due = new Set<Seat>()
  readonly #running = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  #pausedUntil = 0
  #resume: NodeJS.Timeout | null = null

  constructor(agents: readonly number[], options: ReconcilerOptions) {
    this.#options = options
    const seat = (id: number): Seat => ({
      id,
      hold: null,
      shown: null,
      readAt: 0,
      poll: false,
      running: false,
      attempts: 0,
      notBefore: 0,
      timer: null,
      problem: null,
    })
    this.#seats = new Map(agents.map(id => [id, seat(id)]))
  }

  /** The phones of this agent may have changed. Cheap, any number of times. */
  wake(agentId: number): void {
    const seat = this.#seats.get(agentId)
    if (seat === undefined || this.#stopping.signal.aborted) return
    this.#due.add(seat)
    this.#pump()
  }

  /** Has what Zendesk shows for this agent read, when there is nothing more urgent. */
  look(agentId: number): void {
    const seat = this.#seats.get(agentId)
    if (seat === undefined) return
    seat.poll = true
    this.wake(agentId)
  }

  view(agentId: number): SeatView {
    const seat = this.#seats.get(agentId)
    const { api } = this.#options
    const own = seat?.hold?.wrote === null ? null : (seat?.hold?.own ?? null)
    return {
      zendesk: seat?.shown ?? null,
      returnsTo: own === null ? null : api.nameOf(own),
      problem: seat?.problem?.reason ?? null,
    }
  }

  /** The oldest failure that is still being retried, with how many agents have one; and how many agents Zendesk refuses. */
  troubles(): {
    readonly failing: number
    readonly since: number | null
    readonly reason: string | null
    readonly refused: number
  } {
    const problems = [...this.#seats.values()].flatMap(({ problem }) => (problem === null ? [] : [problem]))
    const failing = problems.filter(({ refused }) => !refused).sort((a, b) => a.since - b.since)
    const [oldest] = failing
    return {
      failing: failing.length,
      since: oldest?.since ?? null,
      reason: oldest?.reason ?? null,
      refused: problems.length - failing.length,
    }
  }

  /** Ends what is in flight. What is held stays noted, and is looked after by the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    if (this.#resume !== null) clearTimeout(this.#resume)
    this.#due.clear()
    for (const seat of this.#seats.values()) this.#alarm(seat, null)
    await Promise.all(this.#running)
  }

  #pump(): void {
    const now = this.#options.clock()
    if (now < this.#pausedUntil) {
      this.#resume ??= setTimeout(() => {
        this.#resume = null
        this.#pump()
      }, this.#pausedUntil - now)
      return
    }
    for (const seat of this.#due) {
      if (this.#running.size >= mostAtOnce || this.#stopping.signal.aborted) return
      // A running one looks again by itself before it rests.
      if (seat.running) continue
      this.#due.delete(seat)
      if (now < seat.notBefore) {
        this.#alarm(seat, seat.notBefore)
        continue
      }
      seat.running = true
      const work = this.#work(seat).finally(() => {
        seat.running = false
        this.#running.delete(work)
        this.#pump()
      })
      this.#running.add(work)
    }
  }

  /** One step of one agent, and when the next one is due. Never rejects. */
  async #work(seat: Seat): Promise<void> {
    const { signal } = this.#stopping
    try {
      const more = await this.#step(seat, AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]))
      if (more) this.#due.add(seat)
    } catch (error) {
      if (signal.aborted) return
      const late = error instanceof Error && error.name === 'TimeoutError'
      const words = error instanceof Error ? error.message : String(error)
      const reason = late
        ? `Zendesk did not answer, or the rate limit gave no leave to ask, within ${requestTimeoutMs / 1000} s`
        : words
      this.#failed(seat, { kind: 'retry', scope: 'agent', reason, afterMs: null })
    }
  }

  /** True when there may be more to do at once. */
  async #step(seat: Seat, signal: AbortSignal): Promise<boolean> {
    const { api, memory, phone, clock } = this.#options
    seat.hold ??= holdFrom(await memory.get(noteKey(seat.id)))
    if (clock() - seat.readAt > freshMs) seat.hold = { ...seat.hold, looked: false }
    const state = phone(seat.id, clock())
    const step = nextStep(seat.hold, state, api.values)
    switch (step.kind) {
      case 'none':
        if ('until' in state && state.until !== undefined) this.#alarm(seat, state.until)
        if (!seat.poll) return false
        return await this.#read(seat, seat.hold, true, signal)
      case 'look':
        return await this.#read(seat, seat.hold, false, signal)
      case 'write':
        return await this.#write(seat, step, signal)
      default:
        return step satisfies never
    }
  }

  async #read(seat: Seat, hold: Hold, polled: boolean, signal: AbortSignal): Promise<boolean> {
    const { api, log } = this.#options
    const answer = await api.read(seat.id, signal)
    if (answer.kind !== 'shown') return this.#failed(seat, answer)
    this.counters.read += 1
    seat.readAt = this.#options.clock()
    this.#succeeded(seat, answer.shown.name)
    seat.poll = false
    const learnt = learn(hold, answer.shown, api.values)
    if (hold.wrote !== null && learnt.wrote === null) {
      this.counters.leftToAgents += 1
      log.info({ agent: seat.id, status: answer.shown.name }, 'agent set another status, it stands until the next call')
      await this.#note(seat, learnt)
    } else {
      // What was polled is too old to go by when a call comes.
      seat.hold = polled ? { ...learnt, looked: hold.looked } : learnt
    }
    return true
  }

  async #write(seat: Seat, { value, hold, after }: Extract<Step, { kind: 'write' }>, signal: AbortSignal): Promise<boolean> {
    const { api, log } = this.#options
    await this.#note(seat, hold)
    const answer = await api.write(seat.id, value, signal).catch((error: unknown) => {
      seat.hold = doubt(hold)
      throw error
    })
    if (answer.kind !== 'shown') {
      seat.hold = doubt(hold)
      return this.#failed(seat, answer)
    }
    this.counters.written += 1
    this.#succeeded(seat, answer.shown.name)
    log.info({ agent: seat.id, status: api.nameOf(value) }, 'agent status set')
    await this.#note(seat, after)
    return true
  }

  async #note(seat: Seat, hold: Hold): Promise<void> {
    const before = seat.hold === null ? null : noteOf(seat.hold)
    seat.hold = hold
    if (noteOf(hold) !== before) await this.#options.memory.put(noteKey(seat.id), noteOf(hold))
  }

  #succeeded(seat: Seat, shown: string): void {
    seat.shown = shown
    seat.attempts = 0
    seat.notBefore = 0
    seat.problem = null
  }

  /** Always false: nothing more at once. */
  #failed(seat: Seat, answer: Exclude<StatusAnswer, { kind: 'shown' }>): false {
    const { clock, random, log, retryBaseMs = 1_000 } = this.#options
    const now = clock()
    const refused = answer.kind === 'refused'
    const ceiling = Math.min(longestPauseMs, retryBaseMs * 2 ** Math.min(seat.attempts, 20))
    const backoffMs = retryBaseMs / 4 + random() * ceiling
    seat.attempts += 1
    if (refused) {
      this.counters.refused += 1
      // Once: it stays so until somebody changes something.
      if (seat.problem?.reason !== answer.reason) log.warn({ agent: seat.id, reason: answer.reason }, 'agent status refused')
      seat.poll = false
      seat.notBefore = now + refusedPauseMs
    } else {
      this.counters.failed += 1
      if (seat.attempts === 1)
        log.warn({ agent: seat.id, reason: answer.reason }, 'agent status could not be brought to Zendesk yet')
      if (answer.scope === 'all') this.#pausedUntil = Math.max(this.#pausedUntil, now + (answer.afterMs ?? backoffMs))
      seat.notBefore = now + Math.max(backoffMs, answer.scope === 'agent' ? (answer.afterMs ?? 0) : 0)
    }
    seat.problem = { reason: answer.reason, since: seat.problem?.since ?? now, refused }
    this.#due.delete(seat)
    this.#alarm(seat, seat.notBefore)
    return false
  }

  #alarm(seat: Seat, at: number | null): void {
    if (seat.timer !== null) clearTimeout(seat.timer)
    seat.timer = null
    if (at === null || this.#stopping.signal.aborted) return
    seat.timer = setTimeout(() => this.wake(seat.id), Math.max(1, at - this.#options.clock()))
  }
}

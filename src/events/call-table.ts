/**
 * The calls in memory, each once: found by its id, by the names and parties of its SIP calls (correlation.ts), and by how long it has been
 * silent (expiry-lanes.ts). The tracker owns it and keeps in it what the model made of each call.
 */
import { type Call, isOver } from './call.ts'
import { Correlation } from './correlation.ts'
import type { CallId } from './event.ts'
import { type Expired, ExpiryLanes, type Lane, laneOf, type Patience } from './expiry-lanes.ts'
import { type Beginning, type Guess, guessCall } from './guess.ts'
import type { Tie } from './signal.ts'

export class CallTable {
  readonly #calls = new Map<CallId, { readonly call: Call; readonly lane: Lane }>()
  readonly #correlation = new Correlation()
  readonly #lanes: ExpiryLanes
  readonly #maxEnded: number

  constructor(options: { readonly patience: Patience; readonly maxEnded: number }) {
    this.#lanes = new ExpiryLanes(options.patience)
    this.#maxEnded = options.maxEnded
  }

  /** Calls that are not over. */
  get open(): number {
    return this.#lanes.open
  }

  get(id: CallId): Call | undefined {
    return this.#calls.get(id)?.call
  }

  /** The call of a SIP Call-ID. */
  of(sipCallId: string): Call | undefined {
    const id = this.#correlation.ownerOf(sipCallId)
    return id === undefined ? undefined : this.get(id)
  }

  /** Calls that go on and have one of these names, by the strongest that each has. */
  tiedTo(ties: readonly Tie[]): readonly Guess[] {
    return this.#correlation.tiedTo(ties).flatMap(({ id, reason }) => {
      const call = this.get(id)
      return call === undefined || isOver(call) ? [] : [{ call, reason }]
    })
  }

  /** The call that a PBX seems to go on with. */
  guess(beginning: Beginning): Guess | null {
    return guessCall(beginning, this.candidates(beginning))
  }

  /** Calls that go on and that have one of its parties. */
  candidates({ from, to }: Pick<Beginning, 'from' | 'to'>): readonly Call[] {
    return this.#correlation.callsOf([from, to]).flatMap(id => this.get(id) ?? [])
  }

  /** A call was heard at `heardAt` (our clock, epoch ms) and is now like this. */
  keep(call: Call, heardAt: number): void {
    this.#lanes.hear(call.id, this.#calls.get(call.id)?.lane ?? null, laneOf(call), heardAt)
    this.replace(call)
    if (this.#lanes.count('ended') > this.#maxEnded) this.forget(this.#lanes.oldestEnded())
  }

  /** A call is now like this; its patience is not renewed. */
  replace(call: Call): void {
    this.#calls.set(call.id, { call, lane: laneOf(call) })
    this.#correlation.keep(call)
  }

  forget(id: CallId | null): void {
    const entry = id === null ? undefined : this.#calls.get(id)
    if (id === null || entry === undefined) return
    this.#lanes.forget(id, entry.lane)
    this.#calls.delete(id)
    this.#correlation.forget(id)
  }

  /** The calls whose patience ran out before `now`, at most `limit`; they stay where they are. */
  due(now: number, limit: number): readonly Expired[] {
    return this.#lanes.due(now, limit)
  }

  /** The call that was silent longest. */
  mostSilent(): { readonly id: CallId; readonly lane: Lane } | null {
    return this.#lanes.mostSilent()
  }
}

/**
 * Which calls have been silent for too long. Calls wait in lanes, one for each length of patience; as all calls of a lane have
 * the same patience, the order in which they were last heard is the order in which they expire, and a Map keeps that order for
 * free: hearing a call, and finding the next to expire, cost the same however many calls there are.
 *
 *   challenged   a 401 or a CANCEL was seen: the caller's next word is due within RFC 3261's 64*T1
 *   unanswered   inviting or ringing
 *   answered     talking; only a BYE ends it, and BYEs get lost
 *   leaving      its caller is gone, and only one of the others has not hung up yet
 *   ended        kept a little longer to absorb stragglers
 */
import { type Call, isOver } from './call.ts'
import type { CallId } from './event.ts'
import { leftAt } from './story.ts'

const lanes = ['challenged', 'unanswered', 'answered', 'leaving', 'ended'] as const
export type Lane = (typeof lanes)[number]

/** How long a call of each lane may be silent, in ms. */
export type Patience = Readonly<Record<Lane, number>>

export interface Expired {
  readonly id: CallId
  readonly lane: Lane
  /** When its patience ran out, epoch ms. */
  readonly at: number
}

/** The lane a call waits in. */
export function laneOf(call: Call): Lane {
  if (isOver(call)) return 'ended'
  if (call.transferring === undefined && call.transfers === undefined && leftAt(call.sipCalls) !== null) return 'leaving'
  switch (call.phase.kind) {
    case 'inviting':
    case 'ringing':
      return 'unanswered'
    case 'challenged':
    case 'cancelling':
      return 'challenged'
    case 'talking':
      return 'answered'
    case 'ended':
    case 'merged':
      return 'ended'
  }
}

export class ExpiryLanes {
  readonly #patience: Patience
  /** Per lane: call to when it was last heard, in that order. */
  readonly #heard: Readonly<Record<Lane, Map<CallId, number>>> = {
    challenged: new Map(),
    unanswered: new Map(),
    answered: new Map(),
    leaving: new Map(),
    ended: new Map(),
  }

  constructor(patience: Patience) {
    this.#patience = patience
  }

  /** A call was heard at `at` (our clock, not the wire's: it orders the lane). `from` is the lane it was in, if any. */
  hear(id: CallId, from: Lane | null, to: Lane, at: number): void {
    if (from !== null) this.#heard[from].delete(id)
    this.#heard[to].set(id, at)
  }

  forget(id: CallId, lane: Lane): void {
    this.#heard[lane].delete(id)
  }

  /** The calls whose patience ran out before `now`, at most `limit`; they stay where they are. */
  due(now: number, limit: number): readonly Expired[] {
    const due: Expired[] = []
    for (const lane of lanes) {
      for (const [id, heardAt] of this.#heard[lane]) {
        const at = heardAt + this.#patience[lane]
        if (at > now || due.length >= limit) break
        due.push({ id, lane, at })
      }
    }
    return due
  }

  /** The call that was silent longest: an unanswered one before any that talk, whom a flood of INVITEs must not hurt. */
  mostSilent(): { readonly id: CallId; readonly lane: Lane } | null {
    for (const lane of ['leaving', 'challenged', 'unanswered', 'answered'] as const) {
      for (const id of this.#heard[lane].keys()) return { id, lane }
    }
    return null
  }

  /** The ended call that is next to be forgotten. */
  oldestEnded(): CallId | null {
    for (const id of this.#heard.ended.keys()) return id
    return null
  }

  count(lane: Lane): number {
    return this.#heard[lane].size
  }

  /** Calls that have not ended. */
  get open(): number {
    return this.count('challenged') + this.count('unanswered') + this.count('answered') + this.count('leaving')
  }
}

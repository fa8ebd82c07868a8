/**
 * Which calls have been silent for too long. Calls wait in lanes, one for each length of patience; as all calls of a lane have
 * the same patience, the order in which they were last heard is the order in which they expire, and a Map keeps that order for
 * free: hearing a call, and finding the next to expire, cost the same however many calls there are.
 *
 *   challenged   a 401 or a CANCEL was seen: the caller's next word is due within RFC 3261's 64*T1
 *   unanswered   inviting or ringing
 *   answered     talking; only a BYE ends it, and BYEs get lost
 *   ended        kept a little longer to absorb stragglers
 */
import type { Call } from './call.ts'

const lanes = ['challenged', 'unanswered', 'answered', 'ended'] as const
export type Lane = (typeof lanes)[number]

/** How long a call of each lane may be silent, in ms. */
export type Patience = Readonly<Record<Lane, number>>

export interface Expired {
  readonly sipCallId: string
  readonly lane: Lane
  /** When its patience ran out, epoch ms. */
  readonly at: number
}

/** The lane a call waits in. */
export function laneOf(call: Call): Lane {
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
      return 'ended'
  }
}

export class ExpiryLanes {
  readonly #patience: Patience
  /** Per lane: SIP Call-ID to when it was last heard, in that order. */
  readonly #heard: Readonly<Record<Lane, Map<string, number>>> = {
    challenged: new Map(),
    unanswered: new Map(),
    answered: new Map(),
    ended: new Map(),
  }

  constructor(patience: Patience) {
    this.#patience = patience
  }

  /** A call was heard at `at` (our clock, not the wire's: it orders the lane). `from` is the lane it was in, if any. */
  hear(sipCallId: string, from: Lane | null, to: Lane, at: number): void {
    if (from !== null) this.#heard[from].delete(sipCallId)
    this.#heard[to].set(sipCallId, at)
  }

  forget(sipCallId: string, lane: Lane): void {
    this.#heard[lane].delete(sipCallId)
  }

  /** The calls whose patience ran out before `now`, at most `limit`; they stay where they are. */
  due(now: number, limit: number): readonly Expired[] {
    const due: Expired[] = []
    for (const lane of lanes) {
      for (const [sipCallId, heardAt] of this.#heard[lane]) {
        const at = heardAt + this.#patience[lane]
        if (at > now || due.length >= limit) break
        due.push({ sipCallId, lane, at })
      }
    }
    return due
  }

  /** The call that was silent longest: an unanswered one before any that talk, whom a flood of INVITEs must not hurt. */
  mostSilent(): { readonly sipCallId: string; readonly lane: Lane } | null {
    for (const lane of ['challenged', 'unanswered', 'answered'] as const) {
      for (const sipCallId of this.#heard[lane].keys()) return { sipCallId, lane }
    }
    return null
  }

  /** The ended call that is next to be forgotten. */
  oldestEnded(): string | null {
    for (const sipCallId of this.#heard.ended.keys()) return sipCallId
    return null
  }

  count(lane: Lane): number {
    return this.#heard[lane].size
  }

  /** Calls that have not ended. */
  get open(): number {
    return this.count('challenged') + this.count('unanswered') + this.count('answered')
  }
}

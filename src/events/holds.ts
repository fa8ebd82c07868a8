/**
 * Who of the two parties has the call on hold. The call is held from the first hold to the last resume: both may hold at once.
 * A party's signals are taken in the order of the wire's clock, so one that comes late, or twice, changes nothing.
 */

export type Party = 'caller' | 'callee'

/** What a party last asked for, and the wire time at which it did (epoch ms). */
interface Wish {
  readonly held: boolean
  readonly at: number
}

export interface Holds {
  readonly caller: Wish | null
  readonly callee: Wish | null
  /** Epoch ms since when at least one party holds; `null` while nobody does. */
  readonly heldSince: number | null
  /** Ms of the holds that are over. */
  readonly totalMs: number
}

export const noHolds: Holds = { caller: null, callee: null, heldSince: null, totalMs: 0 }

export interface HoldChange {
  readonly holds: Holds
  /** Whether the call as a whole changed: the first hold and the last resume do that. */
  readonly edge: 'held' | 'resumed' | null
}

/**
 * A party holds or resumes. `wireAt` orders the party's wishes, `at` is when the call's hold begins or ends (epoch ms). Returns
 * `repeated` for what was known and `stale` for what a later wish has overtaken.
 */
export function changeHold(
  holds: Holds,
  party: Party,
  held: boolean,
  wireAt: number,
  at: number,
): HoldChange | 'repeated' | 'stale' {
  const last = holds[party]
  if (last !== null && last.held === held) return 'repeated'
  if (last === null && !held) return 'repeated' // every call begins unheld; a session refresh looks like this
  if (last !== null && wireAt <= last.at) return 'stale'
  const wish = { held, at: wireAt }
  const next: Holds = party === 'caller' ? { ...holds, caller: wish } : { ...holds, callee: wish }
  const isHeld = next.caller?.held === true || next.callee?.held === true
  if (isHeld && holds.heldSince === null) return { holds: { ...next, heldSince: at }, edge: 'held' }
  if (!isHeld && holds.heldSince !== null) {
    return { holds: { ...next, heldSince: null, totalMs: holdMsAt(holds, at) }, edge: 'resumed' }
  }
  return { holds: next, edge: null }
}

/** How long the call had been on hold by `at`, in ms, an open hold included. */
export function holdMsAt(holds: Holds, at: number): number {
  return holds.totalMs + (holds.heldSince === null ? 0 : Math.max(0, at - holds.heldSince))
}

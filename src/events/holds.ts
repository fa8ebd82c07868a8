/**
 * Who of the two parties has the SIP call on hold. It is held from the first hold to the last resume: both may hold at once.
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
}

export const noHolds: Holds = { caller: null, callee: null }

/**
 * A party holds or resumes; `wireAt` (epoch ms) orders its wishes. Answers `repeated` for what was known and `stale` for what a later
 * wish has overtaken.
 */
export function changeHold(holds: Holds, party: Party, held: boolean, wireAt: number): Holds | 'repeated' | 'stale' {
  const last = holds[party]
  if (last !== null && last.held === held) return 'repeated'
  if (last === null && !held) return 'repeated' // every call begins unheld; a session refresh looks like this
  if (last !== null && wireAt <= last.at) return 'stale'
  const wish = { held, at: wireAt }
  return party === 'caller' ? { ...holds, caller: wish } : { ...holds, callee: wish }
}

/** Whether at least one party holds. */
export const isOnHold = ({ caller, callee }: Holds): boolean => caller?.held === true || callee?.held === true

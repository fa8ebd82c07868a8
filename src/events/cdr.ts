/**
 * Call detail records: what a PBX writes about a call once it is over. The bridge's own calls are reconciled against them. A PBX may
 * write several about one call (one for each leg, in any order); `mergeCdrs` makes one of them. Pure.
 */
import type { CallParty, Direction } from './event.ts'

/** What the records that have come so far say of one call. Times are epoch ms, of the PBX's clock. */
export interface Cdr {
  /** `SYSTEM:SITE:ID`, with the PBX's own id of the call: the same however often and in whatever order its records come. */
  readonly id: string
  readonly from: CallParty
  readonly to: CallParty
  readonly direction: Direction
  /** The names under which the bridge may know the call (journal.ts): `sip:CALL-ID`, `unique:ID`. */
  readonly keys: readonly string[]
  readonly startedAt: number
  readonly endedAt: number
  /** When somebody took the caller's call: a phone, or a menu. */
  readonly answeredAt: number | null
  /** When a phone took it. */
  readonly phoneAnsweredAt: number | null
  /** Names of its recordings' files, without folders. */
  readonly recordings: readonly string[]
  /** Whether the caller's own record is among them; until then the parties are those of another leg. */
  readonly hasCaller: boolean
  /** When the leg began that the parties are taken from. */
  readonly partiesAt: number
}

/** One record of two about the same call. Merging in another order, or one of them again, gives the same. */
export function mergeCdrs(one: Cdr, other: Cdr): Cdr {
  const [main, more] = isRatherTheCall(other, one) ? [other, one] : [one, other]
  return {
    id: main.id,
    from: main.from,
    to: main.to,
    direction: main.direction,
    keys: union(main.keys, more.keys),
    startedAt: Math.min(main.startedAt, more.startedAt),
    endedAt: Math.max(main.endedAt, more.endedAt),
    answeredAt: earlier(main.answeredAt, more.answeredAt),
    phoneAnsweredAt: earlier(main.phoneAnsweredAt, more.phoneAnsweredAt),
    recordings: union(main.recordings, more.recordings),
    hasCaller: main.hasCaller || more.hasCaller,
    partiesAt: main.partiesAt,
  }
}

/** How long people talked, ms: from the phone's answer where it is known. `null` when nobody took the call. */
export function talkMsOf(cdr: Cdr): number | null {
  const since = cdr.phoneAnsweredAt ?? cdr.answeredAt
  return since === null ? null : Math.max(0, cdr.endedAt - since)
}

function isRatherTheCall(cdr: Cdr, than: Cdr): boolean {
  if (cdr.hasCaller !== than.hasCaller) return cdr.hasCaller
  if (cdr.partiesAt !== than.partiesAt) return cdr.partiesAt < than.partiesAt
  return partiesOf(cdr) < partiesOf(than)
}

function partiesOf({ from, to }: Cdr): string {
  return `${from.value} ${to.value}`
}

function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other)
}

/** No call has more names; a record that claims to says nothing new. */
const most = 64

function union(one: readonly string[], other: readonly string[]): readonly string[] {
  return [...new Set([...one, ...other])].sort().slice(0, most)
}

import type { CallParty } from '../events/event.ts'

/** So many digits tell one subscriber from another, whatever prefix for an outside line or a country stands before them. */
const digits = 7

/** What the spellings of one number have in common: `+14155550100`, `914155550100` and `555-0100` all end with `5550100`. An extension is itself. */
export function numberTail({ kind, value }: CallParty): string {
  if (kind === 'extension' || kind === 'anonymous') return value
  const bare = value.replace(/\D/g, '')
  return bare.length < digits ? value : bare.slice(-digits)
}

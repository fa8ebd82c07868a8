/**
 * Which call a SIP call belongs to: a union-find over names. Each call owns the names under which its SIP calls are known; a SIP call
 * with one of these is part of it, and one with names of two calls makes them one. A call has few names (advance.ts), so that a union
 * simply gives them their new owner (quick-find).
 *
 * Where no name tells, parties and time may (guess.ts): the calls of each party are kept for that.
 */
import { type Call, isOver } from './call.ts'
import type { CallId, CallParty } from './event.ts'
import { minCommonDigits } from './guess.ts'
import type { Tie } from './signal.ts'

export interface Found {
  readonly id: CallId
  readonly reason: string
}

export class Correlation {
  readonly #owners = new Map<string, CallId>()
  readonly #known = new Map<CallId, { readonly names: readonly string[]; readonly parties: readonly string[] }>()
  readonly #byParty = new Map<string, Set<CallId>>()

  /** The call of a SIP Call-ID. */
  ownerOf(sipCallId: string): CallId | undefined {
    return this.#owners.get(`sip:${sipCallId}`)
  }

  /** The calls that these ties lead to, each once, by the first tie that does; the strongest first. */
  tiedTo(ties: readonly Tie[]): readonly Found[] {
    const found = new Map<CallId, Found>()
    for (const { key, reason } of ties) {
      const id = this.#owners.get(key)
      if (id !== undefined && !found.has(id)) found.set(id, { id, reason })
    }
    return [...found.values()]
  }

  /** Calls that go on and that one of these parties is part of, or one whose number ends like it. */
  callsOf(parties: readonly CallParty[]): readonly CallId[] {
    return [...new Set(parties.flatMap(namesOf).flatMap(name => [...(this.#byParty.get(name) ?? [])]))]
  }

  /** What is known of a call now; what it was known by before is forgotten. */
  keep(call: Call): void {
    const known = this.#known.get(call.id)
    if (known?.names === call.keys && !isOver(call)) return
    if (known !== undefined) this.forget(call.id)
    // One that is over takes no name from one that goes on.
    for (const name of call.keys) if (!isOver(call) || !this.#owners.has(name)) this.#owners.set(name, call.id)
    const parties = isOver(call) ? [] : [...new Set(call.sipCalls.flatMap(({ from, to }) => [...namesOf(from), ...namesOf(to)]))]
    for (const party of parties) {
      const calls = this.#byParty.get(party)
      if (calls === undefined) this.#byParty.set(party, new Set([call.id]))
      else calls.add(call.id)
    }
    this.#known.set(call.id, { names: call.keys, parties })
  }

  forget(id: CallId): void {
    const known = this.#known.get(id)
    if (known === undefined) return
    this.#known.delete(id)
    for (const name of known.names) if (this.#owners.get(name) === id) this.#owners.delete(name)
    for (const party of known.parties) {
      const calls = this.#byParty.get(party)
      calls?.delete(id)
      if (calls?.size === 0) this.#byParty.delete(party)
    }
  }
}

/** Under what a party is looked for: numbers by their last digits, since prefixes come and go before them. Nobody looks for the anonymous. */
function namesOf({ kind, value }: CallParty): readonly string[] {
  if (kind === 'anonymous') return []
  const digits = value.replace(/\D/g, '')
  return digits.length < minCommonDigits ? [`${kind}:${value}`] : [`${kind}:${value}`, `end:${digits.slice(-minCommonDigits)}`]
}

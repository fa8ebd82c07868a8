/**
 * Calls that the bridge reported, to be found by parties and time: CDRs have whole seconds and a PBX's idea of when a call began, so
 * a call is the same when it began within two seconds between the same parties. Of calls between two that hide, none is.
 */
import type { CallParty, CallSnapshot } from '../../events/event.ts'

/** What is kept of a call: little, because there may be half a million. */
interface Entry {
  readonly startedAt: number
  readonly id: string
}

const toleranceMs = 2_000
/** CDRs cut the fraction of a second off. */
const secondMs = 1_000

export class CallIndex {
  readonly #byParties = new Map<string, Entry[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(call: CallSnapshot): void {
    this.#size += 1
    const callees = [call.to, ...call.legs.map(leg => leg.to), ...call.agents.map(agent => extension(agent.extension))]
    for (const key of new Set(callees.map(to => keyOf(call.from, to)))) {
      const entries = this.#byParties.get(key)
      const entry = { startedAt: call.startedAt, id: call.id }
      if (entries === undefined) this.#byParties.set(key, [entry])
      else entries.push(entry)
    }
  }

  /** The id of a call that is this one; of several the nearest in time. */
  find(call: CallSnapshot): string | null {
    const callees = [call.to, ...call.agents.map(agent => extension(agent.extension))]
    let best: { readonly id: string; readonly apart: number } | null = null
    for (const to of callees) {
      if (call.from.kind === 'anonymous' && to.kind !== 'extension') continue
      for (const { startedAt, id } of this.#byParties.get(keyOf(call.from, to)) ?? []) {
        const apart = distance(startedAt, call.startedAt)
        if (apart <= toleranceMs && (best === null || apart < best.apart)) best = { id, apart }
      }
    }
    return best?.id ?? null
  }
}

/** How far a live call's start is from a second, or a moment, that a record names. */
function distance(live: number, recorded: number): number {
  if (recorded % secondMs !== 0 || live < recorded) return Math.abs(live - recorded)
  return Math.max(0, live - recorded - secondMs + 1)
}

function extension(value: string): CallParty {
  return { kind: 'extension', value, display: null }
}

function keyOf(from: CallParty, to: CallParty): string {
  return `${from.kind} ${from.value} ${to.kind} ${to.value}`
}

/** Scripted faults: which of the next requests go wrong, and how. Kept in memory only: a restart heals everything. */
import { z } from 'zod'

const longestDelayMs = 600_000

/** How a request goes wrong. `late`, `cut` and `accept-then-reset` do what was asked first; the others do nothing of it. */
const faultActionSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    headers: z.record(z.string().regex(/^[A-Za-z0-9-]+$/), z.string().regex(/^[\x20-\x7e]*$/)).optional(),
    /** Sent as it is when a string, else as JSON. */
    body: z.unknown().optional(),
  }),
  /** A 429 as Zendesk's limit of one ticket's updates sends it: plain text, no Retry-After. */
  z.strictObject({ kind: z.literal('plain-429') }),
  /** Never answered. */
  z.strictObject({ kind: z.literal('hang') }),
  /** The connection is reset before anything is done. */
  z.strictObject({ kind: z.literal('reset') }),
  /** Done at once, answered after `delay_ms`. */
  z.strictObject({ kind: z.literal('late'), delay_ms: z.int().min(0).max(longestDelayMs) }),
  /** Done; the answer breaks off half-way through its body. */
  z.strictObject({ kind: z.literal('cut') }),
  /** Done; the connection is reset before the answer. */
  z.strictObject({ kind: z.literal('accept-then-reset') }),
  /** A web page, as a captive portal or a proxy in between would send it; 200 unless said. */
  z.strictObject({ kind: z.literal('html'), status: z.int().min(200).max(599).optional() }),
])

/** A fault to add: for a route (`phone_call_events`, `calls`, `oauth`, …, `*` for all), `times` requests (absent: until removed), one in `every`. */
export const faultSchema = z.strictObject({
  route: z
    .string()
    .regex(/^(?:\*|[a-z_]{1,64})$/, 'must be the first segment of a path below /api/v2/channels/voice, /api/v2 or /, or *'),
  times: z.int().min(1).optional(),
  every: z.int().min(1).default(1),
  // biome-ignore lint/suspicious/noThenProperty: a JSON key of the sandbox's API; nothing awaits it
  then: faultActionSchema,
})

export type FaultAction = z.infer<typeof faultActionSchema>
export type Fault = z.infer<typeof faultSchema>

/** A fault and how far it has got. */
export interface FaultState extends Fault {
  readonly id: number
  /** Requests of its route so far. */
  readonly seen: number
  /** Those of them that went wrong. */
  readonly done: number
}

/** More scripted faults than this at once are a mistake of the script. */
export const faultLimit = 1000

export class Faults {
  #active: FaultState[] = []
  #lastId = 0

  /** Adds a fault after those that are there; `null` when there are too many. */
  add(fault: Fault): FaultState | null {
    if (this.#active.length >= faultLimit) return null
    this.#lastId += 1
    const state = { ...fault, id: this.#lastId, seen: 0, done: 0 }
    this.#active.push(state)
    return state
  }

  /** What happens to the next request of `route`: the oldest fault that is due decides. One that is used up is forgotten. */
  next(route: string): FaultAction | null {
    for (const fault of this.#active) {
      if (fault.route !== '*' && fault.route !== route) continue
      const seen = fault.seen + 1
      const due = seen % fault.every === 0
      const done = fault.done + (due ? 1 : 0)
      this.#replace({ ...fault, seen, done })
      if (due) return fault.then
    }
    return null
  }

  list(): readonly FaultState[] {
    return this.#active
  }

  clear(): void {
    this.#active = []
  }

  #replace(fault: FaultState): void {
    const usedUp = fault.times !== undefined && fault.done >= fault.times
    this.#active = usedUp
      ? this.#active.filter(({ id }) => id !== fault.id)
      : this.#active.map(other => (other.id === fault.id ? fault : other))
  }
}

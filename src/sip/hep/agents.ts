/** Who sends captures: one line an agent, so that an operator sees which one fell silent and whose clock is wrong. */
import type { HepPacket } from './packet.ts'

export interface HepAgent {
  /** Where its packets come from. */
  readonly address: string
  /** The capture id that it was given; two agents on one machine differ in it. */
  readonly captureId: number | null
  readonly nodeName: string | null
  readonly packets: number
  /** Arrival of its latest packet, epoch ms. */
  readonly lastAt: number
  /** How far its clock was ahead of ours in that packet, in ms; negative by the time a packet travels. `null` when it sends no time. */
  readonly clockAheadMs: number | null
}

/** Sites have a handful. */
const MAX_AGENTS = 100

export class HepAgents {
  readonly #byKey = new Map<string, HepAgent>()

  /** Takes note of a packet of an agent that may send. */
  heard(address: string, packet: HepPacket, now: number): void {
    const key = `${address} ${packet.captureId}`
    const known = this.#byKey.get(key)
    if (known === undefined && this.#byKey.size >= MAX_AGENTS) this.#forgetLongestSilent()
    this.#byKey.set(key, {
      address,
      captureId: packet.captureId,
      nodeName: packet.nodeName ?? known?.nodeName ?? null,
      packets: (known?.packets ?? 0) + 1,
      lastAt: now,
      clockAheadMs: packet.at === null ? null : packet.at - now,
    })
  }

  list(): readonly HepAgent[] {
    return [...this.#byKey.values()]
  }

  #forgetLongestSilent(): void {
    let silent: string | null = null
    let lastAt = Number.POSITIVE_INFINITY
    for (const [key, agent] of this.#byKey) {
      if (agent.lastAt >= lastAt) continue
      silent = key
      lastAt = agent.lastAt
    }
    if (silent !== null) this.#byKey.delete(silent)
  }
}

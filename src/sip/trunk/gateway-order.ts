/**
 * In which order the far side's gateways are tried. The configured order is the operator's preference; a gateway that did not
 * answer, or answered 503, goes to the end of it for a while, so that not every call waits for one that is down.
 */
export class GatewayOrder {
  readonly #penaltyMs: number
  readonly #now: () => number
  readonly #downUntil = new Map<string, number>()

  constructor(options: { readonly penaltyMs: number; readonly now: () => number }) {
    this.#penaltyMs = options.penaltyMs
    this.#now = options.now
  }

  /** Stable: gateways that are up keep the configured order, then those that are down in theirs. */
  sort<T extends { readonly gateway: string }>(destinations: readonly T[]): readonly T[] {
    const down = new Set(this.down())
    if (down.size === 0) return destinations
    return [
      ...destinations.filter(({ gateway }) => !down.has(gateway)),
      ...destinations.filter(({ gateway }) => down.has(gateway)),
    ]
  }

  failed(gateway: string): void {
    this.#downUntil.set(gateway, this.#now() + this.#penaltyMs)
  }

  worked(gateway: string): void {
    this.#downUntil.delete(gateway)
  }

  /** Gateways that are at the end of the line now, for /readyz. */
  down(): readonly string[] {
    const now = this.#now()
    return [...this.#downUntil].filter(([, until]) => until > now).map(([gateway]) => gateway)
  }
}

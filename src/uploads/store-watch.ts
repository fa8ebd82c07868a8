/** Whether the store works, as the worker finds it: each failure is counted, the edges are logged. */
import type { DeliveryLog } from './delivery-log.ts'
import type { DeliveryCounters } from './delivery-stats.ts'

export class StoreWatch {
  readonly #log: DeliveryLog
  readonly #counters: Pick<DeliveryCounters, 'storeErrors'>
  #failure: string | null = null

  constructor(log: DeliveryLog, counters: Pick<DeliveryCounters, 'storeErrors'>) {
    this.#log = log
    this.#counters = counters
  }

  /** Why it fails; `null` while it works. */
  get failure(): string | null {
    return this.#failure
  }

  failed(error: unknown): void {
    this.#counters.storeErrors++
    if (this.#failure === null) this.#log.error({ err: error }, 'the store fails; deliveries wait until it works')
    this.#failure = error instanceof Error ? error.message : String(error)
  }

  works(): void {
    if (this.#failure !== null) this.#log.info({}, 'the store works again')
    this.#failure = null
  }
}

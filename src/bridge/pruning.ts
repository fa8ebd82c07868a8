/** Forgets what was delivered long ago (`uploads.keep_delivered`), a bounded step at a time. */

export interface PruningOptions {
  readonly store: { prune(keepMs: number): Promise<{ readonly calls: number; readonly jobs: number; readonly more: boolean }> }
  readonly keepMs: number
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

const everyMs = 60_000
const betweenStepsMs = 200

export class Pruning {
  readonly #options: PruningOptions
  #keepMs: number
  #timer: NodeJS.Timeout | null = null
  #step: Promise<void> | null = null

  constructor(options: PruningOptions) {
    this.#options = options
    this.#keepMs = options.keepMs
  }

  /** Changes how long deliveries are remembered, from the next step on. */
  configure(keepMs: number): void {
    this.#keepMs = keepMs
  }

  start(): void {
    this.#timer ??= setTimeout(() => this.#run(), everyMs)
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    await this.#step
  }

  #run(): void {
    this.#step = this.#prune().then(more => {
      if (this.#timer !== null) this.#timer = setTimeout(() => this.#run(), more ? betweenStepsMs : everyMs)
    })
  }

  async #prune(): Promise<boolean> {
    const { store, log } = this.#options
    try {
      const { calls, jobs, more } = await store.prune(this.#keepMs)
      if (calls > 0 || jobs > 0) log.info({ calls, jobs }, 'old deliveries forgotten')
      return more
    } catch (error) {
      // Nothing is lost by forgetting later.
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'old deliveries could not be forgotten yet')
      return false
    }
  }
}

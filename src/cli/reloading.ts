/**
 * Reads the configuration of a running bridge again, one time after the other. A file with a problem changes nothing: each problem is
 * logged, and the bridge runs on as it was.
 */
import type { Logger } from 'pino'
import type { ReloadAnswer } from '../admin/reload-route.ts'
import type { Bridge } from '../bridge.ts'
import { formatProblem } from '../config/problems.ts'
import { type ConfigOption, readConfiguration } from './configuration.ts'
import type { CliContext } from './context.ts'

export interface ReloadingOptions {
  readonly context: CliContext
  readonly option: ConfigOption
  readonly bridge: Pick<Bridge, 'reload'>
  readonly log: Logger
}

export class Reloading {
  readonly #options: ReloadingOptions
  #last: Promise<unknown> = Promise.resolve()
  #isOver = false

  constructor(options: ReloadingOptions) {
    this.#options = options
  }

  /** Never rejects: what went wrong is in the log, and in the answer. */
  async reload(by: { readonly actor: string }): Promise<ReloadAnswer> {
    const mine = this.#last.then(() => this.#reload(by))
    this.#last = mine
    return await mine
  }

  /** The bridge stops: what is under way is finished, and no more is begun. */
  async end(): Promise<void> {
    this.#isOver = true
    await this.#last
  }

  async #reload(by: { readonly actor: string }): Promise<ReloadAnswer> {
    const { context, option, bridge, log } = this.#options
    if (this.#isOver) return { kind: 'refused', problems: ['the bridge is stopping'] }
    const loaded = await readConfiguration(context, option)
    if (!loaded.ok) {
      const problems = loaded.problems.map(formatProblem)
      for (const problem of problems) log.error({ problem, ...by }, 'configuration is broken, the bridge runs on as it was')
      return { kind: 'refused', problems }
    }
    for (const warning of loaded.warnings)
      log.warn({ problem: formatProblem(warning) }, 'configuration is allowed but probably not meant')
    try {
      return { kind: 'reloaded', ...(await bridge.reload(loaded.config, by)) }
    } catch (err) {
      log.error({ err, ...by }, 'the configuration could not be taken over')
      return { kind: 'refused', problems: [err instanceof Error ? err.message : String(err)] }
    }
  }
}

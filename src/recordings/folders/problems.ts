/** What cannot be read at present: told of once, shown while it lasts, and told of again when it is over. */
import type { Log } from '../log.ts'

/** A folder full of unreadable files is one problem for an operator, not thousands of lines. */
const mostProblems = 100

export class Problems {
  readonly #log: Log
  #now = new Map<string, string>()
  #before = new Map<string, string>()

  constructor(log: Log) {
    this.#log = log
  }

  /** One of them, `PATH: reason`; `null` when there is none. */
  get first(): string | null {
    const [problem] = this.#now
    return problem === undefined ? null : `${problem[0]}: ${problem[1]}`
  }

  /** A whole scan begins: what is still wrong will be found again. */
  beginScan(): void {
    this.#before = this.#now
    this.#now = new Map()
  }

  endScan(folder: string): void {
    if (this.#before.size > 0 && this.#now.size === 0) this.#log.info({ folder }, 'source can be read again')
  }

  report(path: string, reason: string): void {
    if (this.#now.get(path) === reason || this.#now.size >= mostProblems) return
    this.#now.set(path, reason)
    if (this.#before.get(path) !== reason) this.#log.error({ path, reason }, 'source cannot be read')
  }
}

/** Shows the progress of a command: one line that is written over on a terminal, a line now and then elsewhere. */
import type { CliContext } from '../context.ts'

const terminalEveryMs = 200
const plainEveryMs = 10_000
const clearLine = '\r\u001b[2K'

export class ProgressDisplay {
  readonly #stdout: CliContext['stdout']
  readonly #line: () => string
  #timer: NodeJS.Timeout | null = null

  constructor(stdout: CliContext['stdout'], line: () => string) {
    this.#stdout = stdout
    this.#line = line
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#show(), this.#stdout.isTerminal ? terminalEveryMs : plainEveryMs)
  }

  /** Shows the line a last time and leaves it. */
  stop(): void {
    if (this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
    this.#show()
    if (this.#stdout.isTerminal) this.#stdout.write('\n')
  }

  #show(): void {
    this.#stdout.write(this.#stdout.isTerminal ? `${clearLine}${this.#line()}` : `${this.#line()}\n`)
  }
}

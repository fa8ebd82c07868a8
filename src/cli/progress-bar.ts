/** A bar that fills, in one line of a terminal. Elsewhere it shows nothing: a pipe gets the result alone. */
import type { CliContext } from './context.ts'
import { formatDuration } from './table.ts'

const everyMs = 100
const width = 30
const clearLine = '\r\u001b[2K'

export class ProgressBar {
  readonly #stdout: CliContext['stdout']
  readonly #total: number
  /** Epoch ms. */
  readonly #now: () => number
  readonly #startedAt: number
  #shownAt = Number.NEGATIVE_INFINITY

  constructor(options: { readonly stdout: CliContext['stdout']; readonly total: number; readonly now: () => number }) {
    this.#stdout = options.stdout
    this.#total = options.total
    this.#now = options.now
    this.#startedAt = options.now()
  }

  /** So many are through. What comes in the same tenth of a second is shown together. */
  show(count: number): void {
    const now = this.#now()
    if (!this.#stdout.isTerminal || now - this.#shownAt < everyMs) return
    this.#shownAt = now
    this.#stdout.write(`${clearLine}${barText(count, this.#total, now - this.#startedAt)}`)
  }

  /** Gives the line back. */
  end(): void {
    if (this.#shownAt !== Number.NEGATIVE_INFINITY) this.#stdout.write(clearLine)
  }
}

/** `[########----------------------]  27 %  270,000 of 1,000,000, 24s left`. The total is a guess: others are at work meanwhile. */
export const barText = (count: number, total: number, tookMs: number): string => {
  const share = total <= 0 ? 1 : Math.min(1, count / total)
  const filled = Math.round(share * width)
  const bar = `${'#'.repeat(filled)}${'-'.repeat(width - filled)}`
  const left = share === 0 || share === 1 ? '' : `, ${formatDuration((tookMs / share) * (1 - share))} left`
  const percent = String(Math.floor(share * 100)).padStart(3)
  return `[${bar}] ${percent} %  ${grouped(Math.min(count, total))} of ${grouped(total)}${left}`
}

/** `1,000,000`. */
export const grouped = (count: number): string => count.toLocaleString('en-US')

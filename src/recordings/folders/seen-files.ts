/** What a watcher remembers of the files it saw. Bounded: what does not fit is found again by the next rescan. */
import type { SourceFile } from '../ledger.ts'
import type { Sighting } from './settling.ts'

const mostUnsettled = 10_000
const mostSettled = 200_000

export interface Unsettled extends Sighting {
  /** -1: an event told of it, nobody has looked yet. */
  readonly size: number
  lookAt: number
}

export class SeenFiles {
  /** Files that need no look, with the version that needs none. Oldest first out. */
  readonly #settled = new Map<string, string>()
  readonly #unsettled = new Map<string, Unsettled>()

  get unsettled(): number {
    return this.#unsettled.size
  }

  isSettled(file: SourceFile): boolean {
    return this.#settled.get(file.path) === version(file)
  }

  /** This version of the file was taken, or is known: it needs no further look. */
  settle(file: SourceFile): void {
    this.#unsettled.delete(file.path)
    this.#settled.delete(file.path)
    this.#settled.set(file.path, version(file))
    const [oldest] = this.#settled.keys()
    if (this.#settled.size > mostSettled && oldest !== undefined) this.#settled.delete(oldest)
  }

  /** What was seen of an unfinished file before, if anything was. */
  before(path: string): Unsettled | null {
    const seen = this.#unsettled.get(path)
    return seen === undefined || seen.size < 0 ? null : seen
  }

  remember(path: string, seen: Unsettled): void {
    if (this.#unsettled.has(path) || this.#unsettled.size < mostUnsettled) this.#unsettled.set(path, seen)
  }

  /** Something happened to the file: the next look at it is due. */
  touch(path: string, now: number): void {
    const seen = this.#unsettled.get(path)
    if (seen === undefined) this.remember(path, { size: -1, mtimeMs: -1, since: now, lookAt: now })
    else seen.lookAt = now
  }

  has(path: string): boolean {
    return this.#unsettled.has(path)
  }

  forget(path: string): void {
    this.#unsettled.delete(path)
  }

  due(now: number): readonly string[] {
    return [...this.#unsettled].filter(([, seen]) => now >= seen.lookAt).map(([path]) => path)
  }
}

function version(file: SourceFile): string {
  return `${file.size}:${file.mtimeMs}`
}

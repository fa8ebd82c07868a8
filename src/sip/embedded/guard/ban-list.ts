/**
 * Sources that offended too often within a window, and are ignored for a time. Knows addresses only; who may not be banned is the guard's affair.
 *
 *   unknown ── offence ──▶ watched ── too many within the window ──▶ banned ── banMs ──▶ unknown
 *                              └── the window passes ──▶ unknown
 *
 * Invariant: neither table holds more than `maxSources`; an offender that goes for another one begins at nought.
 */
import { BoundedMap } from './bounded-map.ts'

export interface BanLimits {
  /** So many offences within `windowMs` make a ban. */
  readonly offences: number
  readonly windowMs: number
  readonly banMs: number
  readonly maxSources: number
}

export class BanList {
  readonly #limits: BanLimits
  readonly #now: () => number
  readonly #watched: BoundedMap<string, { readonly count: number; readonly since: number }>
  readonly #banned: BoundedMap<string, number>

  constructor(limits: BanLimits, now: () => number) {
    this.#limits = limits
    this.#now = now
    this.#watched = new BoundedMap(limits.maxSources)
    this.#banned = new BoundedMap(limits.maxSources)
  }

  /** `true` when this offence makes the ban. */
  offence(source: string): boolean {
    const { offences, windowMs, banMs } = this.#limits
    const now = this.#now()
    const known = this.#watched.get(source)
    const goesOn = known !== undefined && now >= known.since && now - known.since < windowMs
    const count = goesOn ? known.count + 1 : 1
    if (count < offences) {
      this.#watched.set(source, { count, since: goesOn ? known.since : now })
      return false
    }
    this.#watched.delete(source)
    this.#banned.set(source, now + banMs)
    return true
  }

  isBanned(source: string): boolean {
    const until = this.#banned.get(source)
    if (until === undefined) return false
    if (until > this.#now()) return true
    this.#banned.delete(source)
    return false
  }

  /** The source has shown that it belongs here. */
  forgive(source: string): void {
    this.#watched.delete(source)
  }

  /** Who is ignored now, and until when (epoch ms), the latest last. */
  list(): readonly { readonly source: string; readonly until: number }[] {
    const now = this.#now()
    return [...this.#banned.entries()].filter(([, until]) => until > now).map(([source, until]) => ({ source, until }))
  }
}

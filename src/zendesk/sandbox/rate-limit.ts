/** A request budget by the minute, for each caller: a fixed window that begins with the first request in it. */

const windowMs = 60_000

export interface Admission {
  readonly admitted: boolean
  readonly limit: number
  readonly remaining: number
  /** Whole seconds until the window ends; at least 1. */
  readonly resetSeconds: number
}

interface Window {
  readonly endsAt: number
  used: number
}

export class RequestBudget {
  readonly #perMinute: number
  /** One entry for each kind of caller; the callers name only two. */
  readonly #windows = new Map<string, Window>()

  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  /** Counts a request of `caller` at `now` (epoch ms), unless the budget is spent: a refused request costs nothing. */
  admit(caller: 'token' | 'stranger', now: number): Admission {
    let window = this.#windows.get(caller)
    // The second condition: a clock that was set back must not close the window for longer than it is.
    if (window === undefined || now >= window.endsAt || now < window.endsAt - windowMs) {
      window = { endsAt: now + windowMs, used: 0 }
      this.#windows.set(caller, window)
    }
    const admitted = window.used < this.#perMinute
    if (admitted) window.used += 1
    return {
      admitted,
      limit: this.#perMinute,
      remaining: this.#perMinute - window.used,
      resetSeconds: Math.max(1, Math.ceil((window.endsAt - now) / 1000)),
    }
  }
}

/**
 * What went out in the last minute: the times of at most `most` requests. It answers the one question a server asks: how many have
 * there been in any 60 s? Memory is fixed: eight bytes for each request a minute may have.
 *
 * The server counts when a request arrives, and one takes longer than another: what left at the end of one minute arrives at the
 * beginning of the next. So our minute is longer by what they may differ. Fewer requests in a minute of 60 s would not do: of a burst that
 * comes again a minute later, all may be early at once.
 */

/** 300 ms more than the server's minute: by so much may requests be late, at the price of a two-hundredth of the limit. */
export const WINDOW_MS = 60_300

export class SendWindow {
  readonly #most: number
  readonly #times: Float64Array
  #first = 0
  #count = 0

  constructor(most: number) {
    this.#most = most
    this.#times = new Float64Array(most)
  }

  /** How many more may go out now. `now` is epoch ms. */
  room(now: number): number {
    this.#forget(now)
    return this.#most - this.#count
  }

  /** Notes requests that go out now: no more than there is room for. */
  note(requests: number, now: number): void {
    this.#forget(now)
    for (let left = Math.min(requests, this.#most - this.#count); left > 0; left--) {
      this.#times[(this.#first + this.#count) % this.#most] = now
      this.#count++
    }
  }

  /** The newest of them did not go out after all. */
  takeBack(requests: number): void {
    this.#count -= Math.min(requests, this.#count)
  }

  /** When there will be room for one: `now` when there is. */
  roomAt(now: number): number {
    return this.room(now) > 0 ? now : (this.#times[this.#first] ?? now) + WINDOW_MS
  }

  /** Gives what it knows to a window of another size: the newest, as many as fit there. */
  moveTo(other: SendWindow): void {
    for (let i = Math.max(0, this.#count - other.#most); i < this.#count; i++) {
      other.#times[other.#count++] = this.#times[(this.#first + i) % this.#most] ?? 0
    }
  }

  #forget(now: number): void {
    while (this.#count > 0) {
      const oldest = this.#times[this.#first] ?? now
      // Under a clock that was set back, a time to come would fill the window for longer than it is.
      if (oldest > now - WINDOW_MS && oldest <= now + WINDOW_MS) return
      this.#first = (this.#first + 1) % this.#most
      this.#count--
    }
  }
}

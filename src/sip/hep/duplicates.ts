/**
 * Tells a message that was captured before: by a second agent, or on both ends of the same link, or retransmitted.
 *
 * What is the same: the same bytes between the same two addresses and ports. That can't hide a new fact. Within one transaction equal
 * bytes are a retransmission by definition (the same branch and CSeq, RFC 3261 section 17), the model has taken its first copy and would
 * ignore the others; and whatever a party newly says (a refresh, a second hold, a new call) has another CSeq, branch or Call-ID, and so
 * other bytes. The window is counted from the first copy and not renewed by later ones, so that even a device that repeats itself to
 * the byte, such as a load generator that restarts with its old Call-IDs, is heard again after `windowMs`.
 *
 * A message that passes a proxy has other addresses and one Via more: it is another message, and the model joins it by its Call-ID.
 */
import { createHash } from 'node:crypto'
import type { HepEndpoint } from './packet.ts'

export interface DuplicateWindowOptions {
  /** Agents that see the same message report it within a second; SIP retransmits for up to 32 s (64 × T1). 10 s unless told. */
  readonly windowMs?: number
  /** The most that is remembered, some 120 bytes each; beyond it the oldest is forgotten early. 50,000 unless told. */
  readonly maxEntries?: number
}

export class DuplicateWindow {
  readonly #windowMs: number
  readonly #maxEntries: number
  /** Digest to the moment (epoch ms) of its first copy's arrival, oldest first. */
  readonly #firstSeen = new Map<string, number>()

  constructor(options: DuplicateWindowOptions = {}) {
    this.#windowMs = options.windowMs ?? 10_000
    this.#maxEntries = options.maxEntries ?? 50_000
  }

  get size(): number {
    return this.#firstSeen.size
  }

  /** Whether the same came before; what did not is remembered. `now` is the arrival, epoch ms. */
  repeats(source: HepEndpoint, destination: HepEndpoint, payload: Buffer, now: number): boolean {
    this.#forgetOld(now)
    const digest = digestOf(source, destination, payload)
    if (this.#firstSeen.has(digest)) return true
    this.#firstSeen.set(digest, now)
    return false
  }

  #forgetOld(now: number): void {
    for (const [digest, at] of this.#firstSeen) {
      // A clock that was set back must not make the window last until it catches up.
      if (this.#firstSeen.size < this.#maxEntries && Math.abs(now - at) < this.#windowMs) return
      this.#firstSeen.delete(digest)
    }
  }
}

function digestOf(source: HepEndpoint, destination: HepEndpoint, payload: Buffer): string {
  const ends = `${source.address} ${source.port} ${destination.address} ${destination.port}\n`
  return createHash('sha256').update(ends).update(payload).digest('base64')
}

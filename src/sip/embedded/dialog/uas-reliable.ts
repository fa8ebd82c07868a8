/**
 * Reliable provisional responses to one INVITE (RFC 3262 section 3): each gets the next RSeq and is repeated until its PRACK; the next
 * one waits for it, and so does a 2xx. Owned by the INVITE that they answer.
 */
import { appendHeader } from '../../message/headers.ts'
import type { SipResponse } from '../../message/message.ts'
import { Retransmission } from '../transaction/retransmission.ts'
import { lifetimeMs, type SipTimers } from '../transaction/sip-timers.ts'

/** Responses that may wait for an earlier one's PRACK. */
const MAX_WAITING = 16

export class ReliableProvisionals {
  readonly #timers: SipTimers
  readonly #seq: number
  readonly #send: (response: SipResponse) => void
  readonly #onExpired: () => void
  readonly #waiting: SipResponse[] = []
  #nextRseq: number
  #unacknowledged: { readonly rseq: number; readonly repetition: Retransmission } | null = null
  #whenClear: (() => void) | null = null

  /** `seq` is the INVITE's CSeq number; `onExpired` is called when a response was repeated for 64 × T1 in vain. */
  constructor(parts: {
    timers: SipTimers
    seq: number
    firstRseq: number
    send: (response: SipResponse) => void
    onExpired: () => void
  }) {
    this.#timers = parts.timers
    this.#seq = parts.seq
    this.#nextRseq = parts.firstRseq
    this.#send = parts.send
    this.#onExpired = parts.onExpired
  }

  /** The response with its RSeq, sent now or after the earlier ones; `null` when too many wait already. */
  send(response: SipResponse): SipResponse | null {
    if (this.#waiting.length >= MAX_WAITING) return null
    const numbered = appendHeader(response, 'RSeq', String(this.#nextRseq + this.#waiting.length))
    this.#waiting.push(numbered)
    this.#sendNext()
    return numbered
  }

  /** Whether a RAck value acknowledges what is being repeated. */
  isAcknowledgedBy(rack: string): boolean {
    const match = /^(\d{1,10})\s+(\d{1,10})\s+INVITE\b/i.exec(rack.trim())
    return match !== null && Number(match[1]) === this.#unacknowledged?.rseq && Number(match[2]) === this.#seq
  }

  /** The PRACK came: sends what waited for it. */
  acknowledge(): void {
    this.#unacknowledged?.repetition.stop()
    this.#unacknowledged = null
    this.#sendNext()
  }

  /** Calls `done` once nothing waits for a PRACK any more: at once, or when the last one comes. */
  whenClear(done: () => void): void {
    if (this.#unacknowledged === null) done()
    else this.#whenClear = done
  }

  stop(): void {
    this.#unacknowledged?.repetition.stop()
    this.#unacknowledged = null
    this.#waiting.length = 0
    this.#whenClear = null
  }

  #sendNext(): void {
    if (this.#unacknowledged !== null) return
    const response = this.#waiting.shift()
    if (response === undefined) {
      const done = this.#whenClear
      this.#whenClear = null
      done?.()
      return
    }
    const rseq = this.#nextRseq++
    this.#send(response)
    const giveUpMs = lifetimeMs(this.#timers)
    // Repeated over every transport, and not capped by T2: RFC 3262 lets the interval double until the end.
    const repetition = new Retransmission(
      { reliable: false, firstMs: this.#timers.t1Ms, capMs: giveUpMs, giveUpMs },
      () => this.#send(response),
      () => this.#onExpired(),
    )
    this.#unacknowledged = { rseq, repetition }
  }
}

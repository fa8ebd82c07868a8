/** What is decided about a request before anything is kept of it. */
import type { HeaderField, HopAddress, SipRequest } from '../../message/message.ts'

/** An answer without a transaction: sent once for each time that the request comes. */
export interface Refusal {
  readonly status: number
  /**
   * Header sets in the order of preference: over UDP the first with which the response is not larger than its request is sent, and nothing
   * when none is (a forged source address must gain nothing).
   */
  readonly headers: readonly (readonly HeaderField[])[]
}

/** `drop` answers nothing (a scanner learns nothing). */
export type Verdict = 'accept' | 'drop' | Refusal

/** `size`: what the request took on the wire, bytes; Infinity over TCP, where the handshake proves the address. */
export type Admit = (source: HopAddress, request: SipRequest, size: number) => Verdict

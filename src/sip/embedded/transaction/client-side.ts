/** What a client transaction is given by the layer, and what the layer sees of it. */
import type { HeaderField, HopAddress, SipRequest, SipResponse } from '../../message/message.ts'
import type { SipCounters } from '../sip-counters.ts'
import type { SipTimers } from './sip-timers.ts'
import type { ClientTransaction } from './transaction-layer.ts'

export interface ClientSide {
  readonly id: string
  /** As it goes out, our Via on top. */
  readonly request: SipRequest
  readonly destination: HopAddress
  readonly local: HopAddress
  /** Over TCP and TLS nothing is repeated and nothing lingers after a final response. */
  readonly reliable: boolean
  readonly timers: SipTimers
  readonly counters: SipCounters
  /** Sends to `destination`; `onError` is called later, if at all. */
  send(bytes: Buffer, onError: (error: Error) => void): void
  /** Sends the CANCEL of this request in a transaction of its own. */
  sendCancel(extraHeaders: readonly HeaderField[]): void
  /** Takes the transaction out of the table. */
  ended(): void
}

export interface ClientMachine extends ClientTransaction {
  /** Sends the request for the first time. */
  start(): void
  receive(response: SipResponse): void
  /** Ends without a word to anyone; clears every timer. */
  stop(): void
}

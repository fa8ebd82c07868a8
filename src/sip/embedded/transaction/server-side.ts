/** What a server transaction is given by the layer, what the layer sees of it, and the handle that its user holds. */
import type { HopAddress, SipRequest, SipResponse } from '../../message/message.ts'
import type { SipCounters } from '../sip-counters.ts'
import type { SipTimers } from './sip-timers.ts'
import type { ServerTransaction } from './transaction-layer.ts'

export interface ServerSide {
  /** Over TCP and TLS nothing is repeated and nothing lingers. */
  readonly reliable: boolean
  readonly timers: SipTimers
  readonly counters: SipCounters
  /** Sends to where the request came from. */
  send(bytes: Buffer): void
  /** Takes the transaction out of the table; its state is `terminated`. */
  ended(): void
}

export interface ServerMachine {
  readonly phase: ServerTransaction['state']
  /** The handle of an INVITE without final response, else `null`. */
  readonly pending: ServerTransaction | null
  /** The request came again. */
  requestAgain(): void
  /** Sends a response; `false` when a final one was sent before. */
  respond(response: SipResponse): boolean
  /** An ACK with this transaction's branch; `true` when it is the user's (it acknowledges a 2xx). */
  ack(): boolean
  /** Ends without a word; clears every timer. */
  stop(): void
}

/** A request and how to answer it: what the layer's user holds, for as long as it likes. */
export class ReceivedRequest implements ServerTransaction {
  readonly id: string
  readonly request: SipRequest
  readonly source: HopAddress
  readonly local: HopAddress
  readonly receivedAt: number
  readonly #machine: ServerMachine
  readonly #onSent: (response: SipResponse) => void

  constructor(
    facts: Pick<ServerTransaction, 'id' | 'request' | 'source' | 'local' | 'receivedAt'>,
    machine: ServerMachine,
    onSent: (response: SipResponse) => void,
  ) {
    this.id = facts.id
    this.request = facts.request
    this.source = facts.source
    this.local = facts.local
    this.receivedAt = facts.receivedAt
    this.#machine = machine
    this.#onSent = onSent
  }

  get state(): ServerTransaction['state'] {
    return this.#machine.phase
  }

  respond(response: SipResponse): boolean {
    const sent = this.#machine.respond(response)
    if (sent && response.status > 100) this.#onSent(response)
    return sent
  }
}

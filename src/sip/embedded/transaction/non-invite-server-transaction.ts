/**
 * The non-INVITE server transaction (RFC 3261 section 17.2.2). Owns its state, the response that it repeats and its timer.
 *
 *   request ──▶ proceeding ── 200-699 ──▶ completed (repeats its response) ── J ──▶ terminated
 *                   │   1xx: send it; repeated request: send the last 1xx, if any        ▲
 *                   └── 64 × T1: nobody waits for a response any more (RFC 4320 4.2) ────┘
 *
 * The request and its handle live only in `proceeding`: what lingers for 32 seconds afterwards is small.
 */
import type { SipResponse } from '../../message/message.ts'
import { serializeMessage } from '../../message/serialize.ts'
import type { ServerMachine, ServerSide } from './server-side.ts'
import { lifetimeMs } from './sip-timers.ts'
import type { ServerTransaction } from './transaction-layer.ts'

type State =
  | { readonly name: 'proceeding'; readonly last: Buffer | null; readonly timer: NodeJS.Timeout }
  | { readonly name: 'completed'; readonly response: Buffer; readonly timer: NodeJS.Timeout }
  | { readonly name: 'terminated' }

export class NonInviteServerTransaction implements ServerMachine {
  readonly #side: ServerSide
  #state: State

  constructor(side: ServerSide) {
    this.#side = side
    const tooLate = (): void => {
      side.counters.timeouts++
      this.#end()
    }
    this.#state = { name: 'proceeding', last: null, timer: setTimeout(tooLate, lifetimeMs(side.timers)) }
  }

  get phase(): ServerTransaction['state'] {
    return this.#state.name
  }

  /** A CANCEL has no effect on anything but an INVITE (RFC 3261 9.2). */
  get pending(): null {
    return null
  }

  requestAgain(): void {
    const bytes =
      this.#state.name === 'proceeding' ? this.#state.last : this.#state.name === 'completed' ? this.#state.response : null
    if (bytes === null) return
    this.#side.counters.retransmissionsSent++
    this.#side.send(bytes)
  }

  respond(response: SipResponse): boolean {
    const state = this.#state
    if (state.name !== 'proceeding') return false
    const bytes = serializeMessage(response)
    this.#side.send(bytes)
    if (response.status < 200) {
      this.#state = { ...state, last: bytes }
      return true
    }
    clearTimeout(state.timer)
    if (this.#side.reliable) this.#end()
    else this.#state = { name: 'completed', response: bytes, timer: setTimeout(() => this.#end(), lifetimeMs(this.#side.timers)) }
    return true
  }

  /** An ACK never names such a transaction. */
  ack(): boolean {
    return true
  }

  stop(): void {
    if (this.#state.name !== 'terminated') clearTimeout(this.#state.timer)
    this.#state = { name: 'terminated' }
  }

  #end(): void {
    this.#state = { name: 'terminated' }
    this.#side.ended()
  }
}

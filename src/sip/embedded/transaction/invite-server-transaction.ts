/**
 * The INVITE server transaction (RFC 3261 section 17.2.1 with RFC 6026 section 7.1). Owns its state, what that state repeats and its timer.
 *
 *                    1xx, repeated INVITE: send it (again)
 *                   ┌──┐
 *   INVITE ──▶ proceeding ── 300-699 ──▶ completed ── ACK ──▶ confirmed ── I ──▶ terminated
 *                   │                        └── H (no ACK) ────────────────────────▲
 *                   └──── 2xx ──▶ accepted (absorbs INVITEs, passes ACKs) ── L ──────┘
 *
 * The request and its handle live only in `proceeding`: what lingers for 32 seconds afterwards is small.
 */
import type { SipResponse } from '../../message/message.ts'
import { serializeMessage } from '../../message/serialize.ts'
import { Retransmission } from './retransmission.ts'
import type { ServerMachine, ServerSide } from './server-side.ts'
import { lifetimeMs } from './sip-timers.ts'
import type { ServerTransaction } from './transaction-layer.ts'

type State =
  | { readonly name: 'idle' | 'terminated' }
  | { readonly name: 'proceeding'; readonly handle: ServerTransaction; readonly last: Buffer }
  | { readonly name: 'accepted' | 'confirmed'; readonly timer: NodeJS.Timeout }
  | { readonly name: 'completed'; readonly response: Buffer; readonly retransmission: Retransmission }

export class InviteServerTransaction implements ServerMachine {
  readonly #side: ServerSide
  #state: State = { name: 'idle' }

  constructor(side: ServerSide) {
    this.#side = side
  }

  /** Sends the 100 at once (RFC 3261 17.2.1), which stops the caller's retransmissions. `handle` is what the user answers with. */
  start(handle: ServerTransaction, trying: SipResponse): void {
    const last = serializeMessage(trying)
    this.#state = { name: 'proceeding', handle, last }
    this.#side.send(last)
  }

  get phase(): ServerTransaction['state'] {
    const { name } = this.#state
    if (name === 'idle' || name === 'proceeding') return 'proceeding'
    return name === 'terminated' ? 'terminated' : 'completed'
  }

  /** The transaction while it has no final response: what a CANCEL may cancel. */
  get pending(): ServerTransaction | null {
    return this.#state.name === 'proceeding' ? this.#state.handle : null
  }

  requestAgain(): void {
    if (this.#state.name === 'proceeding') this.#sendAgain(this.#state.last)
    else if (this.#state.name === 'completed') this.#sendAgain(this.#state.response)
  }

  respond(response: SipResponse): boolean {
    if (this.#state.name !== 'proceeding') return false
    const bytes = serializeMessage(response)
    if (response.status < 200) this.#state = { name: 'proceeding', handle: this.#state.handle, last: bytes }
    else if (response.status < 300) this.#state = { name: 'accepted', timer: this.#lingering(lifetimeMs(this.#side.timers)) }
    else this.#state = { name: 'completed', response: bytes, retransmission: this.#repeatUntilAck(bytes) }
    this.#side.send(bytes)
    return true
  }

  /** An ACK with this transaction's branch. `true` when it is not for us: it acknowledges a 2xx (RFC 6026 7.1). */
  ack(): boolean {
    const state = this.#state
    if (state.name === 'completed') {
      state.retransmission.stop()
      if (this.#side.reliable) this.#end()
      else this.#state = { name: 'confirmed', timer: this.#lingering(this.#side.timers.t4Ms) }
    }
    return state.name === 'accepted'
  }

  stop(): void {
    const state = this.#state
    if (state.name === 'completed') state.retransmission.stop()
    else if (state.name === 'accepted' || state.name === 'confirmed') clearTimeout(state.timer)
    this.#state = { name: 'terminated' }
  }

  #sendAgain(bytes: Buffer): void {
    this.#side.counters.retransmissionsSent++
    this.#side.send(bytes)
  }

  /** Timers G and H: H runs over TCP too. */
  #repeatUntilAck(bytes: Buffer): Retransmission {
    const { timers, reliable, counters } = this.#side
    return new Retransmission(
      { reliable, firstMs: timers.t1Ms, capMs: timers.t2Ms, giveUpMs: lifetimeMs(timers) },
      () => this.#sendAgain(bytes),
      () => {
        counters.timeouts++
        this.#end()
      },
    )
  }

  /** Timers I and L. */
  #lingering(forMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#end(), forMs)
  }

  #end(): void {
    this.#state = { name: 'terminated' }
    this.#side.ended()
  }
}

/**
 * The non-INVITE client transaction (RFC 3261 section 17.1.2). Owns its state and that state's timer.
 *
 *   request ──▶ trying (E repeats; after a 1xx every T2) ── 200-699 ──▶ completed (absorbs repetitions) ── K ──▶ terminated
 *                  └── F or a transport error: tell the user ───────────────────────────────────────────────────▲
 */
import type { HopAddress, SipRequest, SipResponse } from '../../message/message.ts'
import { serializeMessage } from '../../message/serialize.ts'
import type { ClientMachine, ClientSide } from './client-side.ts'
import { Retransmission } from './retransmission.ts'
import { lifetimeMs } from './sip-timers.ts'
import type { ClientTransactionUser } from './transaction-layer.ts'

type State =
  | { readonly name: 'idle' | 'terminated' }
  | { readonly name: 'trying'; readonly retransmission: Retransmission }
  | { readonly name: 'completed'; readonly timer: NodeJS.Timeout }

export class NonInviteClientTransaction implements ClientMachine {
  readonly #side: ClientSide
  readonly #user: ClientTransactionUser
  #state: State = { name: 'idle' }

  constructor(side: ClientSide, user: ClientTransactionUser) {
    this.#side = side
    this.#user = user
  }

  get id(): string {
    return this.#side.id
  }

  get request(): SipRequest {
    return this.#side.request
  }

  get destination(): HopAddress {
    return this.#side.destination
  }

  get local(): HopAddress {
    return this.#side.local
  }

  start(): void {
    const { request, timers, reliable, counters } = this.#side
    const bytes = serializeMessage(request)
    const retransmission = new Retransmission(
      { reliable, firstMs: timers.t1Ms, capMs: timers.t2Ms, giveUpMs: lifetimeMs(timers) },
      () => {
        counters.retransmissionsSent++
        this.#send(bytes)
      },
      () => this.#fail('timeout', `no final response within ${lifetimeMs(timers)} ms`),
    )
    this.#state = { name: 'trying', retransmission }
    this.#send(bytes)
  }

  receive(response: SipResponse): void {
    const state = this.#state
    if (state.name === 'trying') {
      if (response.status < 200) state.retransmission.slowDown()
      else this.#complete()
      this.#user.onResponse(response, this)
    } else if (state.name === 'completed') this.#side.counters.retransmissionsReceived++
  }

  /** Only an INVITE can be cancelled (RFC 3261 9.1). */
  cancel(): void {}

  abandon(): void {
    this.stop()
    this.#side.ended()
  }

  stop(): void {
    const state = this.#state
    if (state.name === 'trying') state.retransmission.stop()
    else if (state.name === 'completed') clearTimeout(state.timer)
    this.#state = { name: 'terminated' }
  }

  #complete(): void {
    if (this.#side.reliable) {
      this.abandon()
      return
    }
    this.stop()
    this.#state = { name: 'completed', timer: setTimeout(() => this.abandon(), this.#side.timers.t4Ms) }
  }

  #send(bytes: Buffer): void {
    this.#side.send(bytes, error => {
      if (this.#state.name === 'trying') this.#fail('transport', error.message)
    })
  }

  #fail(failure: 'timeout' | 'transport', detail: string): void {
    if (failure === 'timeout') this.#side.counters.timeouts++
    this.abandon()
    this.#user.onFailure(failure, detail, this)
  }
}

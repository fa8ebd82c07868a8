/**
 * The INVITE client transaction (RFC 3261 section 17.1.1 with RFC 6026 section 7.2). Owns its state and that state's timer.
 *
 *   INVITE ──▶ calling (A repeats) ── 1xx ──▶ proceeding ── 300-699 ──▶ completed (ACKs each repetition) ── D ──▶ terminated
 *                │    └───────────── 300-699, send ACK ────────┼─────────▲                                            ▲
 *                │                                             └── 2xx ──▶ accepted (passes each 2xx) ── M ───────────┤
 *                └── B or a transport error: tell the user ────────────────────────────────────────────────────────────┘
 *
 * A CANCEL wished for in `calling` is sent in `proceeding` (9.1); 64 × T1 after it, without a final response, the user hears of a timeout.
 */
import type { HeaderField, HopAddress, SipRequest, SipResponse } from '../../message/message.ts'
import { serializeMessage } from '../../message/serialize.ts'
import type { ClientMachine, ClientSide } from './client-side.ts'
import { ackFor } from './hop-requests.ts'
import { Retransmission } from './retransmission.ts'
import { lifetimeMs } from './sip-timers.ts'
import type { ClientTransactionUser } from './transaction-layer.ts'

type State =
  | { readonly name: 'idle' | 'terminated' }
  | { readonly name: 'calling'; readonly retransmission: Retransmission; readonly cancel: readonly HeaderField[] | null }
  | { readonly name: 'proceeding'; readonly giveUp: NodeJS.Timeout | null }
  | { readonly name: 'accepted'; readonly timer: NodeJS.Timeout }
  | { readonly name: 'completed'; readonly ack: Buffer; readonly timer: NodeJS.Timeout }

export class InviteClientTransaction implements ClientMachine {
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
      { reliable, firstMs: timers.t1Ms, capMs: Number.POSITIVE_INFINITY, giveUpMs: lifetimeMs(timers) },
      () => {
        counters.retransmissionsSent++
        this.#send(bytes)
      },
      () => this.#fail('timeout', `no response within ${lifetimeMs(timers)} ms`),
    )
    this.#state = { name: 'calling', retransmission, cancel: null }
    this.#send(bytes)
  }

  receive(response: SipResponse): void {
    const state = this.#state
    if (state.name === 'calling' || state.name === 'proceeding') {
      if (response.status < 200) this.#proceed()
      else if (response.status < 300) this.#accept()
      else this.#complete(response)
      this.#user.onResponse(response, this)
    } else if (state.name === 'accepted') {
      if (response.status >= 200 && response.status < 300) this.#user.onResponse(response, this)
    } else if (state.name === 'completed' && response.status >= 300) {
      this.#side.counters.retransmissionsReceived++
      this.#side.counters.retransmissionsSent++
      this.#send(state.ack)
    }
  }

  cancel(extraHeaders: readonly HeaderField[]): void {
    const state = this.#state
    if (state.name === 'calling') this.#state = { ...state, cancel: state.cancel ?? extraHeaders }
    else if (state.name === 'proceeding' && state.giveUp === null) this.#sendCancel(extraHeaders)
  }

  abandon(): void {
    this.stop()
    this.#side.ended()
  }

  stop(): void {
    this.#leave()
    this.#state = { name: 'terminated' }
  }

  #proceed(): void {
    if (this.#state.name !== 'calling') return
    const { cancel } = this.#state
    this.#leave()
    this.#state = { name: 'proceeding', giveUp: null }
    if (cancel !== null) this.#sendCancel(cancel)
  }

  #accept(): void {
    this.#leave()
    this.#state = { name: 'accepted', timer: this.#lingering() }
  }

  #complete(response: SipResponse): void {
    this.#leave()
    const ack = serializeMessage(ackFor(this.#side.request, response))
    this.#send(ack)
    if (this.#side.reliable) {
      this.#state = { name: 'terminated' }
      this.#side.ended()
    } else this.#state = { name: 'completed', ack, timer: this.#lingering() }
  }

  #sendCancel(extraHeaders: readonly HeaderField[]): void {
    const giveUpMs = lifetimeMs(this.#side.timers)
    const giveUp = setTimeout(() => this.#fail('timeout', `no final response within ${giveUpMs} ms of CANCEL`), giveUpMs)
    this.#state = { name: 'proceeding', giveUp }
    this.#side.sendCancel(extraHeaders)
  }

  #send(bytes: Buffer): void {
    this.#side.send(bytes, error => {
      // Once anything has answered, a failure to send concerns a repetition or an ACK, and the far end repeats what it misses.
      if (this.#state.name === 'calling') this.#fail('transport', error.message)
    })
  }

  #fail(failure: 'timeout' | 'transport', detail: string): void {
    if (failure === 'timeout') this.#side.counters.timeouts++
    this.abandon()
    this.#user.onFailure(failure, detail, this)
  }

  /** Timers D and M. */
  #lingering(): NodeJS.Timeout {
    return setTimeout(() => this.abandon(), lifetimeMs(this.#side.timers))
  }

  #leave(): void {
    const state = this.#state
    if (state.name === 'calling') state.retransmission.stop()
    else if (state.name === 'proceeding') clearTimeout(state.giveUp ?? undefined)
    else if (state.name === 'accepted' || state.name === 'completed') clearTimeout(state.timer)
  }
}

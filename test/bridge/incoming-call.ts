/**
 * The callee's side of one call.
 *
 *   offered ──ring()──▶ ringing ──answer()──▶ answered ──BYE──▶ over
 *      └──────────────────┴──reject(), CANCEL───────────────────▲
 *
 * An INVITE that comes again is the same call, whichever way it came: a bridge that was killed and sees it for the first time sends
 * it on a second time. (A phone that is strict would refuse that one with 482, RFC 3261 section 8.2.2.2, and the call would fail.)
 */
import { headerValue } from '../../src/sip/message/headers.ts'
import type { HopAddress, SipRequest } from '../../src/sip/message/message.ts'
import { Retransmission } from './retransmission.ts'
import { responseText, sdp } from './sip-text.ts'

export class IncomingCall {
  readonly callId: string
  /** The user part of the request URI. */
  readonly called: string
  /** Resolves when the caller has hung up or given up, or the call was rejected. */
  readonly over: Promise<void>
  #invite: SipRequest
  readonly #here: string
  readonly #send: (text: string, to: HopAddress) => void
  /** Header lines of the response to the BYE. */
  lastWords: readonly string[] = []
  #status = 100
  #headers: readonly string[] = []
  #final: Retransmission | null = null
  #end: () => void = () => {}

  constructor(invite: SipRequest, here: string, send: (text: string, to: HopAddress) => void) {
    this.callId = headerValue(invite, 'Call-ID') ?? ''
    this.called = /^sip:([^@]*)@/.exec(invite.uri)?.[1] ?? ''
    this.#invite = invite
    this.#here = here
    this.#send = send
    this.over = new Promise(resolve => {
      this.#end = resolve
    })
  }

  ring(): void {
    if (this.#status >= 180) return
    this.#status = 180
    this.#say()
  }

  /** With further header lines in the 200. */
  answer(headers: readonly string[] = []): void {
    this.#headers = headers
    this.#finish(200)
  }

  reject(status: number): void {
    this.#finish(status)
  }

  onRequest(request: SipRequest): void {
    switch (request.method) {
      case 'INVITE':
        this.#invite = request
        if (this.#status > 100) this.#say()
        return
      case 'ACK':
        this.#final?.stop()
        if (this.#status >= 300) this.#end()
        return
      case 'CANCEL':
        this.#reply(request)
        if (this.#status < 200) this.#finish(487)
        return
      case 'BYE':
        this.#reply(request, this.lastWords)
        this.abandon()
        return
      default:
        this.#reply(request)
    }
  }

  /** Says nothing more. */
  abandon(): void {
    this.#final?.stop()
    this.#end()
  }

  /** Repeated until it is acknowledged, since a proxy need not (RFC 3261 sections 13.3.1.4 and 17.2.1). */
  #finish(status: number): void {
    if (this.#status >= 200) return
    this.#status = status
    this.#final = new Retransmission(
      () => this.#say(),
      () => this.abandon(),
    )
  }

  #say(): void {
    const request = this.#invite
    const body = this.#status === 200 ? sdp(this.#here) : ''
    const headers = this.#status === 200 ? this.#headers : []
    const { text, to } = responseText({ request, status: this.#status, toTag: this.#toTag, contact: this.#here, headers, body })
    this.#send(text, to)
  }

  #reply(request: SipRequest, headers: readonly string[] = []): void {
    const { text, to } = responseText({ request, status: 200, toTag: this.#toTag, headers })
    this.#send(text, to)
  }

  get #toTag(): string {
    return `callee-${this.#here.replace(/[^0-9]/g, '-')}`
  }
}

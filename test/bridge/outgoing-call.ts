/**
 * The caller's side of one call.
 *
 *   calling ──1xx──▶ proceeding ──2xx──▶ talking ──BYE──▶ over
 *      └──────────────────┴──final, CANCEL──────────────────▲
 *
 * Statuses that a promise answers are those of the final response; 0 when none came and the phone gave up.
 */
import { headerValue, headerValues } from '../../src/sip/message/headers.ts'
import type { SipResponse } from '../../src/sip/message/message.ts'
import { Retransmission } from './retransmission.ts'
import { requestText, sdp, tagFrom, toTagOf, uriIn } from './sip-text.ts'

export interface OutgoingOptions {
  readonly callId: string
  readonly from: string
  readonly to: string
  readonly via: { readonly address: string; readonly port: number }
  readonly here: string
  readonly headers?: readonly string[]
  readonly send: (text: string) => void
}

/** When the caller saw what, epoch ms; `null` while it has not. */
export interface Sightings {
  readonly firstResponseAt: number | null
  readonly rangAt: number | null
  readonly finalAt: number | null
  readonly hungUpAt: number | null
}

/** What a request of this call says besides who calls whom. */
interface Within {
  readonly uri: string
  readonly branch: string
  readonly seq: number
  readonly headers?: readonly string[]
  readonly body?: string
  readonly toTag?: string
}

/** RFC 3261 section 9.1 says 64*T1. */
const finalDueMs = 2_000

export class OutgoingCall {
  readonly callId: string
  /** The final status of the INVITE. */
  readonly final: Promise<number>
  seen: Sightings = { firstResponseAt: null, rangAt: null, finalAt: null, hungUpAt: null }
  readonly #options: OutgoingOptions
  readonly #invite: Retransmission
  readonly #heard: Promise<void>
  #onHeard: () => void = () => {}
  #onFinal: (status: number) => void = () => {}
  #seq = 1
  /** The request that waits for its answer beside the INVITE: CANCEL, INFO or BYE. */
  #other: { readonly method: string; readonly sending: Retransmission; readonly done: (status: number) => void } | null = null
  #patience: NodeJS.Timeout | null = null
  #dialog: { readonly target: string; readonly routes: readonly string[]; readonly toTag: string } | null = null

  constructor(options: OutgoingOptions) {
    this.callId = options.callId
    this.#options = options
    this.final = new Promise(resolve => {
      this.#onFinal = resolve
    })
    this.#heard = new Promise(resolve => {
      this.#onHeard = resolve
    })
    const body = sdp(options.here)
    const text = this.#text('INVITE', {
      uri: this.#uri,
      branch: this.#branch,
      seq: 1,
      headers: options.headers ?? [],
      body,
      toTag: '',
    })
    this.#invite = new Retransmission(
      () => options.send(text),
      () => this.#settle(0),
    )
  }

  /** Asks the callee to stop ringing, as soon as the call got somewhere; answers the final status of the INVITE. */
  async cancel(): Promise<number> {
    await Promise.race([this.#heard, this.final])
    if (this.seen.finalAt !== null) return await this.final
    const status = await this.#request('CANCEL', { uri: this.#uri, branch: this.#branch, seq: 1 })
    // Not 200: nobody knows the call any more. Else its final response is due; but it, too, may be lost (RFC 3261 section 9.1).
    this.#patience = setTimeout(() => this.#settle(0), status === 200 ? finalDueMs : 0)
    return await this.final
  }

  /** Hangs up, with further header lines; answers the status of the BYE. */
  async hangUp(headers: readonly string[] = []): Promise<number> {
    const status = await this.#within('BYE', headers)
    if (status === 200) this.seen = { ...this.seen, hungUpAt: Date.now() }
    return status
  }

  /** Says something in the middle of the call, in header lines; answers the status of the INFO. */
  async inform(headers: readonly string[]): Promise<number> {
    return await this.#within('INFO', headers)
  }

  async #within(method: string, headers: readonly string[]): Promise<number> {
    const dialog = this.#dialog
    if (dialog === null) throw new Error(`only an answered call has a ${method}`)
    this.#seq += 1
    const routes = dialog.routes.map(route => `Route: ${route}`)
    const branch = `${this.#branch}b${this.#seq}`
    return await this.#request(method, { uri: dialog.target, branch, seq: this.#seq, headers: [...routes, ...headers] })
  }

  /** Whether the response belongs to this call. */
  onResponse(response: SipResponse): boolean {
    const [, method] = (headerValue(response, 'CSeq') ?? '').split(' ')
    if (method !== 'INVITE') {
      if (this.#other?.method !== method) return false
      if (response.status >= 200) this.#endOther(response.status)
      return true
    }
    const now = Date.now()
    this.#onHeard()
    this.seen = { ...this.seen, firstResponseAt: this.seen.firstResponseAt ?? now }
    if (response.status === 180) this.seen = { ...this.seen, rangAt: this.seen.rangAt ?? now }
    if (response.status >= 200) {
      if (this.seen.finalAt === null) this.seen = { ...this.seen, finalAt: now }
      this.#acknowledge(response)
      this.#settle(response.status)
    } else this.#invite.stop()
    return true
  }

  /** Says nothing more. */
  abandon(): void {
    this.#settle(0)
    this.#endOther(0)
  }

  #settle(status: number): void {
    if (this.#patience !== null) clearTimeout(this.#patience)
    this.#invite.stop()
    this.#onFinal(status)
  }

  #acknowledge(response: SipResponse): void {
    const toTag = toTagOf(response) ?? ''
    if (response.status >= 300) {
      this.#options.send(this.#text('ACK', { uri: this.#uri, branch: this.#branch, seq: 1, toTag }))
      return
    }
    const routes = headerValues(response, 'Record-Route').reverse()
    this.#dialog ??= { target: uriIn(headerValue(response, 'Contact')) ?? this.#uri, routes, toTag }
    const { target } = this.#dialog
    const headers = this.#dialog.routes.map(route => `Route: ${route}`)
    this.#options.send(this.#text('ACK', { uri: target, branch: `${this.#branch}a`, seq: 1, headers }))
  }

  #request(method: string, fields: Within): Promise<number> {
    const text = this.#text(method, fields)
    return new Promise(done => {
      const sending = new Retransmission(
        () => this.#options.send(text),
        () => this.#endOther(0),
      )
      this.#other = { method, sending, done }
    })
  }

  #endOther(status: number): void {
    this.#other?.sending.stop()
    this.#other?.done(status)
    this.#other = null
  }

  #text(method: string, { toTag = this.#dialog?.toTag ?? '', ...fields }: Within): string {
    const { callId, from, to, here, via } = this.#options
    return requestText({
      method,
      here,
      callId,
      from: `<sip:${from}@${here}>;tag=${tagFrom(callId)}`,
      to: `<sip:${to}@${via.address}:${via.port}>${toTag === '' ? '' : `;tag=${toTag}`}`,
      ...fields,
    })
  }

  get #uri(): string {
    const { to, via } = this.#options
    return `sip:${to}@${via.address}:${via.port}`
  }

  get #branch(): string {
    return `z9hG4bK-${tagFrom(this.#options.callId)}`
  }
}

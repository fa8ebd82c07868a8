/**
 * A telephone on a UDP port: a small honest SIP user agent (RFC 3261) that repeats itself until it is answered, keeps to the route
 * that it was given, and so gets through to a bridge that was away for a moment.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { headerValue } from '../../src/sip/message/headers.ts'
import type { HopAddress, SipMessage, SipRequest } from '../../src/sip/message/message.ts'
import { parseMessage } from '../../src/sip/message/parse.ts'
import { IncomingCall } from './incoming-call.ts'
import { OutgoingCall } from './outgoing-call.ts'
import { requestText, responseText, tagFrom } from './sip-text.ts'

export interface Dialling {
  readonly callId: string
  readonly from: string
  readonly to: string
  /** Where the bridge listens. */
  readonly via: HopAddress
  /** Further header lines. */
  readonly headers?: readonly string[]
}

export class Phone {
  /** Messages that belong to no call of this phone. */
  readonly strays: SipMessage[] = []
  readonly host: string
  readonly port: number
  readonly #socket: Socket
  readonly #onCall: (call: IncomingCall) => void
  readonly #outgoing = new Map<string, OutgoingCall>()
  readonly #incoming = new Map<string, IncomingCall>()

  private constructor(host: string, socket: Socket, onCall: (call: IncomingCall) => void) {
    this.host = host
    this.port = socket.address().port
    this.#socket = socket
    this.#onCall = onCall
    socket.on('message', bytes => this.#receive(bytes))
  }

  /** Opens a free port at `host`; `onCall` is told of each new call. */
  static async open(host: string, onCall: (call: IncomingCall) => void = () => {}): Promise<Phone> {
    const socket = createSocket('udp4')
    socket.bind(0, host)
    await once(socket, 'listening')
    return new Phone(host, socket, onCall)
  }

  call(dialling: Dialling): OutgoingCall {
    const call = new OutgoingCall({ ...dialling, here: this.#here, send: text => this.send(text, dialling.via) })
    this.#outgoing.set(dialling.callId, call)
    return call
  }

  /** The call that came in with this Call-ID, if it has. */
  incoming(callId: string): IncomingCall | null {
    return this.#incoming.get(callId) ?? null
  }

  /** Calls, waits for the answer and hangs up; answers the final status of the INVITE. */
  async callAndHangUp(dialling: Dialling): Promise<number> {
    const call = this.call(dialling)
    const status = await call.final
    if (status === 200) await call.hangUp()
    return status
  }

  /** Sends a request that belongs to no call of this phone, once; its answer is among the strays. */
  request(method: string, dialling: Dialling & { readonly toTag?: string }): void {
    const { callId, from, to, via, toTag, headers = [] } = dialling
    const uri = `sip:${to}@${via.address}:${via.port}`
    const toWhom = toTag === undefined ? `<${uri}>` : `<${uri}>;tag=${toTag}`
    const fields = { from: `<sip:${from}@${this.#here}>;tag=${tagFrom(callId)}`, to: toWhom, callId, seq: 1 }
    this.send(requestText({ method, uri, here: this.#here, branch: `z9hG4bK-${tagFrom(callId)}`, ...fields, headers }), via)
  }

  send(content: string | Buffer, to: HopAddress): void {
    this.#socket.send(content, to.port, to.address, () => {}) // like any network it may lose what it is given
  }

  close(): void {
    for (const call of [...this.#outgoing.values(), ...this.#incoming.values()]) call.abandon()
    this.#socket.close()
  }

  get #here(): string {
    return `${this.host}:${this.port}`
  }

  #receive(bytes: Buffer): void {
    const parsed = parseMessage(bytes)
    if (!parsed.ok) throw new Error(`the bridge sent what is no SIP message (${parsed.reason}): ${bytes}`)
    const { message } = parsed
    const callId = headerValue(message, 'Call-ID') ?? ''
    if (message.kind === 'request') this.#onRequest(message, callId)
    else if (this.#outgoing.get(callId)?.onResponse(message) !== true) this.strays.push(message)
  }

  #onRequest(request: SipRequest, callId: string): void {
    const known = this.#incoming.get(callId)
    const answer = (text: string, to: HopAddress): void => this.send(text, to)
    if (known !== undefined) known.onRequest(request)
    else if (request.method === 'INVITE') {
      const call = new IncomingCall(request, this.#here, answer)
      this.#incoming.set(callId, call)
      this.#onCall(call)
    } else {
      this.strays.push(request)
      const { text, to } = responseText({ request, status: 481, toTag: 'stray' })
      if (request.method !== 'ACK') answer(text, to)
    }
  }
}

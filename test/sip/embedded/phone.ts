/** A SIP user agent that a test scripts, on UDP of 127.0.0.1 unless told otherwise: it keeps route sets and tags like a real one, and does nothing on its own. */
import { vi } from 'vitest'
import { responseTo } from '../../../src/sip/embedded/responses.ts'
import { firstValue, headerValue, headerValues } from '../../../src/sip/message/headers.ts'
import type { HopAddress, SipMessage, SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { parseNameAddr } from '../../../src/sip/message/name-addr.ts'
import { serializeMessage } from '../../../src/sip/message/serialize.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import { parseVia } from '../../../src/sip/message/via.ts'
import { hostPortOf, type StreamPeer, uriAt } from './stream-peers.ts'
import { type Peer, udpPeer } from './transaction-peers.ts'

export const SDP =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv\r\n'

let serial = 0

export interface Parts {
  readonly headers?: readonly { readonly name: string; readonly value: string }[]
  readonly body?: string
  /** Send this CSeq number instead of the next one. */
  readonly seq?: number
  readonly branch?: string
  /** Answer with this To tag instead of the call's own. */
  readonly tag?: string
  readonly maxForwards?: number
  /** Send along this Route value, and with this To tag, instead of the dialog's. */
  readonly route?: string
  readonly toTag?: string
}

export interface Phone extends Peer {
  /** Sends an INVITE through a server and returns its side of the call. */
  call(uri: string, through: HopAddress, parts?: Parts): Call
  /** The next INVITE (or other request) that came and no one took yet. */
  incoming(method?: string): Promise<IncomingRequest>
}

/** One side of a call. */
export interface Call {
  readonly callId: string
  readonly got: readonly SipMessage[]
  /** Sends a request in the dialog (or again the first one's CANCEL). */
  send(method: string, parts?: Parts): SipRequest
  cancel(parts?: Parts): void
  /** The first response of that status to that method, once it has come. */
  response(status: number, method?: string): Promise<SipResponse>
  responses(status: number, method?: string): SipResponse[]
  /** The request of the far end, once it has come. */
  request(method: string): Promise<IncomingRequest>
}

export interface IncomingRequest extends Call {
  readonly message: SipRequest
  respond(status: number, parts?: Parts): void
}

/** A phone on an ephemeral port, or at the peer given. */
export async function startPhone(name: string, at?: Peer | StreamPeer): Promise<Phone> {
  const stream = at !== undefined && 'reply' in at ? at : null
  const peer: Peer = at ?? (await udpPeer(null))
  /** Requests that the test has seen, by their transaction: a retransmission is not another request. */
  const taken = new Set<string>()
  const contact = `<${uriAt(name, peer.address)}>`
  const protocol = peer.address.transport.toUpperCase()

  function begin(
    callId: string,
    local: string,
    remote: () => string,
    target: () => string,
    routes: () => readonly string[],
    first: number,
  ): Call {
    let seq = first
    let invite: SipRequest | null = null
    let through: HopAddress | null = null
    const ofCall = (message: SipMessage): boolean => headerValue(message, 'Call-ID') === callId
    const call: Call & { start(uri: string, hop: HopAddress, parts: Parts): void } = {
      callId,
      get got() {
        return peer.got.filter(ofCall)
      },
      start(uri, hop, parts) {
        through = hop
        invite = build('INVITE', uri, [], seq, parts)
        peer.send(serializeMessage(invite), hop)
      },
      send(method, parts = {}) {
        if (method !== 'ACK') seq++
        const route = parts.route === undefined ? routes() : [parts.route]
        const request = build(method, target(), route, parts.seq ?? seq, parts)
        peer.send(serializeMessage(request), hopOf(route[0] ?? `<${target()}>`))
        return request
      },
      cancel(parts = {}) {
        if (invite === null || through === null) throw new Error('there is no INVITE to cancel')
        const branch = /branch=([^;]+)/.exec(firstValue(invite, 'Via') ?? '')?.[1] ?? ''
        peer.send(serializeMessage(build('CANCEL', invite.uri, [], seq, { ...parts, branch })), through)
      },
      responses: (status, method = 'INVITE') =>
        call.got.filter(
          (message): message is SipResponse =>
            message.kind === 'response' && message.status === status && (headerValue(message, 'CSeq') ?? '').endsWith(method),
        ),
      response: (status, method = 'INVITE') =>
        vi.waitFor(
          () => {
            const [response] = call.responses(status, method)
            if (response === undefined) throw new Error(`${name} got no ${status} to ${method}: ${call.got.map(kind).join(' ')}`)
            return response
          },
          { timeout: 4_000, interval: 2 },
        ),
      request: method => next(method, callId),
    }
    const build = (method: string, uri: string, route: readonly string[], cseq: number, parts: Parts): SipRequest => ({
      kind: 'request',
      method,
      uri,
      headers: [
        {
          name: 'Via',
          value: `SIP/2.0/${protocol} ${hostPortOf(peer.address)};branch=${parts.branch ?? `z9hG4bK${name}${++serial}`};rport`,
        },
        ...route.map(value => ({ name: 'Route', value })),
        { name: 'Max-Forwards', value: String(parts.maxForwards ?? 70) },
        { name: 'From', value: local },
        { name: 'To', value: toOf(method, parts) },
        { name: 'Call-ID', value: callId },
        { name: 'CSeq', value: `${cseq} ${method}` },
        { name: 'Contact', value: contact },
        ...(parts.headers ?? []),
        ...(parts.body === undefined ? [] : [{ name: 'Content-Type', value: 'application/sdp' }]),
      ],
      body: Buffer.from(parts.body ?? ''),
    })
    const toOf = (method: string, { toTag }: Parts): string => {
      const to = remote()
      if (method === 'CANCEL' || toTag !== undefined)
        return `${to.replace(/;tag=.*/, '')}${toTag === undefined ? '' : `;tag=${toTag}`}`
      return to
    }
    starts.set(call, (uri, hop, parts) => call.start(uri, hop, parts))
    return call
  }

  function next(method: string, callId: string | null): Promise<IncomingRequest> {
    return vi.waitFor(
      () => {
        const message = peer.got.find(
          (candidate): candidate is SipRequest =>
            candidate.kind === 'request' &&
            candidate.method === method &&
            !taken.has(transactionOf(candidate)) &&
            (callId === null || headerValue(candidate, 'Call-ID') === callId),
        )
        if (message === undefined) throw new Error(`${name} got no ${method}: ${peer.got.map(kind).join(' ')}`)
        taken.add(transactionOf(message))
        return receive(message)
      },
      { timeout: 4_000, interval: 2 },
    )
  }

  function receive(message: SipRequest): IncomingRequest {
    const tag = `${name}-${++serial}`
    const to = headerValue(message, 'To') ?? ''
    const call = begin(
      headerValue(message, 'Call-ID') ?? '',
      to.includes('tag=') ? to : `${to};tag=${tag}`,
      () => headerValue(message, 'From') ?? '',
      () => targetOf(message),
      () => headerValues(message, 'Record-Route'),
      100,
    )
    const { got: _got, ...rest } = call
    return {
      ...rest,
      get got() {
        return call.got
      },
      message,
      respond(status, parts = {}) {
        const headers = [...(parts.headers ?? [])]
        if (!headers.some(({ name: given }) => given === 'Contact')) headers.push({ name: 'Contact', value: contact })
        if (parts.body !== undefined) headers.push({ name: 'Content-Type', value: 'application/sdp' })
        const response = responseTo(message, status, { toTag: parts.tag ?? tag, headers, body: Buffer.from(parts.body ?? '') })
        if (stream !== null) stream.reply(message, serializeMessage(response))
        else peer.send(serializeMessage(response), hopOfVia(message))
      },
    }
  }

  return {
    ...peer,
    call(uri, through, parts = {}) {
      const answer = (): SipMessage | undefined => call.got.filter(message => isAnswer(message)).at(-1)
      const to = `<${uri}>`
      const call = begin(
        `${name}-call-${++serial}`,
        `<sip:${name}@127.0.0.1>;tag=${name}-${serial}`,
        () => headerValue(answer() ?? NOTHING, 'To') ?? to,
        () => targetOf(answer() ?? NOTHING) || uri,
        // The route set is fixed by the first answer; later ones only move the target (RFC 3261 12.2).
        () => headerValues(call.responses(200, '1 INVITE')[0] ?? answer() ?? NOTHING, 'Record-Route').reverse(),
        1,
      )
      starts.get(call)?.(uri, through, parts)
      return call
    },
    incoming: (method = 'INVITE') => next(method, null),
  }
}

const starts = new WeakMap<Call, (uri: string, hop: HopAddress, parts: Parts) => void>()
const NOTHING: SipMessage = { kind: 'response', status: 100, reason: '', headers: [], body: Buffer.alloc(0) }

const kind = (message: SipMessage): string => (message.kind === 'request' ? message.method : String(message.status))

const transactionOf = (message: SipRequest): string => `${message.method} ${firstValue(message, 'Via')}`

const isAnswer = (message: SipMessage): boolean =>
  message.kind === 'response' &&
  message.status > 100 &&
  message.status < 300 &&
  (headerValue(message, 'CSeq') ?? '').endsWith('INVITE')

const targetOf = (message: SipMessage): string => parseNameAddr(firstValue(message, 'Contact') ?? '')?.uri ?? ''

function hopOf(nameAddr: string): HopAddress {
  const uri = parseUri(parseNameAddr(nameAddr)?.uri ?? '')
  const wanted = uri?.params.get('transport')
  const transport = uri?.scheme === 'sips' || wanted === 'tls' ? 'tls' : wanted === 'tcp' ? 'tcp' : 'udp'
  return { transport, address: uri?.host ?? '127.0.0.1', port: uri?.port ?? 5060 }
}

function hopOfVia(message: SipRequest): HopAddress {
  const via = parseVia(firstValue(message, 'Via') ?? '')
  return { transport: 'udp', address: via?.host ?? '127.0.0.1', port: via?.port ?? 5060 }
}

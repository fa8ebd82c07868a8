/** SIP messages as text, as a telephone writes them. */
import { headerValue, headerValues } from '../../src/sip/message/headers.ts'
import type { HopAddress, SipMessage, SipRequest } from '../../src/sip/message/message.ts'
import { parseNameAddr, tagOf } from '../../src/sip/message/name-addr.ts'
import { parseVia } from '../../src/sip/message/via.ts'

export interface RequestFields {
  readonly method: string
  readonly uri: string
  /** `host:port` of the sender. */
  readonly here: string
  readonly branch: string
  readonly from: string
  readonly to: string
  readonly callId: string
  readonly seq: number
  readonly headers?: readonly string[]
  readonly body?: string
}

export function requestText({
  method,
  uri,
  here,
  branch,
  from,
  to,
  callId,
  seq,
  headers = [],
  body = '',
}: RequestFields): string {
  const lines = [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP ${here};branch=${branch};rport`,
    `From: ${from}`,
    `To: ${to}`,
    `Call-ID: ${callId}`,
    `CSeq: ${seq} ${method}`,
    `Contact: <sip:phone@${here}>`,
    'Max-Forwards: 70',
    ...headers,
  ]
  return withBody(lines, body)
}

export interface ResponseFields {
  readonly request: SipRequest
  readonly status: number
  readonly toTag: string
  /** `host:port` of the answering phone, where its Contact is needed. */
  readonly contact?: string
  readonly headers?: readonly string[]
  readonly body?: string
}

/** The response, and where RFC 3261 section 18.2.2 and RFC 3581 send it. */
export function responseText({ request, status, toTag, contact, headers = [], body = '' }: ResponseFields): {
  readonly text: string
  readonly to: HopAddress
} {
  const vias = headerValues(request, 'Via')
  const to = headerValue(request, 'To') ?? ''
  const lines = [
    `SIP/2.0 ${status} ${reasons.get(status) ?? 'Answer'}`,
    ...vias.map(via => `Via: ${via}`),
    ...(contact === undefined ? [] : headerValues(request, 'Record-Route').map(route => `Record-Route: ${route}`)),
    `From: ${headerValue(request, 'From')}`,
    `To: ${to}${tagOf(to) === null ? `;tag=${toTag}` : ''}`,
    `Call-ID: ${headerValue(request, 'Call-ID')}`,
    `CSeq: ${headerValue(request, 'CSeq')}`,
    ...(contact === undefined ? [] : [`Contact: <sip:phone@${contact}>`]),
    ...headers,
  ]
  return { text: withBody(lines, body), to: senderOf(vias[0] ?? '') }
}

const reasons: ReadonlyMap<number, string> = new Map([
  [180, 'Ringing'],
  [200, 'OK'],
  [481, 'Call/Transaction Does Not Exist'],
  [486, 'Busy Here'],
  [487, 'Request Terminated'],
])

/** A session of one audio stream. */
export function sdp(here: string): string {
  const [host] = here.split(':')
  const lines = ['v=0', `o=phone 1 1 IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0', 'm=audio 16000 RTP/AVP 0']
  return lines.map(line => `${line}\r\n`).join('')
}

/** A tag or branch for a call; it may hold less than a Call-ID (RFC 3261 section 25.1). */
export function tagFrom(callId: string): string {
  return callId.replace(/[^A-Za-z0-9.-]/g, '-')
}

/** The URI within a Contact or Route value. */
export function uriIn(value: string | null): string | null {
  return value === null ? null : (parseNameAddr(value)?.uri ?? null)
}

export function toTagOf(message: SipMessage): string | null {
  return tagOf(headerValue(message, 'To') ?? '')
}

function senderOf(topmostVia: string): HopAddress {
  const via = parseVia(topmostVia)
  if (via === null) throw new Error(`no Via to answer by: ${topmostVia}`)
  return {
    transport: 'udp',
    address: via.params.get('received') ?? via.host,
    port: Number(via.params.get('rport') || (via.port ?? 5060)),
  }
}

function withBody(lines: readonly string[], body: string): string {
  const type = body === '' ? [] : ['Content-Type: application/sdp']
  return `${[...lines, ...type, `Content-Length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`
}

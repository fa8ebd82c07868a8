/** From a captured packet to what the bridge makes of it: a SIP message with its two ends, or figures about a call's media. */
import { firstValue } from '../message/headers.ts'
import type { HopAddress, SipMessage } from '../message/message.ts'
import { type MalformedReason, parseMessage } from '../message/parse.ts'
import { parseVia } from '../message/via.ts'
import type { HepPacket } from './packet.ts'
import { RTCP_PAYLOAD, SIP_PAYLOAD } from './packet.ts'
import { parseRtcpReport, type RtcpReport } from './rtcp.ts'

/** A SIP message on its way from `source` to `destination`, seen at `at` (epoch ms with a fraction). */
export interface MirroredMessage {
  readonly at: number
  readonly source: HopAddress
  readonly destination: HopAddress
  readonly message: SipMessage
}

export interface MirroredRtcp {
  readonly at: number
  /** The media addresses between which the report went. */
  readonly source: HopAddress
  readonly destination: HopAddress
  /** The agent's correlation id: for Asterisk (uuid_type = call-id), rtpengine and heplify the Call-ID; `null` when there is none. */
  readonly callId: string | null
  readonly report: RtcpReport
}

export type Mirrored =
  | { readonly kind: 'sip'; readonly seen: MirroredMessage }
  | { readonly kind: 'rtcp'; readonly rtcp: MirroredRtcp }
  /** A payload of another kind (a log line, statistics): none of our business. */
  | { readonly kind: 'other' }
  /** CRLFs that keep a NAT binding or a connection alive, mirrored like everything else. */
  | { readonly kind: 'blank' }
  | { readonly kind: 'not-sip'; readonly reason: MalformedReason }
  | { readonly kind: 'not-rtcp' }

const UDP = 17

/** Reads the payload by its type. `at` is used as the moment: whoever calls knows whether the packet's own time can be trusted. */
export function readPayload(packet: HepPacket, at: number): Mirrored {
  switch (packet.payloadType) {
    case SIP_PAYLOAD:
      return readSip(packet, at)
    case RTCP_PAYLOAD:
      return readRtcp(packet, at)
    default:
      return { kind: 'other' }
  }
}

/** A SIP message captured between two addresses. */
export function mirroredMessage(at: number, source: HopAddress, destination: HopAddress, message: SipMessage): MirroredMessage {
  const transport = transportOf(source.transport, message)
  return { at, source: { ...source, transport }, destination: { ...destination, transport }, message }
}

function readSip(packet: HepPacket, at: number): Mirrored {
  const parsed = parseMessage(packet.payload)
  if (!parsed.ok) return parsed.reason === 'empty' ? { kind: 'blank' } : { kind: 'not-sip', reason: parsed.reason }
  const transport = packet.ipProtocol === UDP || packet.ipProtocol === 0 ? 'udp' : 'tcp'
  const seen = mirroredMessage(at, { transport, ...packet.source }, { transport, ...packet.destination }, parsed.message)
  return { kind: 'sip', seen }
}

function readRtcp(packet: HepPacket, at: number): Mirrored {
  const report = parseRtcpReport(packet.payload)
  if (report === null) return { kind: 'not-rtcp' }
  const transport = 'udp' as const
  const source: HopAddress = { transport, ...packet.source }
  const destination: HopAddress = { transport, ...packet.destination }
  return { kind: 'rtcp', rtcp: { at, source, destination, callId: packet.correlationId, report } }
}

/** A PBX mirrors what it decrypted: the protocol says TCP, and only the topmost Via that it was TLS (or a WebSocket within it). */
function transportOf(transport: HopAddress['transport'], message: SipMessage): HopAddress['transport'] {
  if (transport !== 'tcp') return transport
  const via = parseVia(firstValue(message, 'Via') ?? '')?.transport
  return via === 'TLS' || via === 'WSS' ? 'tls' : 'tcp'
}

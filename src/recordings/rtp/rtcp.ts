/**
 * RTCP compound packets (RFC 3550 6): what senders report, who they are, who leaves. Total: any bytes give a list or a reason; packets of
 * other types (APP, feedback, XR) are passed over.
 */

export interface ReportBlock {
  readonly ssrc: number
  /** 0 to 1, since the report before. */
  readonly fractionLost: number
  /** May be negative when packets were doubled. */
  readonly lost: number
  readonly highestSequence: number
  /** In units of the payload type's clock. */
  readonly jitter: number
}

export type RtcpPacket =
  | {
      readonly kind: 'sender-report'
      readonly ssrc: number
      /** The sender's own clock, ms since 1900 (RFC 5905). Only differences of one sender's times mean something. */
      readonly ntpMs: number
      /** The middle 32 bits of that time, as a receiver report returns them. */
      readonly ntpMiddle: number
      /** The RTP timestamp of the same instant. */
      readonly timestamp: number
      readonly packets: number
      readonly octets: number
      readonly blocks: readonly ReportBlock[]
    }
  | { readonly kind: 'receiver-report'; readonly ssrc: number; readonly blocks: readonly ReportBlock[] }
  | { readonly kind: 'description'; readonly cnames: ReadonlyMap<number, string> }
  | { readonly kind: 'bye'; readonly ssrcs: readonly number[]; readonly reason: string | null }

export type RtcpResult =
  | { readonly kind: 'compound'; readonly packets: readonly RtcpPacket[] }
  | { readonly kind: 'broken'; readonly reason: string }

export const rtcpTypes = { senderReport: 200, receiverReport: 201, description: 202, bye: 203 } as const

export function parseRtcp(bytes: Uint8Array): RtcpResult {
  const packets: RtcpPacket[] = []
  for (let start = 0; start < bytes.length; ) {
    if (bytes.length - start < 4) return broken('a packet ends within its header')
    const header = viewOf(bytes.subarray(start, start + 4))
    const first = header.getUint8(0)
    if (first >> 6 !== 2) return broken('the version is not 2')
    const end = start + 4 + header.getUint16(2) * 4
    if (end > bytes.length) return broken('a packet is longer than the datagram')
    // Padding is allowed at the end of the last packet only (RFC 3550 6.4.1); elsewhere it would hide what follows.
    const padding = (first & 0x20) === 0 ? 0 : (bytes[end - 1] ?? 0)
    if (padding > end - start - 4) return broken('the padding is longer than its packet')
    const packet = readPacket(header.getUint8(1), first & 0x1f, bytes.subarray(start + 4, end - padding))
    if (packet === 'broken') return broken('a packet is shorter than its counts say')
    if (packet !== null) packets.push(packet)
    start = end
  }
  return { kind: 'compound', packets }
}

function readPacket(type: number, count: number, body: Uint8Array): RtcpPacket | null | 'broken' {
  switch (type) {
    case rtcpTypes.senderReport:
      return senderReport(count, body)
    case rtcpTypes.receiverReport:
      return receiverReport(count, body)
    case rtcpTypes.description:
      return description(count, body)
    case rtcpTypes.bye:
      return bye(count, body)
    default:
      return null
  }
}

function senderReport(count: number, body: Uint8Array): RtcpPacket | 'broken' {
  if (body.length < 24 + count * 24) return 'broken'
  const view = viewOf(body)
  return {
    kind: 'sender-report',
    ssrc: view.getUint32(0),
    ntpMs: view.getUint32(4) * 1000 + (view.getUint32(8) * 1000) / 2 ** 32,
    ntpMiddle: view.getUint32(6),
    timestamp: view.getUint32(12),
    packets: view.getUint32(16),
    octets: view.getUint32(20),
    blocks: reportBlocks(view, 24, count),
  }
}

function receiverReport(count: number, body: Uint8Array): RtcpPacket | 'broken' {
  if (body.length < 4 + count * 24) return 'broken'
  const view = viewOf(body)
  return { kind: 'receiver-report', ssrc: view.getUint32(0), blocks: reportBlocks(view, 4, count) }
}

function reportBlocks(view: DataView, start: number, count: number): readonly ReportBlock[] {
  const blocks: ReportBlock[] = []
  for (let at = start, index = 0; index < count; index += 1, at += 24) {
    blocks.push({
      ssrc: view.getUint32(at),
      fractionLost: view.getUint8(at + 4) / 256,
      // A signed number of 24 bits.
      lost: (view.getInt32(at + 4) << 8) >> 8,
      highestSequence: view.getUint32(at + 8),
      jitter: view.getUint32(at + 12),
    })
  }
  return blocks
}

function description(count: number, body: Uint8Array): RtcpPacket | 'broken' {
  const cnames = new Map<number, string>()
  let at = 0
  for (let chunk = 0; chunk < count; chunk += 1) {
    if (at + 4 > body.length) return 'broken'
    const ssrc = viewOf(body).getUint32(at)
    at += 4
    for (;;) {
      const item = body[at]
      if (item === undefined) return 'broken'
      at += 1
      if (item === 0) break
      const length = body[at]
      if (length === undefined || at + 1 + length > body.length) return 'broken'
      if (item === 1) cnames.set(ssrc, text(body.subarray(at + 1, at + 1 + length)))
      at += 1 + length
    }
    // Each chunk ends on a boundary of 32 bits.
    at = Math.ceil(at / 4) * 4
  }
  return { kind: 'description', cnames }
}

function bye(count: number, body: Uint8Array): RtcpPacket | 'broken' {
  if (body.length < count * 4) return 'broken'
  const view = viewOf(body)
  const ssrcs = Array.from({ length: count }, (_, index) => view.getUint32(index * 4))
  const length = body[count * 4]
  const said = length === undefined ? null : body.subarray(count * 4 + 1, count * 4 + 1 + length)
  return { kind: 'bye', ssrcs, reason: said === null ? null : text(said) }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function broken(reason: string): RtcpResult {
  return { kind: 'broken', reason }
}

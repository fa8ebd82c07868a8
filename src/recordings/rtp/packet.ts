/** One RTP packet (RFC 3550 5.1). Total: any bytes give a packet or the reason why they are none. */

export interface RtpPacket {
  readonly marker: boolean
  readonly payloadType: number
  /** 16 bits. */
  readonly sequence: number
  /** 32 bits, in units of the payload type's clock. */
  readonly timestamp: number
  readonly ssrc: number
  /** Without header, contributing sources, extension and padding; a view of the datagram. */
  readonly payload: Uint8Array
}

export type RtpResult =
  | { readonly kind: 'packet'; readonly packet: RtpPacket }
  | { readonly kind: 'broken'; readonly reason: RtpFault }

export type RtpFault = 'short' | 'version' | 'csrc' | 'extension' | 'padding'

const headerBytes = 12

export function parseRtp(bytes: Uint8Array): RtpResult {
  if (bytes.length < headerBytes) return broken('short')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const first = view.getUint8(0)
  if (first >> 6 !== 2) return broken('version')
  let start = headerBytes + (first & 0x0f) * 4
  if (start > bytes.length) return broken('csrc')
  if ((first & 0x10) !== 0) {
    // RFC 3550 5.3.1: profile, then the extension's length in 32-bit words.
    if (start + 4 > bytes.length) return broken('extension')
    start += 4 + view.getUint16(start + 2) * 4
    if (start > bytes.length) return broken('extension')
  }
  let end = bytes.length
  if ((first & 0x20) !== 0) {
    // The last byte counts the padding, itself included.
    const padding = view.getUint8(end - 1)
    if (padding === 0 || padding > end - start) return broken('padding')
    end -= padding
  }
  const second = view.getUint8(1)
  return {
    kind: 'packet',
    packet: {
      marker: (second & 0x80) !== 0,
      payloadType: second & 0x7f,
      sequence: view.getUint16(2),
      timestamp: view.getUint32(4),
      ssrc: view.getUint32(8),
      payload: bytes.subarray(start, end),
    },
  }
}

/** Whether a datagram on a port that carries both is RTCP: its packet type is one of 192–223 (RFC 5761 4). */
export function looksLikeRtcp(bytes: Uint8Array): boolean {
  const type = bytes[1] ?? 0
  return bytes.length >= 8 && (bytes[0] ?? 0) >> 6 === 2 && type >= 192 && type <= 223
}

function broken(reason: RtpFault): RtpResult {
  return { kind: 'broken', reason }
}

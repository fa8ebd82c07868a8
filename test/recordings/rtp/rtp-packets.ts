/** Makes RTP and RTCP datagrams, right or wrong. */

export interface PacketParts {
  readonly payloadType?: number
  readonly sequence?: number
  readonly timestamp?: number
  readonly ssrc?: number
  readonly marker?: boolean
  readonly payload?: Uint8Array
  readonly csrcs?: number
  /** 32-bit words. */
  readonly extension?: number
  readonly padding?: number
}

export function rtp(parts: PacketParts = {}): Buffer {
  const { payloadType = 0, sequence = 1, timestamp = 160, ssrc = 7, marker = false } = parts
  const { payload = new Uint8Array(160), csrcs = 0, extension = null, padding = 0 } = parts
  const header = Buffer.alloc(12 + csrcs * 4)
  header[0] = 0x80 | csrcs | (extension === null ? 0 : 0x10) | (padding === 0 ? 0 : 0x20)
  header[1] = (marker ? 0x80 : 0) | payloadType
  header.writeUInt16BE(sequence & 0xffff, 2)
  header.writeUInt32BE(timestamp >>> 0, 4)
  header.writeUInt32BE(ssrc, 8)
  const extended = Buffer.alloc(extension === null ? 0 : 4 + extension * 4)
  if (extension !== null) extended.writeUInt16BE(extension, 2)
  const padded = Buffer.alloc(padding)
  if (padding > 0) padded[padding - 1] = padding
  return Buffer.concat([header, extended, payload, padded])
}

/** A sender report without blocks; `ntpMs` since 1900. */
export function senderReport({
  ssrc = 7,
  ntpMs = 0,
  timestamp = 0,
}: {
  ssrc?: number
  ntpMs?: number
  timestamp?: number
}): Buffer {
  const packet = Buffer.alloc(28)
  packet[0] = 0x80
  packet[1] = 200
  packet.writeUInt16BE(6, 2)
  packet.writeUInt32BE(ssrc, 4)
  packet.writeUInt32BE(Math.floor(ntpMs / 1000), 8)
  packet.writeUInt32BE(Math.floor(((ntpMs % 1000) / 1000) * 2 ** 32), 12)
  packet.writeUInt32BE(timestamp >>> 0, 16)
  return packet
}

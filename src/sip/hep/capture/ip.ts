/** IPv4 (RFC 791) and IPv6 (RFC 8200) headers, as far as a reader of captures needs them. Total. */
import { ipv4Text, ipv6Text } from '../ip-text.ts'

export interface IpPacket {
  readonly source: string
  readonly destination: string
  /** 6 TCP, 17 UDP… */
  readonly protocol: number
  /** What the captured frame has of it; the capture may have cut it. */
  readonly payload: Buffer
  /** Where this piece belongs, when it is one: `offset` in bytes. */
  readonly fragment: { readonly id: number; readonly offset: number; readonly more: boolean } | null
}

export const UDP = 17
export const TCP = 6

const HOP_BY_HOP = 0
const ROUTING = 43
const FRAGMENT = 44
const AUTHENTICATION = 51
const DESTINATION = 60
/** A chain of extension headers longer than this is an attack, not traffic. */
const MAX_EXTENSIONS = 8

/** `null` when the bytes are no IP packet, or its header is cut. */
export function parseIp(bytes: Buffer): IpPacket | null {
  const version = (bytes[0] ?? 0) >> 4
  return version === 4 ? parseIpv4(bytes) : version === 6 ? parseIpv6(bytes) : null
}

function parseIpv4(bytes: Buffer): IpPacket | null {
  const headerLength = ((bytes[0] ?? 0) & 15) * 4
  if (headerLength < 20 || bytes.length < headerLength) return null
  // Zero where the network card was to fill it in (TCP segmentation offload): then the frame says where it ends.
  const totalLength = bytes.readUInt16BE(2) || bytes.length
  if (totalLength < headerLength) return null
  const flags = bytes.readUInt16BE(6)
  const offset = (flags & 0x1fff) * 8
  const more = (flags & 0x2000) !== 0
  return {
    source: ipv4Text(bytes.subarray(12, 16)),
    destination: ipv4Text(bytes.subarray(16, 20)),
    protocol: bytes.readUInt8(9),
    payload: bytes.subarray(headerLength, totalLength),
    fragment: offset === 0 && !more ? null : { id: bytes.readUInt16BE(4), offset, more },
  }
}

function parseIpv6(bytes: Buffer): IpPacket | null {
  if (bytes.length < 40) return null
  const length = bytes.readUInt16BE(4)
  const end = length === 0 ? bytes.length : Math.min(bytes.length, 40 + length)
  let protocol = bytes.readUInt8(6)
  let at = 40
  let fragment: IpPacket['fragment'] = null
  for (let count = 0; [HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION].includes(protocol); count++) {
    if (count === MAX_EXTENSIONS || at + 8 > end) return null
    const extension = protocol
    const words = bytes.readUInt8(at + 1)
    protocol = bytes.readUInt8(at)
    if (extension === FRAGMENT) {
      const field = bytes.readUInt16BE(at + 2)
      const [offset, more] = [field & 0xfff8, (field & 1) !== 0]
      // An atomic fragment (RFC 6946) is whole.
      if (offset !== 0 || more) fragment = { id: bytes.readUInt32BE(at + 4), offset, more }
      at += 8
      // What follows belongs to the reassembled packet.
      if (fragment !== null) break
    } else at += extension === AUTHENTICATION ? (words + 2) * 4 : (words + 1) * 8
    if (at > end) return null
  }
  return {
    source: ipv6Text(bytes.subarray(8, 24)),
    destination: ipv6Text(bytes.subarray(24, 40)),
    protocol,
    payload: bytes.subarray(at, end),
    fragment,
  }
}

/** From a captured frame to the IP packet in it, through Ethernet (with VLAN tags), Linux's cooked captures and raw IP. Total. */

const ETHERNET = 1
const LINUX_COOKED = 113
const LINUX_COOKED_2 = 276
/** LINKTYPE_RAW, the numbers it has on BSDs, and LINKTYPE_IPV4 and LINKTYPE_IPV6. */
const RAW: readonly number[] = [101, 12, 14, 228, 229]
/** BSD and macOS loopback: four bytes of address family. */
const LOOPBACK: readonly number[] = [0, 108]

const IPV4 = 0x0800
const IPV6 = 0x86dd
const VLAN_TAGS: readonly number[] = [0x8100, 0x88a8, 0x9100]
/** More than two are no network's. */
const MAX_TAGS = 4

/** Why a frame holds nothing for us. */
export type NoIp = 'link-type' | 'not-ip' | 'frame-cut'

/** The bytes from the IP header on; Ethernet's padding may follow the packet. */
export function ipPacketIn(linkType: number, frame: Buffer): Buffer | NoIp {
  if (linkType === ETHERNET) return afterType(frame, 12, 14)
  if (linkType === LINUX_COOKED) return afterType(frame, 14, 16)
  if (linkType === LINUX_COOKED_2) return afterType(frame, 0, 20)
  if (RAW.includes(linkType)) return frame
  if (LOOPBACK.includes(linkType)) return frame.length < 4 ? 'frame-cut' : frame.subarray(4)
  return 'link-type'
}

/** What follows `header` bytes, of which the two at `typeAt` say what it is; VLAN tags in between are passed over. */
function afterType(frame: Buffer, typeAt: number, header: number): Buffer | NoIp {
  if (frame.length < header) return 'frame-cut'
  let type = frame.readUInt16BE(typeAt)
  let at = header
  for (let tags = 0; VLAN_TAGS.includes(type) && tags < MAX_TAGS; tags++) {
    if (frame.length < at + 4) return 'frame-cut'
    type = frame.readUInt16BE(at + 2)
    at += 4
  }
  return type === IPV4 || type === IPV6 ? frame.subarray(at) : 'not-ip'
}

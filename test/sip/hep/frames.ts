/** Frames and capture files for tests, as tcpdump would write them. */
import { isIPv6 } from 'node:net'
import { addressBytes } from './encode.ts'

export interface Hop {
  readonly address: string
  readonly port: number
}

export function udpDatagram(source: Hop, destination: Hop, payload: Buffer | string): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt16BE(source.port, 0)
  head.writeUInt16BE(destination.port, 2)
  head.writeUInt16BE(8 + Buffer.byteLength(payload), 4)
  return Buffer.concat([head, Buffer.from(payload)])
}

/** `flags`: 2 SYN, 1 FIN, 16 ACK. */
export function tcpSegment(source: Hop, destination: Hop, sequence: number, payload: Buffer | string, flags = 16): Buffer {
  const head = Buffer.alloc(24)
  head.writeUInt16BE(source.port, 0)
  head.writeUInt16BE(destination.port, 2)
  head.writeUInt32BE(sequence >>> 0, 4)
  head[12] = 6 << 4
  head[13] = flags
  return Buffer.concat([head, Buffer.from(payload)])
}

export interface Fragment {
  readonly id: number
  readonly offset: number
  readonly more: boolean
}

/** A packet of the addresses' family; protocol 17 UDP, 6 TCP. */
export function ipPacket(source: string, destination: string, protocol: number, payload: Buffer, fragment?: Fragment): Buffer {
  if (isIPv6(source)) {
    const extension = fragment === undefined ? Buffer.alloc(0) : fragmentHeader(protocol, fragment)
    const head = Buffer.alloc(8)
    head[0] = 6 << 4
    head.writeUInt16BE(extension.length + payload.length, 4)
    head[6] = fragment === undefined ? protocol : 44
    return Buffer.concat([head, addressBytes(source), addressBytes(destination), extension, payload])
  }
  const head = Buffer.alloc(12)
  head[0] = 0x45
  head.writeUInt16BE(20 + payload.length, 2)
  head.writeUInt16BE(fragment?.id ?? 0, 4)
  head.writeUInt16BE((fragment?.offset ?? 0) / 8 + (fragment?.more === true ? 0x2000 : 0), 6)
  head[9] = protocol
  return Buffer.concat([head, addressBytes(source), addressBytes(destination), payload])
}

function fragmentHeader(protocol: number, { id, offset, more }: Fragment): Buffer {
  const head = Buffer.alloc(8)
  head[0] = protocol
  head.writeUInt16BE(offset + (more ? 1 : 0), 2)
  head.writeUInt32BE(id, 4)
  return head
}

/** The link layers, by tcpdump's number: around an IP packet. */
export const linkLayers: readonly (readonly [string, number, (ip: Buffer) => Buffer])[] = [
  ['Ethernet', 1, ip => Buffer.concat([Buffer.alloc(12), etherType(ip), ip, Buffer.alloc(6)])],
  ['Ethernet with a VLAN tag', 1, ip => Buffer.concat([Buffer.alloc(12), Buffer.from('81000007', 'hex'), etherType(ip), ip])],
  [
    'Ethernet with two VLAN tags',
    1,
    ip => Buffer.concat([Buffer.alloc(12), Buffer.from('88a8000781000008', 'hex'), etherType(ip), ip]),
  ],
  ['Linux cooked', 113, ip => Buffer.concat([Buffer.alloc(14), etherType(ip), ip])],
  ['Linux cooked, version 2', 276, ip => Buffer.concat([etherType(ip), Buffer.alloc(18), ip])],
  ['raw IP', 101, ip => ip],
  ['BSD loopback', 0, ip => Buffer.concat([Buffer.from([2, 0, 0, 0]), ip])],
]

function etherType(ip: Buffer): Buffer {
  return Buffer.from((ip[0] ?? 0) >> 4 === 6 ? '86dd' : '0800', 'hex')
}

export interface TestFrame {
  /** Epoch microseconds. */
  readonly micros: number
  readonly bytes: Buffer
}

/** A classic pcap file. */
export function pcapFile(linkType: number, frames: readonly TestFrame[], { little = true, nanos = false } = {}): Buffer {
  const order = new Order(little)
  const parts = [order.uint32(nanos ? 0xa1b23c4d : 0xa1b2c3d4), order.uint16(2), order.uint16(4)]
  parts.push(Buffer.alloc(8), order.uint32(262_144), order.uint32(linkType))
  for (const { micros, bytes } of frames) {
    const fraction = (micros % 1_000_000) * (nanos ? 1000 : 1)
    parts.push(order.uint32(Math.floor(micros / 1_000_000)), order.uint32(fraction))
    parts.push(order.uint32(bytes.length), order.uint32(bytes.length), bytes)
  }
  return Buffer.concat(parts)
}

/** A pcapng file: a section, an interface with a clock of microseconds unless said, a block that nobody knows, the frames. */
export function pcapngFile(linkType: number, frames: readonly TestFrame[], { little = true, resolution = 6 } = {}): Buffer {
  const order = new Order(little)
  const block = (type: number, body: Buffer): Buffer => {
    const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)])
    return Buffer.concat([order.uint32(type), order.uint32(padded.length + 12), padded, order.uint32(padded.length + 12)])
  }
  const section = Buffer.concat([order.uint32(0x1a2b3c4d), order.uint16(1), order.uint16(0), Buffer.alloc(8, 255)])
  const options = Buffer.concat([order.uint16(9), order.uint16(1), Buffer.from([resolution, 0, 0, 0]), Buffer.alloc(4)])
  const iface = Buffer.concat([order.uint16(linkType), order.uint16(0), order.uint32(0), options])
  const parts = [block(0x0a0d0d0a, section), block(1, iface), block(0x0bad, Buffer.from('unknown'))]
  for (const { micros, bytes } of frames) {
    const ticks = BigInt(micros) * 10n ** BigInt(resolution - 6)
    const head = [0, Number(ticks >> 32n), Number(ticks & 0xffffffffn), bytes.length, bytes.length].map(each =>
      order.uint32(each),
    )
    parts.push(block(6, Buffer.concat([...head, bytes])))
  }
  return Buffer.concat(parts)
}

class Order {
  readonly #little: boolean

  constructor(little: boolean) {
    this.#little = little
  }

  uint16(value: number): Buffer {
    const bytes = Buffer.alloc(2)
    return this.#write(bytes, value)
  }

  uint32(value: number): Buffer {
    return this.#write(Buffer.alloc(4), value)
  }

  #write(bytes: Buffer, value: number): Buffer {
    if (this.#little) bytes.writeUIntLE(value, 0, bytes.length)
    else bytes.writeUIntBE(value, 0, bytes.length)
    return bytes
  }
}

/** A HEPv3 encoder for tests: what a capture agent would send. Chunk order as Asterisk's. */
import { isIPv6 } from 'node:net'
import { deflateSync } from 'node:zlib'

export interface Captured {
  /** Epoch ms with a fraction; `null` leaves the time out. */
  readonly at: number | null
  readonly source: { readonly address: string; readonly port: number }
  readonly destination: { readonly address: string; readonly port: number }
  readonly payload: Buffer | string
  /** 17 UDP unless said. */
  readonly ipProtocol?: number
  /** 1, SIP, unless said; 5 is RTCP. */
  readonly payloadType?: number
  readonly captureId?: number
  readonly authKey?: string
  readonly correlationId?: string
  readonly nodeName?: string
  readonly compressed?: boolean
}

/** One chunk; vendor 0 is the generic one. */
export function chunk(type: number, value: Buffer, vendor = 0): Buffer {
  const head = Buffer.alloc(6)
  head.writeUInt16BE(vendor, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(value.length + 6, 4)
  return Buffer.concat([head, value])
}

/** A packet of these chunks. */
export function packetOf(chunks: readonly Buffer[]): Buffer {
  const body = Buffer.concat(chunks)
  const head = Buffer.from('HEP3\0\0')
  head.writeUInt16BE(body.length + 6, 4)
  return Buffer.concat([head, body])
}

/** The chunks of what was captured, in order. */
export function chunksOf(captured: Captured): Buffer[] {
  const { at, source, destination, payload } = captured
  const v6 = isIPv6(source.address)
  const chunks = [
    chunk(1, uint(v6 ? 10 : 2, 1)),
    chunk(2, uint(captured.ipProtocol ?? 17, 1)),
    chunk(7, uint(source.port, 2)),
    chunk(8, uint(destination.port, 2)),
  ]
  if (at !== null) {
    const micros = Math.round(at * 1000)
    chunks.push(chunk(9, uint(Math.floor(micros / 1_000_000), 4)), chunk(10, uint(micros % 1_000_000, 4)))
  }
  chunks.push(chunk(11, uint(captured.payloadType ?? 1, 1)), chunk(12, uint(captured.captureId ?? 2001, 4)))
  chunks.push(chunk(v6 ? 5 : 3, addressBytes(source.address)), chunk(v6 ? 6 : 4, addressBytes(destination.address)))
  if (captured.authKey !== undefined) chunks.push(chunk(14, Buffer.from(captured.authKey)))
  if (captured.correlationId !== undefined) chunks.push(chunk(17, Buffer.from(captured.correlationId)))
  if (captured.nodeName !== undefined) chunks.push(chunk(19, Buffer.from(captured.nodeName)))
  const bytes = Buffer.from(payload)
  chunks.push(captured.compressed === true ? chunk(16, deflateSync(bytes)) : chunk(15, bytes))
  return chunks
}

/** What a capture agent sends for a message that it saw. */
export function encodeHep(captured: Captured): Buffer {
  return packetOf(chunksOf(captured))
}

/** An IP address as its 4 or 16 bytes. */
export function addressBytes(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number))
  // A URL's host is spelt in hexadecimal groups, whatever came in.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map(group => Number.parseInt(group, 16)))
  const right = tail === undefined ? [] : groups(tail)
  const left = groups(head)
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
  return Buffer.from(all.flatMap(group => [group >> 8, group & 255]))
}

function uint(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  bytes.writeUIntBE(value, 0, size)
  return bytes
}

/**
 * pcapng files (draft-ietf-opsawg-pcapng): blocks of a type, a length and a body. Sections may each have their own byte order, interfaces
 * their own link type and clock. Total; unknown blocks are skipped by their length.
 */
import type { Frame, Skip } from './frame.ts'

interface Interface {
  readonly linkType: number
  readonly ticksPerMs: number
  readonly offsetMs: number
}

const SECTION = 0x0a0d0d0a
const INTERFACE = 1
const OLD_PACKET = 2
const SIMPLE_PACKET = 3
const ENHANCED_PACKET = 6
const MAX_BLOCK_BYTES = 16_777_216
const MAX_INTERFACES = 1024

export function isPcapng(bytes: Buffer): boolean {
  return bytes.length >= 12 && bytes.readUInt32BE(0) === SECTION && byteOrder(bytes, 0) !== null
}

/** Every frame in order; ends with a skip where the file is cut off or goes wrong. */
export function* pcapngFrames(bytes: Buffer, skip: Skip): Generator<Frame> {
  let little = false
  let interfaces: Interface[] = []
  for (let at = 0; at < bytes.length; ) {
    if (at + 12 > bytes.length) return skip('file-cut')
    if (bytes.readUInt32BE(at) === SECTION) {
      const order = byteOrder(bytes, at)
      if (order === null) return skip('file-damaged')
      little = order
      interfaces = []
    }
    const block = new Fields(bytes, little)
    const length = block.uint32(at + 4)
    if (length < 12 || length % 4 !== 0 || length > MAX_BLOCK_BYTES) return skip('file-damaged')
    if (at + length > bytes.length) return skip('file-cut')
    const body = new Fields(bytes.subarray(at + 8, at + length - 4), little)
    const type = block.uint32(at)
    if (type === INTERFACE) {
      if (body.length < 8 || interfaces.length === MAX_INTERFACES) return skip('file-damaged')
      interfaces.push(interfaceOf(body))
    } else if (type === ENHANCED_PACKET || type === OLD_PACKET || type === SIMPLE_PACKET) {
      const frame = frameOf(type, body, interfaces)
      if (frame === null) skip('block-damaged')
      else yield frame
    }
    at += length
  }
}

/** Whether the section that begins there is little-endian; `null` when it is no section. */
function byteOrder(bytes: Buffer, at: number): boolean | null {
  const magic = bytes.readUInt32BE(at + 8)
  return magic === 0x4d3c2b1a ? true : magic === 0x1a2b3c4d ? false : null
}

function interfaceOf(body: Fields): Interface {
  let ticksPerMs = 1000
  let offsetMs = 0
  for (let at = 8; at + 4 <= body.length; ) {
    const code = body.uint16(at)
    const length = body.uint16(at + 2)
    if (code === 0 || at + 4 + length > body.length) break
    if (code === 9 && length >= 1) {
      // if_tsresol: a power of ten, or of two with the highest bit set.
      const exponent = body.uint8(at + 4)
      ticksPerMs = (exponent & 128 ? 2 ** (exponent & 127) : 10 ** exponent) / 1000
    } else if (code === 14 && length >= 8) offsetMs = body.int64(at + 4) * 1000
    at += 4 + Math.ceil(length / 4) * 4
  }
  return { linkType: body.uint16(0), ticksPerMs, offsetMs }
}

function frameOf(type: number, body: Fields, interfaces: readonly Interface[]): Frame | null {
  if (type === SIMPLE_PACKET) {
    const [first] = interfaces
    if (first === undefined || body.length < 4) return null
    return { at: null, linkType: first.linkType, bytes: body.bytes.subarray(4, 4 + body.uint32(0)) }
  }
  if (body.length < 20) return null
  const from = interfaces[type === OLD_PACKET ? body.uint16(0) : body.uint32(0)]
  const captured = body.uint32(12)
  if (from === undefined || 20 + captured > body.length) return null
  const ticks = body.uint32(4) * 4_294_967_296 + body.uint32(8)
  const at = from.offsetMs + ticks / from.ticksPerMs
  return { at: Number.isFinite(at) ? at : null, linkType: from.linkType, bytes: body.bytes.subarray(20, 20 + captured) }
}

/** Numbers in a section's byte order. */
class Fields {
  readonly bytes: Buffer
  readonly #little: boolean

  constructor(bytes: Buffer, little: boolean) {
    this.bytes = bytes
    this.#little = little
  }

  get length(): number {
    return this.bytes.length
  }

  uint8(at: number): number {
    return this.bytes.readUInt8(at)
  }

  uint16(at: number): number {
    return this.#little ? this.bytes.readUInt16LE(at) : this.bytes.readUInt16BE(at)
  }

  uint32(at: number): number {
    return this.#little ? this.bytes.readUInt32LE(at) : this.bytes.readUInt32BE(at)
  }

  int64(at: number): number {
    return Number(this.#little ? this.bytes.readBigInt64LE(at) : this.bytes.readBigInt64BE(at))
  }
}

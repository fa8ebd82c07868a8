/** Classic pcap files (draft-ietf-opsawg-pcap): a header of 24 bytes, then records of 16 bytes and a frame. Total. */
import type { Frame, Skip } from './frame.ts'

const HEADER_BYTES = 24
const RECORD_BYTES = 16
/** tcpdump's own limit. A record that claims more is no record, and the place in the file is lost. */
const MAX_FRAME_BYTES = 262_144

/** How a file's numbers are to be read; `null` when it is no pcap file. */
export function pcapOrder(bytes: Buffer): { readonly little: boolean; readonly ticksPerMs: number } | null {
  if (bytes.length < HEADER_BYTES) return null
  for (const little of [true, false]) {
    const magic = little ? bytes.readUInt32LE(0) : bytes.readUInt32BE(0)
    if (magic === 0xa1b2c3d4) return { little, ticksPerMs: 1000 }
    if (magic === 0xa1b23c4d) return { little, ticksPerMs: 1_000_000 }
  }
  return null
}

/** Every frame in order; ends with a skip where the file is cut off or goes wrong. */
export function* pcapFrames(bytes: Buffer, skip: Skip): Generator<Frame> {
  const order = pcapOrder(bytes)
  if (order === null) return
  const uint32 = (at: number): number => (order.little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  // The upper bits tell of a frame check sequence.
  const linkType = uint32(20) & 0xffff
  let at = HEADER_BYTES
  while (at < bytes.length) {
    if (at + RECORD_BYTES > bytes.length) return skip('file-cut')
    const captured = uint32(at + 8)
    const start = at + RECORD_BYTES
    if (captured > MAX_FRAME_BYTES) return skip('file-damaged')
    if (start + captured > bytes.length) return skip('file-cut')
    yield { at: uint32(at) * 1000 + uint32(at + 4) / order.ticksPerMs, linkType, bytes: bytes.subarray(start, start + captured) }
    at = start + captured
  }
}

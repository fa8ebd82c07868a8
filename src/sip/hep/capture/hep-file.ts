/** Files of HEPv3 packets: back to back, as a TCP stream has them, or each behind its length. Total. */
import { startsHep } from '../packet.ts'
import { HepStreamFraming } from '../stream.ts'
import type { Skip } from './frame.ts'

const LENGTH_BYTES = 4
/** A HEP packet's own length has 16 bits. */
const MAX_PACKET_BYTES = 65_535
/** What is given to the framing at a time: it copies what is left of the last piece. */
const PIECE_BYTES = 1_048_576

/** Whether the file is `uint32 big-endian length, packet`, repeated. */
export function isLengthPrefixed(bytes: Buffer): boolean {
  return bytes.length >= LENGTH_BYTES && startsHep(bytes, LENGTH_BYTES) && bytes.readUInt32BE(0) <= MAX_PACKET_BYTES
}

/** The packets of such a file, not yet decoded; ends with a skip where it is cut off or goes wrong. */
export function* lengthPrefixedPackets(bytes: Buffer, skip: Skip): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    if (at + LENGTH_BYTES > bytes.length) return skip('file-cut')
    const length = bytes.readUInt32BE(at)
    if (length > MAX_PACKET_BYTES) return skip('file-damaged')
    if (at + LENGTH_BYTES + length > bytes.length) return skip('file-cut')
    yield bytes.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length)
    at += LENGTH_BYTES + length
  }
}

/** The packets of a stream that was saved as it came. */
export function* streamedPackets(bytes: Buffer, skip: Skip): Generator<Buffer> {
  const framing = new HepStreamFraming()
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    for (const framed of framing.push(bytes.subarray(at, at + PIECE_BYTES))) {
      if (framed.kind === 'packet') yield framed.bytes
      else skip(framed.kind === 'lost' ? 'file-damaged' : 'bytes-between-packets')
    }
  }
  if (framing.partial) skip('file-cut')
}

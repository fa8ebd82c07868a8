/**
 * One HEPv3 packet (HEP3 network protocol specification, rev. 12): what a capture agent says it saw. Total: any bytes give a packet or a
 * reason, in time linear in their length, and nothing is allocated beyond MAX_PAYLOAD_BYTES.
 *
 *   "HEP3" | uint16 length of all | chunk* ; a chunk: uint16 vendor | uint16 type | uint16 length with these six | value
 *
 * Chunks of other vendors and unknown types are skipped by their length. Of a chunk that comes twice the first counts.
 */
import { unzipSync } from 'node:zlib'
import { ipv4Text, ipv6Text } from './ip-text.ts'

/** Why bytes are no HEPv3 packet. A closed set, so that it can label a metric. */
export type HepMalformedReason =
  | 'not-hep'
  /** An agent that speaks the version before chunks: set its HEP version to 3. */
  | 'hep-version-1'
  | 'hep-version-2'
  /** Fewer bytes than the packet says it has. */
  | 'truncated'
  | 'chunk-length'
  /** A chunk of fixed size (an address, a port, a time) has another one. */
  | 'chunk-size'
  | 'too-many-chunks'
  | 'no-addresses'
  | 'no-payload'
  /** The compressed payload is no zlib stream. */
  | 'payload-compression'
  | 'payload-too-large'

export interface HepEndpoint {
  readonly address: string
  readonly port: number
}

/** What an agent captured; `null` for what it left out. */
export interface HepPacket {
  /** When the agent saw it, epoch ms with a fraction. Asterisk cuts the times of what it received to whole milliseconds. */
  readonly at: number | null
  readonly source: HepEndpoint
  readonly destination: HepEndpoint
  /** IANA protocol number: 17 UDP, 6 TCP, 132 SCTP; 0 when the agent left it out. */
  readonly ipProtocol: number
  /** 1 SIP, 5 RTCP, 100 log… */
  readonly payloadType: number
  readonly captureId: number | null
  readonly authKey: Buffer | null
  readonly correlationId: string | null
  readonly nodeName: string | null
  /** Inflated where it came compressed; a view of the packet where it did not. */
  readonly payload: Buffer
}

export type HepDecoded =
  | { readonly ok: true; readonly kind: 'packet'; readonly packet: HepPacket }
  /** A keep-alive timer and nothing captured: the agent is alive. */
  | { readonly ok: true; readonly kind: 'keep-alive'; readonly authKey: Buffer | null }
  | { readonly ok: false; readonly reason: HepMalformedReason }

/** "HEP3" and the length. */
export const HEP_HEADER_BYTES = 6
/** The most that a compressed payload may become: the largest SIP message that we read. */
export const MAX_PAYLOAD_BYTES = 65_536
/** Agents send some fifteen. */
const MAX_CHUNKS = 256
const MAX_TEXT_BYTES = 512

export const SIP_PAYLOAD = 1
export const RTCP_PAYLOAD = 5

const MAGIC = 0x48455033

/** The sizes of the chunks that have one. */
const FIXED: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 4, 4: 4, 5: 16, 6: 16, 7: 2, 8: 2, 9: 4, 10: 4, 11: 1 }

const malformed = (reason: HepMalformedReason): HepDecoded => ({ ok: false, reason })

/** Whether a packet begins here: four bytes at least. */
export function startsHep(bytes: Buffer, at = 0): boolean {
  return bytes.length >= at + 4 && bytes.readUInt32BE(at) === MAGIC
}

/** Reads one packet. Bytes beyond its own length are ignored, as a datagram may be padded. */
export function decodeHep(bytes: Buffer): HepDecoded {
  if (!startsHep(bytes)) return malformed(olderVersion(bytes))
  if (bytes.length < HEP_HEADER_BYTES) return malformed('truncated')
  const length = bytes.readUInt16BE(4)
  if (length < HEP_HEADER_BYTES) return malformed('chunk-length')
  if (length > bytes.length) return malformed('truncated')
  const chunks = readChunks(bytes.subarray(HEP_HEADER_BYTES, length))
  return typeof chunks === 'string' ? malformed(chunks) : packetOf(chunks)
}

/** HEP 1 and 2 begin with their version and the length of a C structure: 8 bytes and two addresses, version 2 sometimes 12 more. */
function olderVersion(bytes: Buffer): HepMalformedReason {
  const headerLength = bytes[1] ?? 0
  if (headerLength < 16 || headerLength > 60 || bytes.length < headerLength) return 'not-hep'
  return bytes[0] === 1 ? 'hep-version-1' : bytes[0] === 2 ? 'hep-version-2' : 'not-hep'
}

type Chunks = ReadonlyMap<number, Buffer>

/** The generic chunks (vendor 0) by type. */
function readChunks(bytes: Buffer): Chunks | HepMalformedReason {
  const chunks = new Map<number, Buffer>()
  let at = 0
  for (let count = 0; at < bytes.length; count++) {
    if (count === MAX_CHUNKS) return 'too-many-chunks'
    if (at + 6 > bytes.length) return 'chunk-length'
    const length = bytes.readUInt16BE(at + 4)
    if (length < 6 || at + length > bytes.length) return 'chunk-length'
    const type = bytes.readUInt16BE(at + 2)
    if (bytes.readUInt16BE(at) === 0 && !chunks.has(type)) {
      const size = FIXED[type]
      if (size !== undefined && size !== length - 6) return 'chunk-size'
      chunks.set(type, bytes.subarray(at + 6, at + length))
    }
    at += length
  }
  return chunks
}

function packetOf(chunks: Chunks): HepDecoded {
  const authKey = chunks.get(14) ?? null
  const payload = payloadOf(chunks)
  if (typeof payload === 'string') {
    // A keep-alive (chunk 13) carries nothing else.
    return payload === 'no-payload' && chunks.has(13) ? { ok: true, kind: 'keep-alive', authKey } : malformed(payload)
  }
  const addresses = addressesOf(chunks)
  if (addresses === null) return malformed('no-addresses')
  return {
    ok: true,
    kind: 'packet',
    packet: {
      at: timeOf(chunks),
      source: { address: addresses.source, port: number(chunks, 7) ?? 0 },
      destination: { address: addresses.destination, port: number(chunks, 8) ?? 0 },
      ipProtocol: number(chunks, 2) ?? 0,
      payloadType: number(chunks, 11) ?? 0,
      captureId: captureIdOf(chunks.get(12)),
      authKey,
      correlationId: text(chunks.get(17)),
      nodeName: text(chunks.get(19)),
      payload,
    },
  }
}

function payloadOf(chunks: Chunks): Buffer | HepMalformedReason {
  const plain = chunks.get(15)
  if (plain !== undefined) return plain
  const compressed = chunks.get(16)
  if (compressed === undefined) return 'no-payload'
  try {
    return unzipSync(compressed, { maxOutputLength: MAX_PAYLOAD_BYTES })
  } catch (error) {
    // zlib only says by its error's code which of the two it is.
    const tooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
    return tooLarge ? 'payload-too-large' : 'payload-compression'
  }
}

function addressesOf(chunks: Chunks): { readonly source: string; readonly destination: string } | null {
  const [source4, destination4, source6, destination6] = [chunks.get(3), chunks.get(4), chunks.get(5), chunks.get(6)]
  if (source4 !== undefined && destination4 !== undefined)
    return { source: ipv4Text(source4), destination: ipv4Text(destination4) }
  if (source6 !== undefined && destination6 !== undefined)
    return { source: ipv6Text(source6), destination: ipv6Text(destination6) }
  return null
}

function timeOf(chunks: Chunks): number | null {
  const seconds = number(chunks, 9)
  return seconds === null || seconds === 0 ? null : seconds * 1000 + (number(chunks, 10) ?? 0) / 1000
}

/** Four bytes by the specification; some agents send two. */
function captureIdOf(value: Buffer | undefined): number | null {
  return value === undefined || value.length === 0 || value.length > 4 ? null : value.readUIntBE(0, value.length)
}

function number(chunks: Chunks, type: number): number | null {
  const value = chunks.get(type)
  return value === undefined ? null : value.readUIntBE(0, value.length)
}

function text(value: Buffer | undefined): string | null {
  if (value === undefined || value.length > MAX_TEXT_BYTES) return null
  // C strings come with their NUL from some agents.
  const end = value.indexOf(0)
  const trimmed = value.toString('utf8', 0, end === -1 ? value.length : end).trim()
  return trimmed === '' ? null : trimmed
}

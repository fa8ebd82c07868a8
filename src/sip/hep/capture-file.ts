/**
 * Reads a capture from a file, offline: what a HEP listener would have seen, had it listened. For `tpe-bridge trace` and for tests.
 *
 * Total, and lazy: messages are read as they are asked for, in the file's order. Everything left out is counted under a reason: of a
 * capture full of RTP that is most of it (`not-sip`).
 */
import type { Frame, Skip } from './capture/frame.ts'
import { isLengthPrefixed, lengthPrefixedPackets, streamedPackets } from './capture/hep-file.ts'
import { NetworkTraffic } from './capture/network-traffic.ts'
import { pcapFrames, pcapOrder } from './capture/pcap.ts'
import { isPcapng, pcapngFrames } from './capture/pcapng.ts'
import { DuplicateWindow } from './duplicates.ts'
import { decodeHep, startsHep } from './packet.ts'
import { type MirroredMessage, type MirroredRtcp, mirroredMessage, readPayload } from './seen.ts'

export type CaptureFormat = 'hep-length-prefixed' | 'hep-stream' | 'pcap' | 'pcapng'

export type CaptureItem =
  | { readonly kind: 'sip'; readonly seen: MirroredMessage }
  | { readonly kind: 'rtcp'; readonly rtcp: MirroredRtcp }

export interface Capture {
  readonly format: CaptureFormat
  /** To be gone through once. */
  readonly items: Iterable<CaptureItem>
  /** What was left out so far, by reason: whole once the items are gone through. */
  readonly skipped: ReadonlyMap<string, number>
}

export type CaptureRead =
  | { readonly ok: true; readonly capture: Capture }
  /** `compressed`: unpack it first. */
  | { readonly ok: false; readonly reason: 'empty' | 'compressed' | 'unknown-format' }

/** Says by its first bytes what the file is, and reads it. `bytes` is the whole file; messages are views of it. */
export function readCapture(bytes: Buffer): CaptureRead {
  const format = formatOf(bytes)
  if (format === null) {
    const compressed = bytes[0] === 0x1f && bytes[1] === 0x8b
    return { ok: false, reason: bytes.length === 0 ? 'empty' : compressed ? 'compressed' : 'unknown-format' }
  }
  const skipped = new Map<string, number>()
  const skip: Skip = reason => skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
  return { ok: true, capture: { format, items: itemsOf(format, bytes, skip), skipped } }
}

function formatOf(bytes: Buffer): CaptureFormat | null {
  if (startsHep(bytes)) return 'hep-stream'
  if (isLengthPrefixed(bytes)) return 'hep-length-prefixed'
  if (pcapOrder(bytes) !== null) return 'pcap'
  return isPcapng(bytes) ? 'pcapng' : null
}

function* itemsOf(format: CaptureFormat, bytes: Buffer, skip: Skip): Generator<CaptureItem> {
  const replay = new Replay(skip)
  switch (format) {
    case 'hep-stream':
      for (const packet of streamedPackets(bytes, skip)) yield* replay.hep(packet)
      break
    case 'hep-length-prefixed':
      for (const packet of lengthPrefixedPackets(bytes, skip)) yield* replay.hep(packet)
      break
    case 'pcap':
      yield* replay.frames(pcapFrames(bytes, skip))
      break
    case 'pcapng':
      yield* replay.frames(pcapngFrames(bytes, skip))
      break
    default:
      format satisfies never
  }
}

/** What a listener does with packets, with the capture's own clock: a capture on all interfaces holds many packets twice. */
class Replay {
  readonly #skip: Skip
  readonly #duplicates = new DuplicateWindow()
  /** The latest moment known: what has no time of its own gets it. */
  #at = 0

  constructor(skip: Skip) {
    this.#skip = skip
  }

  *hep(bytes: Buffer): Generator<CaptureItem> {
    const decoded = decodeHep(bytes)
    if (!decoded.ok) return this.#skip(decoded.reason)
    if (decoded.kind === 'keep-alive') return this.#skip('keep-alive')
    const { packet } = decoded
    this.#at = packet.at ?? this.#at
    if (this.#duplicates.repeats(packet.source, packet.destination, packet.payload, this.#at)) return this.#skip('duplicate')
    const mirrored = readPayload(packet, this.#at)
    if (mirrored.kind === 'sip' || mirrored.kind === 'rtcp') yield mirrored
    else this.#skip(mirrored.kind === 'not-sip' ? `sip-${mirrored.reason}` : `payload-${mirrored.kind}`)
  }

  *frames(frames: Iterable<Frame>): Generator<CaptureItem> {
    const traffic = new NetworkTraffic(this.#skip)
    for (const frame of frames) {
      for (const found of traffic.take(frame)) {
        if (found.kind === 'hep') yield* this.hep(found.bytes)
        else {
          this.#at = found.at ?? this.#at
          const { source, destination, message, datagram } = found
          if (datagram !== null && this.#duplicates.repeats(source, destination, datagram, this.#at)) this.#skip('duplicate')
          else yield { kind: 'sip', seen: mirroredMessage(this.#at, source, destination, message) }
        }
      }
    }
    traffic.end()
  }
}

/**
 * From frames on the wire to the SIP messages in them, over UDP and TCP, IPv4 and IPv6; and to the HEP packets, where somebody captured
 * the traffic of a capture agent. Everything else on the wire (RTP, DNS, TLS) is counted and passed over.
 */
import { StreamFraming } from '../../embedded/transport/stream-framing.ts'
import type { HopAddress, SipMessage } from '../../message/message.ts'
import { parseMessage } from '../../message/parse.ts'
import { startsHep } from '../packet.ts'
import { HepStreamFraming } from '../stream.ts'
import { Fragments } from './fragments.ts'
import type { Frame, Skip } from './frame.ts'
import { type IpPacket, parseIp, TCP, UDP } from './ip.ts'
import { ipPacketIn } from './link-layer.ts'
import { type Segment, TcpStreams } from './tcp-streams.ts'

/** What was found; the moment is that of the frame that completed it. */
export type Found =
  | {
      readonly kind: 'sip'
      readonly at: number | null
      readonly source: HopAddress
      readonly destination: HopAddress
      readonly message: SipMessage
      /** Over UDP the datagram: who captures on all interfaces has it twice. Over TCP `null`: a segment that comes twice brings nothing. */
      readonly datagram: Buffer | null
    }
  /** A HEP packet, not yet decoded: it has a time of its own. */
  | { readonly kind: 'hep'; readonly bytes: Buffer }

/** The start of a request or a status line. */
const SIP_START = /^(?:SIP\/2\.0 [1-6]\d\d|[A-Z]{2,20} (?:sips?|tel|urn):)/
const MAX_READERS = 4096
/** The longest method, a blank and a scheme. */
const ENOUGH_TO_TELL = 32

/** Reads frames one after the other, and remembers what is not whole. */
export class NetworkTraffic {
  readonly #skip: Skip
  readonly #fragments: Fragments
  readonly #streams: TcpStreams
  readonly #readers = new Map<string, StreamReader>()

  constructor(skip: Skip) {
    this.#skip = skip
    this.#fragments = new Fragments(skip)
    this.#streams = new TcpStreams(skip)
  }

  /** What this frame completes, in order. */
  take(frame: Frame): Found[] {
    const bytes = ipPacketIn(frame.linkType, frame.bytes)
    if (typeof bytes === 'string') return this.#nothing(bytes)
    const ip = parseIp(bytes)
    if (ip === null) return this.#nothing('ip-damaged')
    const packet = this.#fragments.take(ip)
    if (packet === null) return []
    if (packet.protocol === UDP) return this.#udp(packet, frame.at)
    return packet.protocol === TCP ? this.#tcp(packet, frame.at) : this.#nothing('other-protocol')
  }

  /** To be called behind the last frame: counts what stayed incomplete. */
  end(): void {
    this.#fragments.end()
  }

  #udp(packet: IpPacket, at: number | null): Found[] {
    const { payload } = packet
    if (payload.length < 8) return this.#nothing('udp-cut')
    const length = payload.readUInt16BE(4)
    // The capture kept the first bytes of each packet only: tcpdump -s 0 keeps all.
    if (length > payload.length) return this.#nothing('udp-cut')
    if (length < 8) return this.#nothing('udp-damaged')
    const data = payload.subarray(8, length)
    if (startsHep(data)) return [{ kind: 'hep', bytes: data }]
    if (!startsSip(data)) return this.#nothing('not-sip')
    const parsed = parseMessage(data)
    if (!parsed.ok) return this.#nothing(`sip-${parsed.reason}`)
    return [{ kind: 'sip', at, ...endsOf('udp', packet), message: parsed.message, datagram: data }]
  }

  #tcp(packet: IpPacket, at: number | null): Found[] {
    const { payload } = packet
    const headerLength = payload.length < 20 ? 0 : (payload.readUInt8(12) >> 4) * 4
    if (headerLength < 20 || headerLength > payload.length) return this.#nothing('tcp-damaged')
    const flags = payload.readUInt8(13)
    const ends = endsOf('tcp', packet)
    const { source, destination } = ends
    const segment: Segment = {
      key: `${source.address} ${source.port} ${destination.address} ${destination.port}`,
      sequence: payload.readUInt32BE(4),
      syn: (flags & 2) !== 0,
      end: (flags & 5) !== 0,
      payload: payload.subarray(headerLength),
    }
    const found: Found[] = []
    for (const { fresh, bytes } of this.#streams.take(segment)) {
      for (const each of this.#reader(segment.key, fresh).push(bytes))
        found.push(each.kind === 'hep' ? each : { ...each, at, ...ends, datagram: null })
    }
    if (segment.end) this.#readers.delete(segment.key)
    return found
  }

  #reader(key: string, fresh: boolean): StreamReader {
    const known = fresh ? undefined : this.#readers.get(key)
    if (known !== undefined) return known
    const [oldest] = this.#readers.keys()
    if (this.#readers.size >= MAX_READERS && oldest !== undefined) this.#readers.delete(oldest)
    const reader = new StreamReader(this.#skip)
    this.#readers.set(key, reader)
    return reader
  }

  #nothing(reason: string): Found[] {
    this.#skip(reason)
    return []
  }
}

type Read = { readonly kind: 'sip'; readonly message: SipMessage } | { readonly kind: 'hep'; readonly bytes: Buffer }

/** One direction of a connection. It finds its step where a segment begins with a message, which is what senders do. */
class StreamReader {
  readonly #skip: Skip
  #framing: StreamFraming | HepStreamFraming | null = null
  /** Bytes too few to tell what they begin. */
  #held: Buffer = Buffer.alloc(0)

  constructor(skip: Skip) {
    this.#skip = skip
  }

  push(bytes: Buffer): Read[] {
    if (this.#framing === null) {
      const withHeld = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes])
      // What was held may have been the end of something else.
      for (const start of [withHeld, bytes]) {
        this.#framing = startsHep(start) ? new HepStreamFraming() : startsSip(start) ? new StreamFraming() : null
        if (this.#framing === null) continue
        this.#held = Buffer.alloc(0)
        return this.#frame(this.#framing, start)
      }
      this.#held = withHeld.length < ENOUGH_TO_TELL ? withHeld : Buffer.alloc(0)
      if (this.#held.length === 0) this.#skip('not-sip')
      return []
    }
    return this.#frame(this.#framing, bytes)
  }

  #frame(framing: StreamFraming | HepStreamFraming, bytes: Buffer): Read[] {
    return framing instanceof HepStreamFraming ? this.#hep(framing, bytes) : this.#sip(framing, bytes)
  }

  #hep(framing: HepStreamFraming, bytes: Buffer): Read[] {
    const read: Read[] = []
    for (const framed of framing.push(bytes)) {
      if (framed.kind === 'packet') read.push({ kind: 'hep', bytes: framed.bytes })
      else this.#skip('bytes-between-packets')
      if (framed.kind === 'lost') this.#framing = null
    }
    return read
  }

  #sip(framing: StreamFraming, bytes: Buffer): Read[] {
    const read: Read[] = []
    for (const framed of framing.push(bytes)) {
      if (framed.kind === 'message') read.push({ kind: 'sip', message: framed.message })
      else if (framed.kind === 'malformed') {
        this.#skip(`sip-${framed.reason}`)
        this.#framing = null
      }
    }
    return read
  }
}

/** Whether the bytes look like a SIP message, perhaps behind blank lines. */
function startsSip(bytes: Buffer): boolean {
  let at = 0
  while (at < bytes.length && (bytes[at] === 13 || bytes[at] === 10)) at++
  return SIP_START.test(bytes.toString('latin1', at, at + ENOUGH_TO_TELL))
}

/** Both transports begin with the two ports. */
function endsOf(
  transport: 'udp' | 'tcp',
  { source, destination, payload }: IpPacket,
): { source: HopAddress; destination: HopAddress } {
  return {
    source: { transport, address: source, port: payload.readUInt16BE(0) },
    destination: { transport, address: destination, port: payload.readUInt16BE(2) },
  }
}

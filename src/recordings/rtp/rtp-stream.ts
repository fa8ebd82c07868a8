/** One stream of a recording: its sockets, who may send to it, its timeline, and the reports that go back. */
import type { RemoteInfo } from 'node:dgram'
import type { Log } from '../log.ts'
import { type AudioPayload, type SampleRate, sampleRateOf } from './codecs/codec.ts'
import type { MediaStream, StreamFigures } from './media-session.ts'
import { looksLikeRtcp, parseRtp } from './packet.ts'
import type { PortPool } from './port-pool.ts'
import { Reception } from './reception.ts'
import { parseRtcp } from './rtcp.ts'
import { SourceLock } from './source-lock.ts'
import type { PressedKey } from './telephone-event.ts'
import { StreamTimeline } from './timeline.ts'
import { UdpPair } from './udp-pair.ts'

export interface StreamSettings {
  /** The address to bind. */
  readonly address: string
  readonly ports: PortPool
  readonly receiveBufferBytes: number
  /** Whether an IP address may send besides the one that was offered. */
  readonly mayAlsoSend: (address: string) => boolean
  /** Our name in RTCP (RFC 3550 6.5.1); must tell nothing about anybody. */
  readonly cname: string
  /** Ms, of a clock that never goes back. */
  readonly now: () => number
  /** 0 to 1. */
  readonly random: () => number
  readonly log: Log
}

export interface RtpStreamOptions extends StreamSettings {
  readonly rate: SampleRate
  /** On the clock of `now`. */
  readonly startedAt: number
  readonly place: (position: number, samples: Int16Array) => void
  readonly onKey: ((key: PressedKey, at: number) => void) | undefined
}

export class RtpStream {
  readonly channel: number
  readonly timeline: StreamTimeline
  readonly #options: RtpStreamOptions
  readonly #lock: SourceLock
  readonly #reception = new Reception()
  readonly #own: { readonly ssrc: number; readonly cname: string }
  #media: MediaStream
  #payloads: ReadonlyMap<number, AudioPayload> = new Map()
  #known: ReadonlySet<number> = new Set()
  /** What the timeline was told of the payload types. */
  #meaning = ''
  #pair: UdpPair | null = null
  #strangers = 0
  #broken = 0
  /** Where the last sender report's instant lies, and on the sender's clock. */
  #clockOffsetMs: number | null = null
  #rtcpFrom: { readonly address: string; readonly port: number } | null = null

  private constructor(media: MediaStream, channel: number, options: RtpStreamOptions) {
    this.channel = channel
    this.#media = media
    this.#options = options
    this.#lock = new SourceLock(options.mayAlsoSend)
    this.#own = { ssrc: Math.floor(options.random() * 2 ** 32) >>> 0, cname: options.cname }
    this.timeline = new StreamTimeline(options)
    this.#adopt(media)
  }

  /** Throws when there are no ports, with what to do. */
  static async open(media: MediaStream, channel: number, options: RtpStreamOptions): Promise<RtpStream> {
    const stream = new RtpStream(media, channel, options)
    const pair = await UdpPair.open({
      ...options,
      onRtp: (bytes, from) => stream.#onRtp(bytes, from),
      onRtcp: (bytes, from) => stream.#onRtcp(bytes, from),
      onError: error => options.log.warn({ stream: media.id, reason: error.message }, 'an rtp socket reported an error'),
    })
    stream.#pair = pair
    return stream
  }

  get media(): MediaStream {
    return this.#media
  }

  /** Of RTP. */
  get port(): number {
    return this.#pair?.rtpPort ?? 0
  }

  /** What the system gave, bytes. */
  get receiveBufferBytes(): number {
    return this.#pair?.receiveBufferBytes ?? 0
  }

  /** Whose clock the reports speak of, and how it stands; `null` without both. */
  get reported(): { readonly sender: string; readonly offsetMs: number } | null {
    const sender = this.#lock.sender
    return sender === null || this.#clockOffsetMs === null ? null : { sender: sender.address, offsetMs: this.#clockOffsetMs }
  }

  get figures(): StreamFigures {
    const { packets, placed, lost, late, duplicates, insertedMs, cutMs } = this.timeline.counters
    const { id, label } = this.#media
    const refused = { strangers: this.#strangers, broken: this.#broken }
    return { id, label, packets, placed, lost, late, duplicates, insertedMs, cutMs, ...refused }
  }

  /** What the stream is offered as from now on. */
  update(media: MediaStream): void {
    const before = this.#media
    const moved = before.from?.address !== media.from?.address || before.from?.port !== media.from?.port
    this.#media = media
    if (moved) {
      this.#lock.release()
      this.timeline.restart()
      this.#clockOffsetMs = null
    }
    this.#adopt(media)
  }

  /** Tells the sender how it is received; nothing before it has sent anything, so that nobody can be flooded through us. */
  sendReport(): void {
    const sender = this.#lock.sender
    if (sender === null || this.#pair === null) return
    const offered = this.#media.from
    const sameHost = offered !== null && offered.address === sender.address
    const to = this.#rtcpFrom ?? { address: sender.address, port: sameHost ? offered.rtcpPort : sender.port + 1 }
    if (to.port < 1 || to.port > 65_535) return
    this.#pair.sendRtcp(this.#reception.report(this.#own, this.#options.now()), to.port, to.address)
  }

  /** Places what is held, and gives the ports back. */
  async close(): Promise<void> {
    const pair = this.#pair
    this.#pair = null
    this.timeline.finish()
    await pair?.close()
  }

  #adopt(media: MediaStream): void {
    const payloads = media.payloads.filter(payload => sampleRateOf(payload) !== null)
    this.#payloads = new Map(payloads.map(payload => [payload.type, payload]))
    this.#known = new Set([...this.#payloads.keys(), ...media.events, 13, 19])
    // A re-offer that changes nothing, as session timers send them, must not interrupt a decoder.
    const meaning = JSON.stringify([payloads, media.events])
    if (meaning !== this.#meaning) this.timeline.configure(payloads, media.events)
    this.#meaning = meaning
    this.timeline.pause(!media.active)
    this.#lock.offer(media.from?.address ?? null)
  }

  #onRtp(bytes: Buffer, from: RemoteInfo): void {
    if (looksLikeRtcp(bytes)) {
      this.#onRtcp(bytes, from)
      return
    }
    const parsed = parseRtp(bytes)
    if (parsed.kind === 'broken') {
      this.#broken += 1
      return
    }
    const { packet } = parsed
    const at = this.#options.now()
    // Only what was agreed on chooses the sender: a stray packet of another protocol that looks like RTP does not.
    if (!this.#known.has(packet.payloadType) && this.#lock.sender === null) {
      this.#broken += 1
      return
    }
    if (!this.#lock.takes(from, at)) {
      this.#strangers += 1
      if (this.#strangers === 1) {
        this.#options.log.warn(
          { stream: this.#media.id, from: from.address, offered: this.#media.from?.address ?? null },
          'rtp from an address that was not offered is ignored',
        )
      }
      return
    }
    this.timeline.receive(packet, at)
    if (packet.ssrc === this.timeline.ssrc) {
      this.#reception.record(packet, at, this.#payloads.get(packet.payloadType)?.clockRate ?? 8000)
    }
  }

  #onRtcp(bytes: Buffer, from: RemoteInfo): void {
    if (!this.#lock.mayBeSent(from.address)) {
      this.#strangers += 1
      return
    }
    const parsed = parseRtcp(bytes)
    if (parsed.kind === 'broken') {
      this.#broken += 1
      return
    }
    this.#rtcpFrom = { address: from.address, port: from.port }
    const at = this.#options.now()
    for (const packet of parsed.packets) {
      if (packet.kind !== 'sender-report' || packet.ssrc !== this.timeline.ssrc) continue
      this.#reception.senderReported(packet.ntpMiddle, at)
      const time = this.timeline.timeOf(packet.timestamp)
      this.#clockOffsetMs = time === null ? null : time - packet.ntpMs
    }
  }
}

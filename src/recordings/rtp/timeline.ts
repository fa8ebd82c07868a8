/**
 * One stream's packets on the recording's time: where on a gapless line of samples each packet belongs. Owns the order, the clock and the
 * decoder of the stream; what lies between packets is silence, so nothing that is lost ever makes a recording shorter.
 *
 * ORDER. A packet is held for `windowMs` after it came, then everything up to it is placed in the order of sequence numbers. A recording is
 *   in no hurry, so the window is wider than a telephone's. What comes later than its successors were placed is dropped as late.
 * CLOCK. The RTP timestamp says where a packet belongs relative to the others; the time of arrival says where they all belong. `error` is
 *   arrival minus place; the smallest error of several packets is that of the one that waited least on its way, so that jitter moves nothing:
 *   1 The first packet of a source is placed so that the smallest error among the held ones is 0.
 *   2 Jump: when the timestamp jumped and all held packets are more than 40 ms early, the line moves back by that much: no packet comes
 *     before it was spoken. What would lie over samples that are already there is cut.
 *   3 Late after a break: when the timestamp jumped or nothing came for a while, and all held packets are more than 400 ms late, silence is
 *     inserted. (A sender whose timestamps stand still while it is silent, or that began to count anew.)
 *   4 Slow: when all packets of 10 s are more than 40 ms late, silence is inserted.
 *   5 Fast: while all held packets are more than 40 ms early, quiet packets are left out; beyond 500 ms, loud ones as well. Speech is given
 *     up last, because a sender or network that was busy for some seconds looks slow first, and fast when it catches up.
 *   So a stream with pauses in its speech is never further than 40 ms from the wall clock for longer than 20 s, and any stream never further
 *   ahead than half a second, beyond what its packets waited in the network.
 * ALIGNMENT. `bias` moves the whole stream later, as sender reports ask for (alignment.ts); the rules do not see it.
 */
import { type AudioPayload, createDecoder, type SampleRate, ticksOf } from './codecs/codec.ts'
import type { RtpPacket } from './packet.ts'
import { type ArrivedPacket, SourceSequence } from './source-sequence.ts'
import { type PressedKey, parseTelephoneEvent } from './telephone-event.ts'

export interface TimelineOptions {
  /** Of the samples that are placed. */
  readonly rate: SampleRate
  /** Epoch ms of sample 0. */
  readonly startedAt: number
  /** `position` may be negative or long past: whoever keeps the samples cuts. `samples` may be kept. */
  readonly place: (position: number, samples: Int16Array) => void
  /** A key's event, once it has ended; `at` in epoch ms. Keys may be card numbers: nothing is reported unless asked for. */
  readonly onKey?: ((key: PressedKey, at: number) => void) | undefined
  /** How long a packet is held for those before it, ms. */
  readonly windowMs?: number
}

export interface TimelineCounters {
  packets: number
  placed: number
  /** Gaps in the sequence numbers of what was placed. */
  lost: number
  reordered: number
  duplicates: number
  late: number
  /** SSRC changes and sequences that began anew. */
  sources: number
  /** Of a replaced source, or on probation. */
  strays: number
  unknownPayload: number
  keyEvents: number
  comfortNoise: number
  whilePaused: number
  /** How often, and by how much in all, the line was moved, ms. */
  moves: number
  insertedMs: number
  cutMs: number
}

/** What is held; bounded, since a stalled reader may find seconds of packets at once. */
interface Held extends ArrivedPacket {
  readonly paused: boolean
}

/** Where a timestamp lies: the line's fixed point, moved by the rules. */
interface Anchor {
  /** Timestamp without wrap-around. */
  readonly ticks: number
  /** Samples; whole. */
  position: number
  readonly clockRate: number
}

/** Longer than the spells for which a busy machine delays everything. */
const defaultWindowMs = 1_500
const mostHeld = 1_000
const earlyMs = 40
const mostEarlyMs = 500
const lateMs = 400
/** The loudest sample of a packet that may be left out: about -42 dB. */
const quietPeak = 256
const driftMs = 40
const driftWindowMs = 10_000
const breakMs = 200
/** How long a lost packet may have been: 60 ms at 16 kHz. */
const mostTicksLost = 960
/** RFC 3389, and the number that was used before it. */
const comfortNoise: readonly number[] = [13, 19]
/** How many of the last numbers are remembered, to tell a duplicate from a late packet. */
const remembered = 1_024

export class StreamTimeline {
  readonly counters: TimelineCounters = {
    packets: 0,
    placed: 0,
    lost: 0,
    reordered: 0,
    duplicates: 0,
    late: 0,
    sources: 0,
    strays: 0,
    unknownPayload: 0,
    keyEvents: 0,
    comfortNoise: 0,
    whilePaused: 0,
    moves: 0,
    insertedMs: 0,
    cutMs: 0,
  }
  readonly #options: TimelineOptions
  readonly #windowMs: number
  readonly #source = new SourceSequence()
  #payloads: ReadonlyMap<number, AudioPayload> = new Map()
  #events: ReadonlySet<number> = new Set()
  #decoder: { readonly type: number; readonly decode: (bytes: Uint8Array) => Int16Array } | null = null
  /** In the order of their numbers. */
  #held: Held[] = []
  /** Number of the last packet that was placed or passed over; `null` at the beginning of a source. */
  #last: number | null = null
  readonly #seen = new Float64Array(remembered).fill(Number.NaN)
  #anchor: Anchor | null = null
  /** Of the last audio: where the next is expected, on the sender's clock and ours. */
  #expected: { readonly ticks: number; readonly number: number; readonly at: number } | null = null
  /** Samples up to which this stream has placed something. */
  #end = Number.NEGATIVE_INFINITY
  #drift: { readonly since: number; leastMs: number } | null = null
  #biasMs = 0
  #paused = false
  #lastKey: string | null = null

  constructor(options: TimelineOptions) {
    this.#options = options
    this.#windowMs = options.windowMs ?? defaultWindowMs
  }

  /** What the payload types mean from now on. Packets that are held are still read by it: a type hardly ever changes its meaning. */
  configure(payloads: readonly AudioPayload[], events: readonly number[]): void {
    this.#payloads = new Map(payloads.map(payload => [payload.type, payload]))
    this.#events = new Set(events)
    this.#decoder = null
  }

  /** What comes from now on is silence, or is heard again. Packets that came before are not touched. */
  pause(paused: boolean): void {
    this.#paused = paused
  }

  /** Takes a packet that came at `at` (epoch ms, never less than the one before). */
  receive(packet: RtpPacket, at: number): void {
    this.counters.packets += 1
    const accepted = this.#source.accept(packet, at)
    switch (accepted.kind) {
      case 'goes-on':
        this.#hold(accepted.arrived)
        break
      case 'begins':
        this.#placeFirst(this.#held.length)
        this.counters.sources += 1
        this.counters.strays -= accepted.arrived.length - 1
        this.#forget()
        for (const arrived of accepted.arrived) this.#hold(arrived)
        break
      case 'on-probation':
      case 'ignored':
        this.counters.strays += 1
        break
      default:
        accepted satisfies never
    }
    if (this.#held.length > mostHeld) this.#placeFirst(this.#held.length - mostHeld)
  }

  /** Places what was held long enough. Call it often: several times a window. */
  advance(now: number): void {
    for (let index = this.#held.length - 1; index >= 0; index -= 1) {
      const held = this.#held[index]
      if (held !== undefined && held.at + this.#windowMs <= now) {
        this.#placeFirst(index + 1)
        return
      }
    }
  }

  /** Places all that is held: the stream is over, or its source has changed. */
  finish(): void {
    this.#placeFirst(this.#held.length)
  }

  /** The stream was offered anew: what comes next may be another source. */
  restart(): void {
    this.finish()
    this.#source.reset()
  }

  get ssrc(): number | null {
    return this.#source.ssrc
  }

  /**
   * Where this timestamp lies, ms after the start and without bias; `null` while nothing says. With the same instant on the sender's clock
   * (a sender report) it says how the two clocks stand.
   */
  timeOf(timestamp: number): number | null {
    const anchor = this.#anchor
    const expected = this.#expected
    if (anchor === null || expected === null) return null
    const ticks = expected.ticks + ((timestamp - expected.ticks) | 0)
    return this.#toMs(this.#positionOf(anchor, ticks))
  }

  get biasMs(): number {
    return this.#biasMs
  }

  /** Moves what comes later, by inserting silence; a bias never shrinks within a source, because that would cut. */
  setBias(ms: number): void {
    if (ms > this.#biasMs) this.#biasMs = ms
  }

  #hold(arrived: ArrivedPacket): void {
    const held: Held = { ...arrived, paused: this.#paused }
    const slot = modulo(held.number, remembered)
    if (this.#seen[slot] === held.number) {
      this.counters.duplicates += 1
      return
    }
    if (this.#last !== null && held.number <= this.#last) {
      this.counters.late += 1
      return
    }
    this.#seen[slot] = held.number
    let index = this.#held.length
    while (index > 0 && (this.#held[index - 1]?.number ?? 0) > held.number) index -= 1
    if (index < this.#held.length) this.counters.reordered += 1
    this.#held.splice(index, 0, held)
  }

  #placeFirst(count: number): void {
    for (let index = 0; index < count; index += 1) {
      const held = this.#held[index]
      if (held !== undefined) this.#release(held, index)
    }
    this.#held.splice(0, count)
  }

  /** `index`: where it stands among the held ones. */
  #release(held: Held, index: number): void {
    if (this.#last !== null) this.counters.lost += held.number - this.#last - 1
    this.#last = held.number
    const { packet } = held
    const payload = this.#payloads.get(packet.payloadType)
    if (payload !== undefined) {
      this.#releaseAudio(held, payload, index)
    } else if (comfortNoise.includes(packet.payloadType)) {
      this.counters.comfortNoise += 1
    } else if (this.#events.has(packet.payloadType)) {
      this.#releaseKey(packet, held.at)
    } else {
      this.counters.unknownPayload += 1
    }
  }

  #releaseAudio(held: Held, payload: AudioPayload, index: number): void {
    if (this.#anchor !== null && this.#anchor.clockRate !== payload.clockRate) this.#loseClock()
    const ticks = this.#unwrap(held.packet.timestamp)
    const anchor = this.#judge(held, payload, ticks, index)
    const lasts = ticksOf(payload, held.packet.payload.length)
    this.#expected = { ticks: ticks + lasts, number: held.number + 1, at: held.at }
    if (held.paused) {
      this.counters.whilePaused += 1
      return
    }
    if (this.#decoder?.type !== payload.type) {
      this.#decoder = { type: payload.type, decode: createDecoder(payload, this.#options.rate) }
    }
    const samples = this.#decoder.decode(held.packet.payload)
    this.counters.placed += 1
    const early = -this.#leastEarly(anchor, ticks, held.at, index)
    if (early > mostEarlyMs || (early > earlyMs && isQuiet(samples))) {
      // Timestamps after lost packets may be anything, so a packet's length may not be enough.
      const lastsMs = (lasts * 1000) / payload.clockRate
      this.#move(anchor, -Math.min(early, Math.max(lastsMs, early - mostEarlyMs)))
    }
    const position = this.#positionOf(anchor, ticks) + this.#toSamples(this.#biasMs)
    const over = Math.max(0, this.#end - position)
    if (over >= samples.length) return
    this.#end = position + samples.length
    this.#options.place(position + over, over === 0 ? samples : samples.subarray(over))
  }

  /** The least error, ms, where it matters: looking at all held packets is for those that are early themselves. */
  #leastEarly(anchor: Anchor, ticks: number, at: number, index: number): number {
    const error = this.#errorOf(anchor, ticks, at)
    return error < -earlyMs ? this.#leastError(anchor, ticks, index) : error
  }

  /** Rules 1 to 4: the anchor by which this packet is placed. */
  #judge(held: Held, payload: AudioPayload, ticks: number, index: number): Anchor {
    const { clockRate } = payload
    if (this.#anchor === null) {
      const anchor: Anchor = { ticks, position: this.#toSamples(held.at - this.#options.startedAt), clockRate }
      // Not before the recording itself: its first packets would be cut.
      anchor.position = Math.max(0, anchor.position + this.#toSamples(this.#leastError(anchor, ticks, index)))
      this.#anchor = anchor
      this.#drift = null
      return anchor
    }
    const anchor = this.#anchor
    const error = this.#errorOf(anchor, ticks, held.at)
    const jumped = this.#hasJumped(held, ticks)
    if (error < -earlyMs && jumped) {
      this.#move(anchor, this.#leastError(anchor, ticks, index))
    } else if (error > lateMs && (jumped || this.#hasPaused(held))) {
      const least = this.#leastError(anchor, ticks, index)
      if (least > lateMs) this.#move(anchor, least)
    }
    if (this.#drift === null) {
      this.#drift = { since: held.at, leastMs: this.#errorOf(anchor, ticks, held.at) }
    } else if (held.at - this.#drift.since < driftWindowMs) {
      this.#drift.leastMs = Math.min(this.#drift.leastMs, this.#errorOf(anchor, ticks, held.at))
    } else {
      if (this.#drift.leastMs > driftMs) this.#move(anchor, this.#drift.leastMs)
      this.#drift = null
    }
    return anchor
  }

  /** Whether the sender's timestamps do not go on. Where packets were lost, nobody knows how long they were. */
  #hasJumped(held: Held, ticks: number): boolean {
    const expected = this.#expected
    if (expected === null) return true
    const missing = held.number - expected.number
    const ahead = ticks - expected.ticks
    return missing === 0 ? ahead !== 0 : ahead < 0 || ahead > mostTicksLost * missing
  }

  #hasPaused(held: Held): boolean {
    return this.#expected === null || held.at - this.#expected.at > breakMs
  }

  /** The least error, ms, among the held packets from this one on whose timestamps go on from it. */
  #leastError(anchor: Anchor, ticks: number, index: number): number {
    let least = Number.POSITIVE_INFINITY
    let before: { readonly held: Held; readonly ticks: number; readonly lasts: number } | null = null
    for (let at = index; at < this.#held.length; at += 1) {
      const held = this.#held[at]
      const payload = held === undefined ? undefined : this.#payloads.get(held.packet.payloadType)
      if (held === undefined || payload === undefined) continue
      if (payload.clockRate !== anchor.clockRate) break
      const own: number = before === null ? ticks : before.ticks + ((held.packet.timestamp - before.ticks) | 0)
      if (before !== null && held.number === before.held.number + 1 && own !== before.ticks + before.lasts) break
      least = Math.min(least, this.#errorOf(anchor, own, held.at))
      before = { held, ticks: own, lasts: ticksOf(payload, held.packet.payload.length) }
    }
    return least
  }

  #move(anchor: Anchor, byMs: number): void {
    anchor.position += this.#toSamples(byMs)
    this.counters.moves += 1
    if (byMs > 0) this.counters.insertedMs += byMs
    else this.counters.cutMs -= byMs
    this.#drift = null
  }

  #errorOf(anchor: Anchor, ticks: number, at: number): number {
    return at - this.#options.startedAt - this.#toMs(this.#positionOf(anchor, ticks))
  }

  #positionOf(anchor: Anchor, ticks: number): number {
    return anchor.position + Math.round(((ticks - anchor.ticks) * this.#options.rate) / anchor.clockRate)
  }

  #unwrap(timestamp: number): number {
    const expected = this.#expected
    return expected === null ? timestamp : expected.ticks + ((timestamp - expected.ticks) | 0)
  }

  #releaseKey(packet: RtpPacket, at: number): void {
    this.counters.keyEvents += 1
    const pressed = parseTelephoneEvent(packet.payload)
    // The end of a key is sent three times, with the timestamp of its beginning each time (RFC 4733 2.5.1.4).
    const name = `${packet.ssrc}:${packet.timestamp}`
    if (pressed === null || !pressed.ended || this.#lastKey === name) return
    this.#lastKey = name
    this.#options.onKey?.(pressed, at)
  }

  /** Another source: its numbers and its clock have nothing to do with those before. */
  #forget(): void {
    this.#last = null
    this.#seen.fill(Number.NaN)
    this.#biasMs = 0
    this.#loseClock()
  }

  #loseClock(): void {
    this.#anchor = null
    this.#expected = null
    this.#drift = null
  }

  #toSamples(ms: number): number {
    return Math.round((ms * this.#options.rate) / 1000)
  }

  #toMs(samples: number): number {
    return (samples * 1000) / this.#options.rate
  }
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}

function isQuiet(samples: Int16Array): boolean {
  for (const sample of samples) if (sample > quietPeak || sample < -quietPeak) return false
  return true
}

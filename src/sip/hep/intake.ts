/**
 * What becomes of one captured packet, whatever socket brought it:
 *
 *   bytes ─decode─▶ key? ─▶ duplicate? ─▶ time? ─▶ payload ─▶ onSeen | onRtcp
 *             └─────────┴────────┴──────────┴─────────┴──▶ a counter with the reason
 *
 * 1. Messages are passed on in the order of their arrival, never sorted by capture time: Asterisk cuts the times of what it receives to
 *    milliseconds, so that an answer can look older than its request. The capture time is kept as the fact it is.
 * 2. Nothing that arrives can throw out of here, and a callback that throws costs its own message only.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { HepAgents } from './agents.ts'
import { countReason, type HepCounters, type HepDrop } from './counters.ts'
import { DuplicateWindow } from './duplicates.ts'
import { decodeHep, type HepEndpoint, type HepPacket } from './packet.ts'
import { type Mirrored, type MirroredMessage, type MirroredRtcp, readPayload } from './seen.ts'

/** pino's shape, nothing of pino. */
export interface HepLog {
  debug(fields: object, msg: string): void
  info(fields: object, msg: string): void
  warn(fields: object, msg: string): void
  error(fields: object, msg: string): void
}

export interface HepIntakeOptions {
  /** What agents must send as their password; `null` asks for none. */
  readonly authKey: string | null
  /** A packet captured longer ago than this is dropped. An agent that was cut off may send its backlog later, and it is welcome. */
  readonly maxAgeMs: number
  /** Epoch ms. */
  readonly now: () => number
  readonly counters: HepCounters
  readonly log: HepLog
  readonly onSeen: (seen: MirroredMessage) => void
  readonly onRtcp: (rtcp: MirroredRtcp) => void
}

/** A capture time further ahead of our clock than this is a clock that is wrong, and no moment that a call's timers may start from. */
const MAX_AHEAD_MS = 60_000

export class HepIntake {
  readonly agents = new HepAgents()
  readonly #options: HepIntakeOptions
  readonly #key: Buffer | null
  readonly #duplicates = new DuplicateWindow()

  constructor(options: HepIntakeOptions) {
    this.#options = options
    this.#key = options.authKey === null ? null : digest(Buffer.from(options.authKey))
  }

  /** Takes one packet of a configured peer. */
  take(bytes: Buffer, peer: HepEndpoint): void {
    const { counters, now } = this.#options
    counters.packets++
    counters.bytes += bytes.length
    const decoded = decodeHep(bytes)
    if (!decoded.ok) {
      this.#malformed(decoded.reason, bytes, peer)
      return
    }
    const authKey = decoded.kind === 'packet' ? decoded.packet.authKey : decoded.authKey
    if (!this.#isKey(authKey)) {
      this.drop('wrong-key', { ...peer, sent: authKey !== null })
      return
    }
    if (decoded.kind === 'keep-alive') {
      counters.keepAlives++
      return
    }
    const { packet } = decoded
    const arrivedAt = now()
    this.agents.heard(peer.address, packet, arrivedAt)
    if (this.#duplicates.repeats(packet.source, packet.destination, packet.payload, arrivedAt)) {
      // Expected wherever two agents watch one link: no line in the log.
      countReason(counters.dropped, 'duplicate')
      return
    }
    const at = this.#momentOf(packet, arrivedAt)
    if (at === null) this.drop('too-old', { ...peer, capturedAt: packet.at })
    else this.#passOn(readPayload(packet, at), packet, peer)
  }

  /** Counts what was dropped, here or before a packet was whole, and says so in the log now and then. */
  drop(reason: HepDrop, fields: object): void {
    const { counters, log } = this.#options
    log[countReason(counters.dropped, reason) ? 'warn' : 'debug']({ reason, ...fields }, 'hep packet dropped')
  }

  #passOn(mirrored: Mirrored, packet: HepPacket, peer: HepEndpoint): void {
    const { counters, log, onSeen, onRtcp } = this.#options
    switch (mirrored.kind) {
      case 'sip':
        counters.sip++
        this.#call(() => onSeen(mirrored.seen))
        break
      case 'rtcp':
        counters.rtcp++
        this.#call(() => onRtcp(mirrored.rtcp))
        break
      case 'other':
        counters.otherTypes++
        break
      case 'blank':
        counters.keepAlives++
        break
      case 'not-rtcp':
        this.drop('not-rtcp', { ...peer, bytes: packet.payload.length })
        break
      case 'not-sip': {
        const fields = { reason: mirrored.reason, ...peer, bytes: packet.payload.length }
        log[countReason(counters.notSip, mirrored.reason) ? 'warn' : 'debug'](fields, 'hep payload is no sip message')
        break
      }
      default: {
        mirrored satisfies never
      }
    }
  }

  #call(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      this.#options.counters.callbackErrors++
      this.#options.log.error({ err: error }, 'a captured message could not be handled')
    }
  }

  #malformed(reason: keyof HepCounters['malformed'], bytes: Buffer, peer: HepEndpoint): void {
    const { counters, log } = this.#options
    const fields = { reason, bytes: bytes.length, ...peer }
    log[countReason(counters.malformed, reason) ? 'warn' : 'debug'](fields, 'hep packet dropped, it is malformed')
  }

  /** Digests of equal length are compared, so that the time tells nothing of the key or of its length. */
  #isKey(sent: Buffer | null): boolean {
    return this.#key === null || (sent !== null && timingSafeEqual(this.#key, digest(sent)))
  }

  /** The capture time, or the arrival where there is none that can be true; `null` when it is too long ago. */
  #momentOf(packet: HepPacket, arrivedAt: number): number | null {
    if (packet.at === null || packet.at > arrivedAt + MAX_AHEAD_MS) {
      this.#options.counters.untrustedTimes++
      return arrivedAt
    }
    return packet.at < arrivedAt - this.#options.maxAgeMs ? null : packet.at
  }
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** How well one source is received (RFC 3550 6.4.1, A.3, A.8), and the receiver report that tells the sender. */
import type { RtpPacket } from './packet.ts'
import { rtcpTypes } from './rtcp.ts'

export class Reception {
  #ssrc: number | null = null
  #first = 0
  #highest = 0
  #received = 0
  #reported = { expected: 0, received: 0 }
  #transit: number | null = null
  #jitter = 0
  #lastReport: { readonly ntpMiddle: number; readonly at: number } | null = null

  /** A packet of the stream's current source; `at` in ms. */
  record(packet: RtpPacket, at: number, clockRate: number): void {
    if (packet.ssrc !== this.#ssrc) {
      this.#ssrc = packet.ssrc
      this.#first = packet.sequence
      this.#highest = packet.sequence
      this.#received = 0
      this.#reported = { expected: 0, received: 0 }
      this.#transit = null
      this.#jitter = 0
      this.#lastReport = null
    }
    this.#received += 1
    this.#highest = Math.max(this.#highest, this.#highest + (((packet.sequence - this.#highest) << 16) >> 16))
    const transit = ((at * clockRate) / 1000 - packet.timestamp) % 2 ** 32
    // A jump of the timestamp, or its wrap-around, is no jitter.
    if (this.#transit !== null && Math.abs(transit - this.#transit) < clockRate) {
      this.#jitter += (Math.abs(transit - this.#transit) - this.#jitter) / 16
    }
    this.#transit = transit
  }

  /** A sender report of that source, which the next receiver report will mention. */
  senderReported(ntpMiddle: number, at: number): void {
    this.#lastReport = { ntpMiddle, at }
  }

  get jitterTicks(): number {
    return this.#jitter
  }

  /** A compound of receiver report and description; without a block while nothing was received. Begins a new interval. */
  report(own: { readonly ssrc: number; readonly cname: string }, at: number): Buffer {
    return Buffer.concat([this.#receiverReport(own.ssrc, at), description(own.ssrc, own.cname)])
  }

  #receiverReport(ownSsrc: number, at: number): Buffer {
    const known = this.#ssrc !== null
    const packet = Buffer.alloc(known ? 32 : 8)
    packet.writeUInt8(0x80 | (known ? 1 : 0), 0)
    packet.writeUInt8(rtcpTypes.receiverReport, 1)
    packet.writeUInt16BE(packet.length / 4 - 1, 2)
    packet.writeUInt32BE(ownSsrc, 4)
    if (this.#ssrc === null) return packet
    const expected = this.#highest - this.#first + 1
    const lost = expected - this.#received
    const expectedNow = expected - this.#reported.expected
    const lostNow = expectedNow - (this.#received - this.#reported.received)
    this.#reported = { expected, received: this.#received }
    packet.writeUInt32BE(this.#ssrc, 8)
    packet.writeInt32BE(clamp(lost, -0x80_0000, 0x7f_ffff), 12)
    packet.writeUInt8(expectedNow <= 0 ? 0 : clamp(Math.floor((lostNow * 256) / expectedNow), 0, 255), 12)
    packet.writeUInt32BE(this.#highest % 2 ** 32, 16)
    packet.writeUInt32BE(clamp(Math.round(this.#jitter), 0, 2 ** 32 - 1), 20)
    packet.writeUInt32BE(this.#lastReport?.ntpMiddle ?? 0, 24)
    // In units of 1/65536 s.
    const delay = this.#lastReport === null ? 0 : ((at - this.#lastReport.at) * 65_536) / 1000
    packet.writeUInt32BE(clamp(Math.round(delay), 0, 2 ** 32 - 1), 28)
    return packet
  }
}

function description(ssrc: number, cname: string): Buffer {
  const name = Buffer.from(cname).subarray(0, 255)
  const packet = Buffer.alloc(4 + Math.ceil((4 + 2 + name.length + 1) / 4) * 4)
  packet.writeUInt8(0x81, 0)
  packet.writeUInt8(rtcpTypes.description, 1)
  packet.writeUInt16BE(packet.length / 4 - 1, 2)
  packet.writeUInt32BE(ssrc, 4)
  packet.writeUInt8(1, 8)
  packet.writeUInt8(name.length, 9)
  name.copy(packet, 10)
  return packet
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value))
}

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RtpPacket } from '../../../src/recordings/rtp/packet.ts'
import { StreamTimeline } from '../../../src/recordings/rtp/timeline.ts'

const started = 1_000_000
const pcmu = { type: 0, codec: 'PCMU', clockRate: 8000, channels: 1 } as const
const l16 = { type: 96, codec: 'L16', clockRate: 16000, channels: 1 } as const
const g722 = { type: 9, codec: 'G722', clockRate: 8000, channels: 1 } as const

/** A line of samples, and which packet each 20 ms of it came from: the n-th packet's samples all have the value n + 1. */
class Line {
  readonly samples: Int16Array
  readonly keys: string[] = []
  readonly timeline: StreamTimeline
  #now = started

  constructor(options: { readonly reportKeys?: boolean; readonly seconds?: number } = {}) {
    this.samples = new Int16Array(8000 * (options.seconds ?? 6))
    this.timeline = new StreamTimeline({
      rate: 8000,
      startedAt: started,
      place: (position, samples) => this.samples.set(samples, position),
      onKey: options.reportKeys === true ? pressed => this.keys.push(pressed.key) : undefined,
    })
    this.timeline.configure([{ type: 97, codec: 'L16', clockRate: 8000, channels: 1 }, pcmu, l16, g722], [101])
  }

  /** `at`: ms after the start. */
  take(packet: RtpPacket, at: number): void {
    this.until(at)
    this.timeline.receive(packet, started + at)
  }

  until(at: number): void {
    for (; this.#now < started + at; this.#now += 50) this.timeline.advance(this.#now)
  }

  /** Where the packet's samples begin, ms; `null` when there are none. */
  whereIs(index: number): number | null {
    const at = this.samples.indexOf(index + 1)
    return at === -1 ? null : at / 8
  }

  /** How many samples of it there are. */
  lengthOf(index: number): number {
    return this.samples.reduce((sum, sample) => sum + (sample === index + 1 ? 1 : 0), 0)
  }
}

/** The n-th packet of a stream of 20 ms of L16 at 8 kHz. */
function nth(index: number, changes: Partial<RtpPacket> = {}): RtpPacket {
  const payload = Buffer.alloc(320)
  for (let at = 0; at < 320; at += 2) payload.writeInt16BE(index + 1, at)
  const sequence = (65_500 + index) & 0xffff
  const timestamp = (4_294_960_000 + index * 160) >>> 0
  return { marker: false, payloadType: 97, sequence, timestamp, ssrc: 1, payload, ...changes }
}

describe('packets on the line of time', () => {
  test('are at their places whatever their order, doublings and losses, over both wrap-arounds', () => {
    const fate = fc.record({ delay: fc.integer({ min: 0, max: 300 }), copies: fc.constantFrom(1, 1, 1, 2, 3, 0) })
    fc.assert(
      fc.property(fc.array(fate, { minLength: 1, maxLength: 120 }), fates => {
        const line = new Line()
        // The first one is on time; later ones wait up to 300 ms on their way.
        const arrivals = fates.flatMap(({ delay, copies }, index) =>
          index === 0
            ? [{ index, at: 100 }]
            : Array.from({ length: copies }, (_, copy) => ({ index, at: 100 + index * 20 + delay + copy })),
        )
        for (const { index, at } of arrivals.sort((a, b) => a.at - b.at)) line.take(nth(index), at)
        line.timeline.finish()
        fates.forEach(({ copies }, index) => {
          expect(line.whereIs(index)).toBe(index > 0 && copies === 0 ? null : 100 + index * 20)
          expect(line.lengthOf(index)).toBe(index > 0 && copies === 0 ? 0 : 160)
        })
      }),
      { numRuns: 150 },
    )
  })

  test('never throw and never go outside of what has passed, whatever is sent', () => {
    const packet = fc.record({
      payloadType: fc.constantFrom(0, 9, 13, 96, 97, 101, 102),
      sequence: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.nat(65_535)),
      timestamp: fc.oneof(fc.integer({ min: 0, max: 9_600 }), fc.nat(4_294_967_295)),
      ssrc: fc.constantFrom(1, 1, 1, 2),
      payload: fc.uint8Array({ maxLength: 400 }),
      after: fc.nat(400),
    })
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 60 }), packets => {
        let now = 0
        let end = Number.NEGATIVE_INFINITY
        const place = (position: number, samples: Int16Array): void => {
          expect(Number.isInteger(position)).toBe(true)
          expect(position).toBeGreaterThanOrEqual(end)
          end = position + samples.length
          // At most what may be early.
          expect(position).toBeLessThanOrEqual((now + 501) * 8)
        }
        const timeline = new StreamTimeline({ rate: 8000, startedAt: 0, place })
        timeline.configure([pcmu, g722, l16], [101])
        for (const { after, ...rest } of packets) {
          now += after
          timeline.advance(now)
          timeline.receive({ marker: false, ...rest }, now)
        }
        timeline.finish()
        const { packets: all, placed, strays, duplicates, late, comfortNoise, keyEvents, unknownPayload } = timeline.counters
        expect(placed + strays + duplicates + late + comfortNoise + keyEvents + unknownPayload).toBe(all)
      }),
      { numRuns: 1_000 },
    )
  })

  test('that come after their window are late, and change nothing', () => {
    const line = new Line()
    for (const index of [0, 1, 3]) line.take(nth(index), index * 20)
    line.take(nth(2), 1_900)
    line.timeline.finish()
    expect(line.timeline.counters).toMatchObject({ late: 1, lost: 1 })
    expect([line.whereIs(2), line.whereIs(3)]).toEqual([null, 60])
  })
})

describe('a source', () => {
  test('that is replaced goes on at the time when the new one came, and loses no packet', () => {
    const line = new Line()
    for (let index = 0; index < 50; index += 1) line.take(nth(index), index * 20)
    for (let index = 50; index < 100; index += 1)
      line.take(nth(index, { ssrc: 2, sequence: index + 9_000, timestamp: index * 160 + 77 }), 500 + index * 20)
    line.timeline.finish()
    expect([line.whereIs(49), line.whereIs(50), line.whereIs(51), line.whereIs(99)]).toEqual([980, 1_500, 1_520, 2_480])
    expect(line.timeline.counters).toMatchObject({ sources: 2, placed: 100, strays: 0, lost: 0 })
  })

  test('that still sends after it was replaced does not take turns with the new one', () => {
    const line = new Line()
    for (let index = 0; index < 20; index += 1) line.take(nth(index), index * 20)
    for (let index = 20; index < 60; index += 1) {
      line.take(nth(index, { payload: Buffer.alloc(320) }), index * 20)
      line.take(nth(index, { ssrc: 2, sequence: index, timestamp: index * 160 }), index * 20 + 3)
    }
    line.timeline.finish()
    expect(line.timeline.counters.sources).toBe(2)
    expect(line.whereIs(40)).toBe(803)
  })

  test('is not replaced by one stray packet', () => {
    const line = new Line()
    for (let index = 0; index < 40; index += 1) {
      line.take(nth(index), index * 20)
      if (index === 20) line.take(nth(900, { ssrc: 99, sequence: 4 }), index * 20)
    }
    line.timeline.finish()
    expect(line.timeline.counters).toMatchObject({ sources: 1, strays: 1, placed: 40 })
  })

  test('that begins to count its timestamps anew is placed by its arrival', () => {
    const line = new Line()
    for (let index = 0; index < 100; index += 1) {
      const timestamp = index < 50 ? 3_000_000_000 + index * 160 : index * 160
      line.take(nth(index, { timestamp }), index * 20)
    }
    line.timeline.finish()
    expect([line.whereIs(49), line.whereIs(50), line.whereIs(99)]).toEqual([980, 1_000, 1_980])
  })

  test('whose timestamps jump ahead is not placed in the future', () => {
    const line = new Line()
    for (let index = 0; index < 100; index += 1) {
      line.take(nth(index, { timestamp: index * 160 + (index < 50 ? 0 : 80_000) }), index * 20)
    }
    line.timeline.finish()
    expect([line.whereIs(50), line.whereIs(99)]).toEqual([1_000, 1_980])
  })

  test('whose timestamps stand still while it is silent gets its silence back', () => {
    const line = new Line()
    for (let index = 0; index < 50; index += 1) line.take(nth(index), index * 20)
    for (let index = 50; index < 100; index += 1) line.take(nth(index), 3_000 + index * 20)
    line.timeline.finish()
    expect([line.whereIs(49), line.whereIs(50), line.whereIs(99)]).toEqual([980, 4_000, 4_980])
  })

  test('whose packets were held up and then came all at once is where it was spoken', () => {
    const line = new Line()
    for (let index = 0; index < 50; index += 1) line.take(nth(index), index * 20)
    for (let index = 50; index < 100; index += 1) line.take(nth(index), 2_000 + (index - 50) / 10)
    for (let index = 100; index < 150; index += 1) line.take(nth(index), 10 + index * 20)
    line.timeline.finish()
    expect([line.whereIs(50), line.whereIs(99), line.whereIs(149)]).toEqual([1_000, 1_980, 2_980])
    expect(line.timeline.counters.moves).toBe(0)
  })

  test.each([0.999, 1.001])(
    'with pauses in its speech whose clock runs %f times as fast stays within 62 ms of the wall clock',
    speed => {
      // 40 ms, and what the clock loses in the 20 s until it is known for sure.
      const line = new Line({ seconds: 102 })
      const count = 5_000
      for (let index = 0; index < count; index += 1) {
        const spoken = index % 20 === 0 ? { payload: Buffer.alloc(320) } : {}
        line.take(nth(index, spoken), Math.round((index * 20) / speed))
      }
      line.timeline.finish()
      for (let index = 1; index < count; index += 100) {
        expect(Math.abs((line.whereIs(index) ?? Number.NaN) - (index * 20) / speed)).toBeLessThanOrEqual(62)
        expect(line.lengthOf(index)).toBe(160)
      }
      expect(line.timeline.counters.insertedMs + line.timeline.counters.cutMs).toBeGreaterThan(40)
    },
  )

  test('that never pauses and whose clock is fast is never more than half a second ahead', () => {
    const line = new Line({ seconds: 102 })
    const count = 5_000
    for (let index = 0; index < count; index += 1) line.take(nth(index + 300), Math.round(index * 19.8))
    line.timeline.finish()
    for (let index = 0; index < count; index += 50) {
      const where = line.whereIs(index + 300)
      if (where !== null) expect(where - index * 19.8).toBeLessThanOrEqual(501)
    }
    // A second too much was sent, half of which may be ahead.
    expect(line.timeline.counters.cutMs).toBeGreaterThan(450)
    expect(line.timeline.counters.cutMs).toBeLessThan(560)
  })

  test('that was busy for seconds and catches up loses nothing', () => {
    const line = new Line({ seconds: 20 })
    for (let index = 0; index < 900; index += 1) {
      const busy = index > 100 && index < 800 ? 90 + (index % 50) * 4 : 0
      line.take(nth(index + 300), Math.max(index * 20 + busy, 0))
    }
    line.timeline.finish()
    for (let index = 0; index < 900; index += 30) expect(line.lengthOf(index + 300)).toBe(160)
    expect(line.timeline.counters.cutMs).toBe(0)
  })
})

describe('what is no speech', () => {
  test('keys are skipped and reported once each, with silence in their place', () => {
    const line = new Line({ reportKeys: true })
    line.take(nth(0), 0)
    for (let index = 1; index < 6; index += 1) {
      const payload = Uint8Array.from([5, index > 2 ? 0x8a : 0x0a, 0, 160 * Math.min(index, 3)])
      line.take(nth(index, { payloadType: 101, timestamp: nth(1).timestamp, payload }), index * 20)
    }
    line.take(nth(6), 120)
    line.timeline.finish()
    expect(line.keys).toEqual(['5'])
    expect([line.whereIs(0), line.whereIs(6)]).toEqual([0, 120])
    expect(line.samples.subarray(160, 960).every(sample => sample === 0)).toBe(true)
  })

  test('comfort noise is silence, and the speech after it is at its place', () => {
    const line = new Line()
    line.take(nth(0), 0)
    line.take(nth(1, { payloadType: 13, payload: Uint8Array.from([40]) }), 20)
    line.take(nth(2, { timestamp: nth(30).timestamp, marker: true }), 600)
    line.timeline.finish()
    expect(line.whereIs(2)).toBe(600)
    expect(line.timeline.counters).toMatchObject({ comfortNoise: 1, lost: 0 })
  })

  test('a pause is silence of its length, and what was said before it stays', () => {
    const line = new Line()
    for (let index = 0; index < 100; index += 1) {
      if (index === 30) line.timeline.pause(true)
      if (index === 60) line.timeline.pause(false)
      line.take(nth(index), index * 20)
    }
    line.timeline.finish()
    expect([29, 30, 59, 60].map(index => line.whereIs(index))).toEqual([580, null, null, 1_200])
  })
})

test('a payload type that changes in the middle goes on at its time, with another clock as well', () => {
  const line = new Line()
  for (let index = 0; index < 20; index += 1) line.take(nth(index), index * 20)
  for (let index = 20; index < 40; index += 1) {
    const payload = Buffer.alloc(640)
    for (let at = 0; at < 640; at += 2) payload.writeInt16BE(5_000, at)
    line.take(nth(index, { payloadType: 96, timestamp: 12_345 + index * 320, payload }), index * 20)
  }
  for (let index = 40; index < 60; index += 1)
    line.take(nth(index, { payloadType: 0, payload: Buffer.alloc(160, 0x10) }), index * 20)
  line.timeline.finish()
  const heard = (ms: number): number => line.samples[ms * 8 + 80] ?? 0
  expect([heard(380), heard(400), heard(780), heard(800), heard(1_180)]).toEqual([20, 5_000, 5_000, -15_996, -15_996])
  expect(line.timeline.counters.lost).toBe(0)
})

test('a bias moves what comes later, and the clock does not take it for drift', () => {
  const line = new Line({ seconds: 31 })
  for (let index = 0; index < 1_500; index += 1) {
    if (index === 100) line.timeline.setBias(80)
    line.take(nth(index), index * 20)
  }
  line.timeline.finish()
  expect([line.whereIs(10), line.whereIs(200), line.whereIs(1_400)]).toEqual([200, 4_080, 28_080])
  expect(line.timeline.counters.moves).toBe(0)
})

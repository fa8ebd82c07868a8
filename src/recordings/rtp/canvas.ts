/**
 * The last seconds of a recording, all channels side by side, until they go to the file: silence onto which streams put what they hear,
 * in any order. What nobody has put anything onto stays silence, so channels always have the same length.
 */
import { endianness } from 'node:os'

export interface CanvasOptions {
  readonly channels: number
  /** How many frames may lie between what was taken and the furthest sample. */
  readonly mostFrames: number
}

const firstFrames = 8_192

export class Canvas {
  readonly #mostFrames: number
  #channels: number
  /** Interleaved; frame `#base` comes first. */
  #frames: Int16Array
  #base = 0
  #end = 0
  /** Samples for a time that was taken already, and for one too far ahead. */
  readonly counters = { tooLate: 0, tooFarAhead: 0 }

  constructor({ channels, mostFrames }: CanvasOptions) {
    this.#channels = channels
    this.#mostFrames = mostFrames
    this.#frames = new Int16Array(Math.min(firstFrames, mostFrames) * channels)
  }

  /** The first frame that was not taken yet. */
  get base(): number {
    return this.#base
  }

  /** The frame after the last one onto which something was put. */
  get end(): number {
    return this.#end
  }

  /** Adds samples to a channel from frame `position` on; several streams of one participant are mixed. */
  put(channel: number, position: number, samples: Int16Array): void {
    const from = Math.max(0, this.#base - position)
    const to = Math.min(samples.length, this.#base + this.#mostFrames - position)
    this.counters.tooLate += Math.min(from, samples.length)
    this.counters.tooFarAhead += Math.max(0, samples.length - Math.max(to, from))
    if (from >= to) return
    this.#makeRoom(position + to - this.#base)
    this.#end = Math.max(this.#end, position + to)
    const frames = this.#frames
    let at = (position + from - this.#base) * this.#channels + channel
    for (let index = from; index < to; index += 1, at += this.#channels) {
      const sum = (frames[at] ?? 0) + (samples[index] ?? 0)
      frames[at] = sum > 32_767 ? 32_767 : sum < -32_768 ? -32_768 : sum
    }
  }

  /** The frames before `until`, as the bytes of a WAV file; they are gone from here. */
  take(until: number): Buffer {
    const frames = Math.max(0, until - this.#base)
    const taken = new Int16Array(frames * this.#channels)
    const present = Math.min(taken.length, this.#frames.length)
    taken.set(this.#frames.subarray(0, present))
    this.#frames.copyWithin(0, present)
    this.#frames.fill(0, this.#frames.length - present)
    this.#base += frames
    const bytes = Buffer.from(taken.buffer)
    return endianness() === 'LE' ? bytes : bytes.swap16()
  }

  /** Adds silent channels after those that there are. */
  widen(channels: number): void {
    const length = this.#frames.length / this.#channels
    const wider = new Int16Array(length * channels)
    for (let frame = 0; frame < length; frame += 1) {
      for (let channel = 0; channel < this.#channels; channel += 1) {
        wider[frame * channels + channel] = this.#frames[frame * this.#channels + channel] ?? 0
      }
    }
    this.#frames = wider
    this.#channels = channels
  }

  #makeRoom(frames: number): void {
    const needed = frames * this.#channels
    if (needed <= this.#frames.length) return
    const larger = new Int16Array(Math.max(needed, Math.min(this.#frames.length * 2, this.#mostFrames * this.#channels)))
    larger.set(this.#frames)
    this.#frames = larger
  }
}

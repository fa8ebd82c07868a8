/**
 * A look at every frame header of an MP3 as it streams by (ISO 11172-3 section 2.4.1.3, ISO 13818-3, and the MPEG-2.5 extension):
 * enough to know that a file is whole audio and how long it plays. Total: any bytes give a summary or a reason, never a throw.
 */

/** What the frames add up to. The Xing/Info frame that encoders put first holds no audio and is not counted. */
export interface Mp3Summary {
  readonly frames: number
  readonly durationMs: number
  readonly sampleRate: number
  readonly channels: number
}

export type Mp3Verdict = { readonly ok: true; readonly summary: Mp3Summary } | { readonly ok: false; readonly reason: string }

interface Frame {
  readonly bytes: number
  readonly samples: number
  readonly sampleRate: number
  readonly channels: number
  /** Where a Xing or Info mark would be. */
  readonly markAt: number
}

const bitratesMpeg1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const bitratesMpeg2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
const sampleRates = [44_100, 48_000, 32_000]

/** Longest prefix of a unit that has to be seen to know its length and whether it counts. */
const lookAhead = 42

export class Mp3Scanner {
  #held = Buffer.alloc(0)
  #skip = 0
  #position = 0
  #frames = 0
  #samples = 0
  #shape: { readonly sampleRate: number; readonly channels: number } | null = null
  #sawTrailer = false
  #reason: string | null = null

  /** Takes the next piece of the file, of any size. */
  push(chunk: Buffer): void {
    if (this.#reason !== null) return
    let data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    while (this.#reason === null) {
      const skipped = Math.min(this.#skip, data.length)
      this.#skip -= skipped
      this.#position += skipped
      data = data.subarray(skipped)
      if (this.#skip > 0 || data.length < lookAhead) break
      this.#unit(data)
    }
    this.#held = Buffer.from(data)
  }

  /** The verdict once the whole file has been pushed. */
  finish(): Mp3Verdict {
    while (this.#reason === null && this.#skip === 0 && this.#held.length > 0) {
      this.#unit(this.#held)
      const skipped = Math.min(this.#skip, this.#held.length)
      this.#skip -= skipped
      this.#position += skipped
      this.#held = this.#held.subarray(skipped)
    }
    if (this.#reason === null && this.#skip > 0) this.#reason = 'the last frame is cut off'
    if (this.#reason !== null) return { ok: false, reason: this.#reason }
    if (this.#shape === null) return { ok: false, reason: 'there is no audio frame' }
    const { sampleRate, channels } = this.#shape
    const durationMs = (this.#samples * 1000) / sampleRate
    return { ok: true, summary: { frames: this.#frames, durationMs, sampleRate, channels } }
  }

  /** Recognises what begins at `data[0]` and sets how much to skip. */
  #unit(data: Buffer): void {
    if (this.#sawTrailer) {
      this.#reason = `something follows the end tag at byte ${this.#position}`
      return
    }
    const mark = data.toString('latin1', 0, 3)
    if (this.#position === 0 && mark === 'ID3' && data.length >= 10) {
      // ID3v2.4 section 3.1: a 10-byte header, then a size of four times seven bits.
      this.#skip = 10 + data.subarray(6, 10).reduce((size, byte) => size * 128 + (byte & 0x7f), 0)
      return
    }
    if (mark === 'TAG') {
      this.#sawTrailer = true
      this.#skip = 128
      return
    }
    const frame = readFrame(data)
    if (frame === null) {
      this.#reason = `byte ${this.#position} begins no MP3 frame`
      return
    }
    this.#skip = frame.bytes
    if (this.#shape === null && this.#frames === 0 && isInfo(data, frame)) return
    if (this.#shape !== null && (this.#shape.sampleRate !== frame.sampleRate || this.#shape.channels !== frame.channels)) {
      this.#reason = `the format changes at byte ${this.#position}`
      return
    }
    this.#shape ??= { sampleRate: frame.sampleRate, channels: frame.channels }
    this.#frames += 1
    this.#samples += frame.samples
  }
}

function readFrame(data: Buffer): Frame | null {
  if (data.length < 4) return null
  const header = data.readUInt32BE(0)
  const versionBits = (header >>> 19) & 3
  const layerBits = (header >>> 17) & 3
  const sync = header >>> 21 === 0x7ff
  const sampleRate = sampleRates[(header >>> 10) & 3]
  const mpeg1 = versionBits === 3
  const kbits = (mpeg1 ? bitratesMpeg1 : bitratesMpeg2)[(header >>> 12) & 15]
  if (!sync || versionBits === 1 || layerBits !== 1 || sampleRate === undefined || kbits === undefined || kbits === 0) return null
  const divisor = versionBits === 3 ? 1 : versionBits === 2 ? 2 : 4
  const rate = sampleRate / divisor
  const padding = (header >>> 9) & 1
  const mono = ((header >>> 6) & 3) === 3
  const crc = ((header >>> 16) & 1) === 0 ? 2 : 0
  const sideInfo = mpeg1 ? (mono ? 17 : 32) : mono ? 9 : 17
  return {
    bytes: Math.floor(((mpeg1 ? 144 : 72) * kbits * 1000) / rate) + padding,
    samples: mpeg1 ? 1152 : 576,
    sampleRate: rate,
    channels: mono ? 1 : 2,
    markAt: 4 + crc + sideInfo,
  }
}

function isInfo(data: Buffer, { markAt }: Frame): boolean {
  const mark = data.toString('latin1', markAt, markAt + 4)
  return mark === 'Xing' || mark === 'Info'
}

/**
 * How long an MP3 plays, by walking its frames (ISO 11172-3 and 13818-3, and the MPEG 2.5 extension that telephone rates need).
 * Pushed through in chunks of any size, so a file is measured while it is hashed. Total: any bytes give a report.
 */

export type Mp3Report =
  | {
      readonly kind: 'mp3'
      /** Without the encoder's delay and padding, where the LAME tag gives them. */
      readonly durationMs: number
      readonly channels: number
      readonly sampleRate: number
      readonly frames: number
    }
  | { readonly kind: 'broken'; readonly reason: string }

interface Frame {
  readonly bytes: number
  readonly samples: number
  readonly sampleRate: number
  readonly channels: number
  /** Bytes of side information after the header, where a Xing or Info tag would begin. */
  readonly sideBytes: number
}

/** The longest layer III frame has 1441 bytes; a tag is looked for in the first frame only. */
const longestFrame = 1_441
const headerBytes = 4

export class Mp3Meter {
  #carry: Uint8Array = new Uint8Array(0)
  /** Bytes to pass over: an ID3 tag, or the rest of a frame. */
  #skip = 0
  #atStart = true
  #first: Frame | null = null
  #frames = 0
  #samples = 0
  #silence = 0
  #frameBytes = 0
  #strayBytes = 0

  push(chunk: Uint8Array): void {
    const skipped = Math.min(this.#skip, chunk.length)
    this.#skip -= skipped
    const fresh = chunk.subarray(skipped)
    if (fresh.length === 0) return
    const bytes = this.#carry.length === 0 ? fresh : Buffer.concat([this.#carry, fresh])
    const used = this.#walk(bytes, false)
    this.#carry = Uint8Array.from(bytes.subarray(used))
  }

  finish(): Mp3Report {
    this.#walk(this.#carry, true)
    this.#carry = new Uint8Array(0)
    const first = this.#first
    if (first === null || this.#frames === 0) return { kind: 'broken', reason: 'there is no MP3 audio frame in it' }
    if (this.#strayBytes > this.#frameBytes) return { kind: 'broken', reason: `${this.#strayBytes} bytes of it are no MP3` }
    const samples = this.#samples - (this.#silence < this.#samples ? this.#silence : 0)
    return {
      kind: 'mp3',
      durationMs: (samples * 1000) / first.sampleRate,
      channels: first.channels,
      sampleRate: first.sampleRate,
      frames: this.#frames,
    }
  }

  /** Walks over what is whole in `bytes`; returns how many bytes are done with. */
  #walk(bytes: Uint8Array, last: boolean): number {
    let at = 0
    while (at < bytes.length) {
      const left = bytes.length - at
      // Before the first frame a tag may have to be read whole; later a header is enough.
      const wanted = this.#first === null ? longestFrame : headerBytes
      if (left < wanted && !last) return at
      const length = this.#step(bytes.subarray(at))
      if (length > left) {
        this.#skip = length - left
        return bytes.length
      }
      at += length
    }
    return at
  }

  /** Takes what begins here; returns its length in bytes, which may be more than there is. */
  #step(bytes: Uint8Array): number {
    if (this.#atStart) {
      this.#atStart = false
      const tag = id3Bytes(bytes)
      if (tag > 0) return tag
    }
    const frame = readFrame(bytes)
    if (frame === null || (this.#first !== null && frame.sampleRate !== this.#first.sampleRate)) {
      const trailing = trailerBytes(bytes)
      if (trailing > 0) return trailing
      this.#strayBytes += 1
      return 1
    }
    this.#frameBytes += frame.bytes
    if (this.#first === null) {
      this.#first = frame
      const silence = tagSilence(bytes, frame)
      if (silence !== null) {
        this.#silence = silence
        return frame.bytes
      }
    }
    this.#frames += 1
    this.#samples += frame.samples
    return frame.bytes
  }
}

const rates: Readonly<Record<number, readonly number[]>> = {
  3: [44_100, 48_000, 32_000],
  2: [22_050, 24_000, 16_000],
  0: [11_025, 12_000, 8_000],
}
const kbitsMpeg1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const kbitsMpeg2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]

function readFrame(bytes: Uint8Array): Frame | null {
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  if (bytes.length < headerBytes || a !== 0xff || (b & 0xe0) !== 0xe0) return null
  const version = (b >> 3) & 3
  const layer = (b >> 1) & 3
  if (version === 1 || layer !== 1) return null
  const kbits = (version === 3 ? kbitsMpeg1 : kbitsMpeg2)[c >> 4]
  const sampleRate = rates[version]?.[(c >> 2) & 3]
  if (kbits === undefined || kbits === 0 || sampleRate === undefined) return null
  const mono = d >> 6 === 3
  const samples = version === 3 ? 1_152 : 576
  const sideBytes = version === 3 ? (mono ? 17 : 32) : mono ? 9 : 17
  const length = Math.floor(((samples / 8) * kbits * 1000) / sampleRate) + ((c >> 1) & 1)
  return { bytes: length, samples, sampleRate, channels: mono ? 1 : 2, sideBytes }
}

/** ID3v2 (id3.org, 3.1): the size is four 7-bit bytes; bit 4 of the flags says that a footer follows. */
function id3Bytes(bytes: Uint8Array): number {
  if (bytes.length < 10 || ascii(bytes, 0, 3) !== 'ID3') return 0
  const [size6 = 0, size7 = 0, size8 = 0, size9 = 0] = bytes.subarray(6, 10)
  if (((size6 | size7 | size8 | size9) & 0x80) !== 0) return 0
  const footer = ((bytes[5] ?? 0) & 0x10) !== 0 ? 10 : 0
  return 10 + footer + size6 * 2 ** 21 + size7 * 2 ** 14 + size8 * 2 ** 7 + size9
}

/** ID3v1: the last 128 bytes of a file. */
function trailerBytes(bytes: Uint8Array): number {
  return ascii(bytes, 0, 3) === 'TAG' ? 128 : 0
}

/**
 * A Xing, Info or VBRI frame holds no audio. Returns the samples of silence that the encoder added around the audio (0 when it
 * does not say, gabriel.mp3-tech.org/mp3infotag.html), or `null` when this frame is an ordinary one.
 */
function tagSilence(bytes: Uint8Array, frame: Frame): number | null {
  if (ascii(bytes, headerBytes + 32, 4) === 'VBRI') return 0
  const at = headerBytes + frame.sideBytes
  const name = ascii(bytes, at, 4)
  if (name !== 'Xing' && name !== 'Info') return null
  const flags = bytes[at + 7] ?? 0
  const lame =
    at +
    8 +
    ((flags & 1) !== 0 ? 4 : 0) +
    ((flags & 2) !== 0 ? 4 : 0) +
    ((flags & 4) !== 0 ? 100 : 0) +
    ((flags & 8) !== 0 ? 4 : 0)
  const encoder = ascii(bytes, lame, 4)
  if (encoder !== 'LAME' && encoder !== 'Lavf' && encoder !== 'Lavc') return 0
  const [x = 0, y = 0, z = 0] = bytes.subarray(lame + 21, lame + 24)
  return ((x << 4) | (y >> 4)) + (((y & 15) << 8) | z)
}

function ascii(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length))
}

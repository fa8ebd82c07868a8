/**
 * Writes one WAV file bit by bit, so that what is on the disk is a valid WAV at any moment. Owns the file and what waits for it.
 *
 * 1 Audio is written first, then the header with its new size: a process that is killed leaves a header that promises no more than is there.
 * 2 `flush` writes to the operating system; every `syncEveryMs` it also has it written to the disk (fdatasync) before the header says so.
 *   So a killed process loses what was not flushed (about a second), a power failure what was not synced (about ten).
 * 3 Audio waits in memory while the disk refuses it, at most `mostWaitingBytes`; beyond that the oldest is dropped and becomes silence: its
 *   place in the file stays, as zeros, and everything after it stays where it belongs.
 *
 * Times and turns are the caller's: nothing happens between two calls.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { type WavShape, wavHeader, wavHeaderBytes } from './wav-header.ts'

export interface WavWriterOptions extends WavShape {
  /** Must not exist. */
  readonly path: string
  /** Ms, of a clock that never goes back. */
  readonly now: () => number
  readonly syncEveryMs: number
  readonly mostWaitingBytes: number
  /** From how many bytes of audio on the file is an RF64. */
  readonly mostPlain?: number
}

const copyBytes = 256 * 1024

export class WavWriter {
  readonly path: string
  readonly #options: WavWriterOptions
  #shape: WavShape
  #file: FileHandle
  /** Audio that is not in the file yet, and where in the audio data it belongs. */
  #waiting: { readonly at: number; readonly bytes: Buffer }[] = []
  #waitingBytes = 0
  /** Bytes of audio appended so far, and those up to which the file is written. */
  #appended = 0
  #written = 0
  #droppedBytes = 0
  #syncedAt: number
  #closed = false
  /** One operation on the file at a time. */
  #turn: Promise<void> = Promise.resolve()

  private constructor(options: WavWriterOptions, file: FileHandle) {
    this.path = options.path
    this.#options = options
    this.#shape = { channels: options.channels, sampleRate: options.sampleRate }
    this.#file = file
    this.#syncedAt = options.now()
  }

  /** Creates the file with an empty header. Throws the file system's error, EEXIST included. */
  static async create(options: WavWriterOptions): Promise<WavWriter> {
    const file = await open(options.path, 'wx+', 0o640)
    try {
      await writeAll(file, wavHeader(options, 0, options.mostPlain), 0)
      return new WavWriter(options, file)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Bytes of audio, with those that wait. */
  get audioBytes(): number {
    return this.#appended
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Bytes of audio that became silence because the disk took nothing for too long. */
  get droppedBytes(): number {
    return this.#droppedBytes
  }

  /** Takes interleaved 16-bit little-endian frames. The buffer now belongs to the writer. */
  append(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#waiting.push({ at: this.#appended, bytes })
    this.#waitingBytes += bytes.length
    this.#appended += bytes.length
    while (this.#waitingBytes > this.#options.mostWaitingBytes && this.#waiting.length > 1) {
      const dropped = this.#waiting.shift()
      this.#waitingBytes -= dropped?.bytes.length ?? 0
      this.#droppedBytes += dropped?.bytes.length ?? 0
    }
  }

  /** Writes what waits, and the header. Rejects with the file system's error: what waits is kept, try again later. */
  flush(): Promise<void> {
    return this.#next(() => this.#flush(this.#options.now() - this.#syncedAt >= this.#options.syncEveryMs))
  }

  /** Flushes, has everything written to the disk and closes the file. Idempotent; after a failure it may be tried again. */
  finish(): Promise<void> {
    return this.#next(async () => {
      if (this.#closed) return
      await this.#flush(true)
      await this.#file.sync()
      await this.#close()
    })
  }

  /** Closes the file as the last flush left it. Idempotent. */
  abandon(): Promise<void> {
    return this.#next(() => this.#close())
  }

  /**
   * More channels from now on, and silence on them until now: the file is copied beside itself and replaced when whole. What was appended
   * before has the old channels, what is appended after the new ones. Rejects with the file system's error, and nothing has changed then.
   */
  widen(channels: number): Promise<void> {
    return this.#next(async () => {
      await this.#flush(false)
      const before = this.#shape.channels
      const wider = { channels, sampleRate: this.#shape.sampleRate }
      const path = `${this.path}.wider`
      const copy = await open(path, 'w+', 0o640)
      try {
        const bytes = (this.#written / before) * channels
        await this.#copyWider(copy, before, channels)
        await writeAll(copy, wavHeader(wider, bytes, this.#options.mostPlain), 0)
        await copy.sync()
        await rename(path, this.path)
        await this.#file.close()
        // What came during the copy had the old channels as well.
        this.#waiting = this.#waiting.map(piece => ({
          at: (piece.at / before) * channels,
          bytes: widened(piece.bytes, before, channels),
        }))
        this.#waitingBytes = this.#waiting.reduce((sum, piece) => sum + piece.bytes.length, 0)
        this.#appended = (this.#appended / before) * channels
        this.#written = bytes
        this.#shape = wider
        this.#file = copy
      } catch (error) {
        await copy.close()
        await rm(path, { force: true })
        throw error
      }
    })
  }

  async #close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#file.close()
  }

  async #copyWider(copy: FileHandle, before: number, channels: number): Promise<void> {
    const frame = before * 2
    const piece = Buffer.alloc(copyBytes - (copyBytes % frame))
    for (let at = 0; at < this.#written; ) {
      const { bytesRead } = await this.#file.read(piece, 0, Math.min(piece.length, this.#written - at), wavHeaderBytes + at)
      const whole = bytesRead - (bytesRead % frame)
      if (whole === 0) throw new Error(`${this.path} has become shorter while it was written`)
      await writeAll(copy, widened(piece.subarray(0, whole), before, channels), wavHeaderBytes + (at / before) * channels)
      at += whole
    }
  }

  async #flush(sync: boolean): Promise<void> {
    const before = this.#written
    for (;;) {
      const piece = this.#waiting[0]
      if (piece === undefined) break
      await writeAll(this.#file, piece.bytes, wavHeaderBytes + piece.at)
      this.#written = piece.at + piece.bytes.length
      // It may have been dropped meanwhile.
      if (this.#waiting[0] === piece) {
        this.#waiting.shift()
        this.#waitingBytes -= piece.bytes.length
      }
    }
    if (sync) {
      await this.#file.datasync()
      this.#syncedAt = this.#options.now()
    }
    if (this.#written > before) await writeAll(this.#file, wavHeader(this.#shape, this.#written, this.#options.mostPlain), 0)
  }

  #next(operation: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(operation)
    // The next operation has its own chance; this one's failure goes to whoever asked for it.
    this.#turn = result.catch(() => {})
    return result
  }
}

function widened(bytes: Buffer, before: number, channels: number): Buffer {
  const frames = bytes.length / (before * 2)
  const wider = Buffer.alloc(frames * channels * 2)
  for (let frame = 0; frame < frames; frame += 1) {
    bytes.copy(wider, frame * channels * 2, frame * before * 2, (frame + 1) * before * 2)
  }
  return wider
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

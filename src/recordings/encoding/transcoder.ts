/**
 * Encodes verified WAVs to MP3 files in the spool, a bounded number at a time. An MP3 that `encode` reports is whole, measured
 * against its source, hashed, and on the disk (fsync, then rename): a retry of its delivery just reads it again.
 */
import { createHash } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import type { AudioFormat, EncodedAudio } from '../../events/recording.ts'
import type { AudioContainer } from '../audio/audio-file.ts'
import { OpenFile } from '../audio/byte-source.ts'
import { Mp3Meter } from '../audio/mp3.ts'
import { describe, isGone } from '../failure.ts'
import { syncFolder } from '../intake/spool.ts'
import type { SourceFile } from '../ledger.ts'
import type { Log } from '../log.ts'
import { encodingFor } from './bitrate.ts'
import { type EncodeSettings, runEncode } from './encode-run.ts'
import type { Ffmpeg, FfmpegSearch } from './ffmpeg.ts'
import { Slots } from './slots.ts'

export interface EncodeJob {
  /** The source as it was verified; a source that differs from this is refused. */
  readonly source: SourceFile
  readonly format: AudioFormat
  readonly container: AudioContainer
  readonly ignoreLength: boolean
  /** Absolute path of the MP3 in the spool. */
  readonly target: string
}

export type EncodeResult =
  | { readonly kind: 'encoded'; readonly audio: EncodedAudio }
  /** The source is not what was verified (any more): verify it anew. */
  | { readonly kind: 'changed'; readonly reason: string }
  | { readonly kind: 'gone'; readonly reason: string }
  /** The source is to blame; encoding it again would end the same way. */
  | { readonly kind: 'source-fault'; readonly reason: string }
  /** Retry later, without end: the machine is to blame. */
  | { readonly kind: 'machine-fault'; readonly reason: string }
  /** Retry later, but not for ever. */
  | { readonly kind: 'unclear'; readonly reason: string }
  | { readonly kind: 'aborted' }

export interface TranscoderOptions {
  readonly settings: EncodeSettings
  /** The largest MP3 that whoever gets it takes: longer audio is encoded with fewer bits (bitrate.ts). `null`, the default: any. */
  readonly maxBytes?: number | null
  /** How many ffmpeg processes at once; `auto` is one a core. */
  readonly workers: number | 'auto'
  /** Asked again for each file until it finds one: an ffmpeg may be installed while the bridge runs. */
  readonly findFfmpeg: () => Promise<FfmpegSearch>
  readonly log: Log
  /** ms that any file may take. Default 60,000. */
  readonly timeoutFloorMs?: number
  /** Share of its playing time that a file may take on top. Default 0.5; a slow core takes 0.005. */
  readonly timeoutShare?: number
}

export interface TranscoderStatus {
  readonly ffmpeg: Ffmpeg | null
  /** Why there is no ffmpeg; `null` while there is one, or before it was looked for. */
  readonly missing: string | null
  readonly workers: number
  readonly running: number
  readonly waiting: number
}

/** The frame that begins an MP3, and what its encoder adds in the end. */
const headBytes = 4096

export class Transcoder {
  readonly workers: number
  readonly #options: TranscoderOptions
  readonly #slots: Slots
  #ffmpeg: Ffmpeg | null = null
  #missing: string | null = null

  constructor(options: TranscoderOptions) {
    this.#options = options
    this.workers = options.workers === 'auto' ? availableParallelism() : Math.max(1, options.workers)
    this.#slots = new Slots(this.workers)
  }

  status(): TranscoderStatus {
    return {
      ffmpeg: this.#ffmpeg,
      missing: this.#missing,
      workers: this.workers,
      running: this.#slots.taken,
      waiting: this.#slots.waiting,
    }
  }

  /** About how many bytes the MP3 of such audio will have, rather a few more. */
  expectedBytes(format: AudioFormat): number {
    const { kbits } = encodingFor(format, this.#options.settings, this.#options.maxBytes ?? null)
    return Math.ceil((format.durationMs * kbits) / 8) + headBytes
  }

  /** Looks for ffmpeg unless one is known; `null` when there is none (`status().missing` says why). */
  async ffmpeg(): Promise<Ffmpeg | null> {
    if (this.#ffmpeg !== null) return this.#ffmpeg
    const search = await this.#options.findFfmpeg()
    const { log } = this.#options
    if (search.kind === 'missing') {
      if (this.#missing !== search.reason) log.error({ reason: search.reason }, 'no ffmpeg: recordings wait')
      this.#missing = search.reason
      return null
    }
    const { path, version, origin, warning } = search.ffmpeg
    if (warning === null) log.info({ path, version, origin }, 'ffmpeg found')
    else log.warn({ path, version, origin, warning }, 'ffmpeg found')
    this.#missing = null
    this.#ffmpeg = search.ffmpeg
    return search.ffmpeg
  }

  /** Never rejects. When it does not end as `encoded`, nothing is left in the spool. */
  async encode(job: EncodeJob, signal: AbortSignal): Promise<EncodeResult> {
    try {
      return await this.#slots.run(signal, () => this.#encode(job, signal))
    } catch (error) {
      return signal.aborted ? { kind: 'aborted' } : { kind: 'machine-fault', reason: describe(error) }
    }
  }

  async #encode(job: EncodeJob, signal: AbortSignal): Promise<EncodeResult> {
    const ffmpeg = await this.ffmpeg()
    if (ffmpeg === null) return { kind: 'machine-fault', reason: this.#missing ?? 'no ffmpeg' }
    await mkdir(dirname(job.target), { recursive: true })
    const temporary = `${job.target}.tmp`
    try {
      const source = await OpenFile.open(job.source.path)
      try {
        return await this.#encodeOpen(source, job, ffmpeg, temporary, signal)
      } finally {
        await source.close()
      }
    } catch (error) {
      if (signal.aborted) return { kind: 'aborted' }
      return isGone(error) ? { kind: 'gone', reason: describe(error) } : { kind: 'machine-fault', reason: describe(error) }
    } finally {
      await rm(temporary, { force: true })
    }
  }

  async #encodeOpen(
    source: OpenFile,
    job: EncodeJob,
    ffmpeg: Ffmpeg,
    temporary: string,
    signal: AbortSignal,
  ): Promise<EncodeResult> {
    const { maxBytes = null, log, timeoutFloorMs = 60_000, timeoutShare = 0.5 } = this.#options
    const settings = encodingFor(job.format, this.#options.settings, maxBytes)
    if (source.file.size !== job.source.size || source.file.mtimeMs !== job.source.mtimeMs)
      return changed('changed since it was verified')
    if (settings !== this.#options.settings) {
      const { kbits, channels, sampleRate } = settings
      log.info(
        { file: job.source.path, durationMs: job.format.durationMs, maxBytes, kbits, channels, sampleRate },
        'bit rate lowered',
      )
    }
    const end = await runEncode(
      {
        ffmpegPath: ffmpeg.path,
        source: job.source.path,
        format: job.format,
        container: job.container,
        ignoreLength: job.ignoreLength,
        target: temporary,
        settings,
        timeoutMs: timeoutFloorMs + job.format.durationMs * timeoutShare,
      },
      signal,
    )
    // Looked at first: whatever ffmpeg made of a file that changed under it says nothing about the file.
    if (end.kind !== 'aborted' && !(await source.unchanged())) return changed('changed while being read')
    if (end.kind === 'not-started') {
      this.#ffmpeg = null
      return { kind: 'machine-fault', reason: end.reason }
    }
    if (end.kind !== 'ended') return end
    const measured = await measure(temporary, signal)
    const problem = measured.kind === 'broken' ? measured.reason : durationProblem(job.format.durationMs, measured.durationMs)
    if (problem !== null || measured.kind === 'broken') {
      const words = end.stderr === '' ? '' : ` (ffmpeg: ${end.stderr})`
      return { kind: 'source-fault', reason: `the MP3 is not what the recording holds: ${problem}${words}` }
    }
    await rename(temporary, job.target)
    await syncFolder(dirname(job.target))
    const { durationMs, channels, sampleRate, size, sha256 } = measured
    return { kind: 'encoded', audio: { path: job.target, durationMs, channels, sampleRate, size, sha256 } }
  }
}

/** Why an MP3 of this length cannot be all of its source; `null` when it can. Less than 95 %, or 5 % and half a second more, is wrong. */
export function durationProblem(sourceMs: number, encodedMs: number): string | null {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  if (encodedMs < sourceMs * 0.95) return `it plays ${seconds(encodedMs)} of ${seconds(sourceMs)}`
  if (encodedMs > sourceMs * 1.05 + 500) return `it plays ${seconds(encodedMs)}, the recording only ${seconds(sourceMs)}`
  return null
}

type Measured =
  | (AudioFormat & { readonly kind: 'measured'; readonly size: number; readonly sha256: string })
  | { readonly kind: 'broken'; readonly reason: string }

/** Reads the MP3 once, for its length and its hash, and puts it on the disk. */
async function measure(path: string, signal: AbortSignal): Promise<Measured> {
  const file = await OpenFile.open(path)
  try {
    const hash = createHash('sha256')
    const meter = new Mp3Meter()
    let size = 0
    for await (const chunk of file.chunks(signal)) {
      hash.update(chunk)
      meter.push(chunk)
      size += chunk.length
    }
    await file.sync()
    const report = meter.finish()
    if (report.kind === 'broken') return report
    const { channels, sampleRate } = report
    return { kind: 'measured', durationMs: Math.round(report.durationMs), channels, sampleRate, size, sha256: hash.digest('hex') }
  } finally {
    await file.close()
  }
}

function changed(reason: string): EncodeResult {
  return { kind: 'changed', reason }
}

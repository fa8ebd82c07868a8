/**
 * Reads what a WAV file says about itself, and compares it with what is there. ffmpeg's exit code proves nothing about a
 * damaged WAV (it drops half of the audio of a stale header, and encodes an empty file, both with exit 0), so this is done first.
 *
 * Total and bounded: any bytes give a result, and only chunk headers, `fmt ` and `ds64` are read, whatever the file's size.
 */
import type { AudioFormat } from '../../events/recording.ts'
import type { ByteSource } from './byte-source.ts'
import { durationMs, formatBytesWanted, readWavFormat, type WavFormat } from './wav-format.ts'

/**
 * What the sizes in the header say of the file:
 * exact       they fit: the writer has closed it
 * unfinished  0, or a streaming writer's "unknown": it is still open, or its writer has died
 * stale       smaller than the file: the header was not brought up to date after more was written
 * truncated   larger than the file: the end is missing (or still being copied)
 */
export type HeaderState = 'exact' | 'unfinished' | 'stale' | 'truncated'

export interface WavAudio {
  readonly kind: 'audio'
  readonly format: WavFormat
  readonly header: HeaderState
  readonly dataOffset: number
  /** Bytes of audio that are really there. */
  readonly dataBytes: number
  /** Bytes of audio that the header promises; `null` when it does not know. */
  readonly declaredBytes: number | null
  /** Of the bytes that are there. */
  readonly durationMs: number
}

export type Wav =
  | WavAudio
  /** A WAV header without a single decodable block; Asterisk leaves one of 44 bytes for each unanswered call. */
  | { readonly kind: 'empty'; readonly header: HeaderState; readonly reason: string }
  /** Nothing written yet, or not yet as far as the audio data. */
  | { readonly kind: 'beginning'; readonly reason: string }
  /** Not a WAV, or one that cannot be understood. */
  | { readonly kind: 'broken'; readonly reason: string }

/** ffmpeg must take everything up to the end of the file, not what the header says. */
export function ignoresLength(wav: WavAudio): boolean {
  return wav.header === 'unfinished' || wav.header === 'stale'
}

/** The model's view of a WAV. */
export function audioFormat(wav: WavAudio): AudioFormat {
  return { durationMs: Math.round(wav.durationMs), channels: wav.format.channels, sampleRate: wav.format.sampleRate }
}

const mostChunks = 512
/** 0xFFFFFFFF by most streaming writers; sox writes 0x7FFFF000 and a little more. */
const unknownSize = 0xffffffff
const streamingSize = 0x7ffff000

export async function readWav(source: ByteSource): Promise<Wav> {
  const head = await source.read(0, 12)
  if (head.length === 0) return { kind: 'beginning', reason: 'the file is empty (0 bytes)' }
  const form = fourCC(head, 0)
  // Some recorders write the header last; a file system that lost data in a crash leaves zeros as well.
  if (head.every(byte => byte === 0)) return { kind: 'beginning', reason: 'there are only zero bytes where its header belongs' }
  if (form !== 'RIFF' && form !== 'RF64' && form !== 'BW64') return broken(notRiff(head))
  if (head.length < 12) return { kind: 'beginning', reason: `the file ends within its RIFF header (${head.length} bytes)` }
  if (fourCC(head, 8) !== 'WAVE') return broken(`a RIFF file of another kind (${printable(head.subarray(8, 12))}), not WAVE`)

  let long: { readonly data: number } | null = null
  let format: WavFormat | null = null
  for (let position = 12, chunks = 0; chunks < mostChunks; chunks += 1) {
    const header = await source.read(position, 8)
    if (header.length < 8) {
      return { kind: 'beginning', reason: `the file ends before its audio data (${source.size} bytes)` }
    }
    const name = fourCC(header, 0)
    const size = uint32(header, 4)
    const body = position + 8
    if (name === 'data') {
      if (format === null) return broken('the audio data comes before its format')
      return measure(source, format, uint32(head, 4), body, long?.data ?? size)
    }
    if (name === null) return broken(`no chunk begins at byte ${position}`)
    if (name === 'ds64') {
      // EBU Tech 3306: RIFF size, data size, sample count, 64 bits each.
      const ds64 = await source.read(body, 16)
      if (ds64.length === 16) long = { data: Number(uint64(ds64, 8)) }
    } else if (name === 'fmt ') {
      const wanted = Math.min(size, formatBytesWanted)
      const bytes = await source.read(body, wanted)
      if (bytes.length < wanted) return { kind: 'beginning', reason: `the file ends within its format (${source.size} bytes)` }
      const read = readWavFormat(bytes)
      if (read.kind === 'broken') return read
      format = read.format
    }
    position = await nextChunk(source, body, size)
  }
  return broken(`no audio data within the first ${mostChunks} chunks`)
}

/** Chunks are padded to even sizes; some writers forget it. */
async function nextChunk(source: ByteSource, body: number, size: number): Promise<number> {
  const end = body + size
  if (size % 2 === 0) return end
  const padded = await source.read(end + 1, 4)
  if (padded.length === 4 && fourCC(padded, 0) !== null) return end + 1
  const unpadded = await source.read(end, 4)
  return unpadded.length === 4 && fourCC(unpadded, 0) !== null ? end : end + 1
}

async function measure(source: ByteSource, format: WavFormat, riffSize: number, offset: number, declared: number): Promise<Wav> {
  const present = Math.max(0, source.size - offset)
  const { header, bytes } = await compare(source, riffSize, offset, declared, present)
  if (durationMs(format, bytes) === 0) {
    const what = bytes === 0 ? 'header only' : `${bytes} bytes after the header`
    return { kind: 'empty', header, reason: `${what}, no audio` }
  }
  return {
    kind: 'audio',
    format,
    header,
    dataOffset: offset,
    dataBytes: bytes,
    declaredBytes: header === 'unfinished' ? null : declared,
    durationMs: durationMs(format, bytes),
  }
}

async function compare(
  source: ByteSource,
  riffSize: number,
  offset: number,
  declared: number,
  present: number,
): Promise<{ readonly header: HeaderState; readonly bytes: number }> {
  if (declared === unknownSize || (declared >= streamingSize && declared <= unknownSize && declared > present)) {
    return { header: 'unfinished', bytes: present }
  }
  if (declared > present) return { header: 'truncated', bytes: present }
  // A recorder that was interrupted between its two header writes leaves a RIFF size of 0 or "unknown" beside a good data size:
  // the data size is what counts. But both 0 is the mark of a file that is still open, even while it has no audio yet.
  const rest = present - declared
  if (declared === 0 && riffSize === 0) return { header: 'unfinished', bytes: present }
  if (rest === 0 || (rest === 1 && declared % 2 === 1)) return { header: 'exact', bytes: declared }
  if (await isTrailer(source, offset + declared)) return { header: 'exact', bytes: declared }
  return { header: declared === 0 ? 'unfinished' : 'stale', bytes: present }
}

/** Whether chunks (LIST, id3, …), rather than more audio, follow the audio data to the end of the file. */
async function isTrailer(source: ByteSource, end: number): Promise<boolean> {
  for (const start of end % 2 === 0 ? [end] : [end + 1, end]) {
    let position = start
    for (let chunks = 0; chunks < mostChunks && position < source.size; chunks += 1) {
      const header = await source.read(position, 8)
      if (header.length < 8 || fourCC(header, 0) === null) break
      const size = uint32(header, 4)
      position += 8 + size + (size % 2)
    }
    if (position > start && (position === source.size || position === source.size + 1)) return true
  }
  return false
}

/** What the first bytes of something that is not a RIFF file look like, for the operator who asks how it came here. */
function notRiff(head: Uint8Array): string {
  const starts = (...bytes: readonly number[]): boolean => bytes.every((byte, index) => head[index] === byte)
  if (starts(0x50, 0x4b)) return 'not a WAV file: this is a ZIP archive'
  if (starts(0x49, 0x44, 0x33)) return 'not a WAV file: this is an MP3 file (ID3 tag)'
  if (starts(0xff) && ((head[1] ?? 0) & 0xe0) === 0xe0) return 'not a WAV file: this looks like an MPEG audio stream'
  if (starts(0x4f, 0x67, 0x67, 0x53)) return 'not a WAV file: this is an Ogg file'
  if (starts(0x66, 0x4c, 0x61, 0x43)) return 'not a WAV file: this is a FLAC file'
  if (starts(0x1f, 0x8b)) return 'not a WAV file: this is a gzip archive'
  if (starts(0x52, 0x49, 0x46, 0x58)) return 'a big-endian WAV file (RIFX), which no recorder that we know writes'
  const text = head.every(byte => byte === 9 || byte === 10 || byte === 13 || (byte >= 0x20 && byte < 0x7f))
  return text ? `not a WAV file: this is text (${printable(head)})` : `not a WAV file: it begins with ${printable(head)}`
}

function printable(bytes: Uint8Array): string {
  return JSON.stringify(String.fromCharCode(...bytes.map(byte => (byte >= 0x20 && byte < 0x7f ? byte : 0x2e))))
}

/** A chunk's name, or `null` when these four bytes cannot be one. */
function fourCC(bytes: Uint8Array, at: number): string | null {
  const name = bytes.subarray(at, at + 4)
  if (name.length < 4 || name.some(byte => byte < 0x20 || byte > 0x7e)) return null
  return String.fromCharCode(...name)
}

function uint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true)
}

function uint64(bytes: Uint8Array, at: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(at, true)
}

function broken(reason: string): Wav {
  return { kind: 'broken', reason }
}

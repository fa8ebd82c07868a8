/** What kind of audio a file holds, and whether its writer is done with it. */
import { extname } from 'node:path'
import type { AudioFormat } from '../../events/recording.ts'
import { type ByteSource, OpenFile } from './byte-source.ts'
import { audioFormat, ignoresLength, readWav, type WavAudio } from './riff.ts'

export type AudioFile =
  | {
      readonly kind: 'audio'
      readonly format: AudioFormat
      /** ffmpeg's name of the demuxer. */
      readonly container: AudioContainer
      readonly ignoreLength: boolean
      /** The writer has said that it is done: the sizes in the header fit. */
      readonly closed: boolean
      /** Less than 95 % of what the header promises is there; `null` when all is. */
      readonly truncated: string | null
    }
  | { readonly kind: 'empty'; readonly closed: boolean; readonly reason: string }
  | { readonly kind: 'beginning'; readonly reason: string }
  | { readonly kind: 'broken'; readonly reason: string }

export type AudioContainer = 'wav' | 'gsm'

/** Total and bounded as the RIFF reader is. Raw GSM (`.gsm`, which only Asterisk's voicemail writes) is told by its name. */
export async function readAudioFile(source: ByteSource, path: string): Promise<AudioFile> {
  const extension = extname(path).toLowerCase()
  if (extension === '.gsm') return readRawGsm(source)
  if (extension === '.txt')
    return { kind: 'broken', reason: 'no audio file (.wav, .WAV or .gsm) lies beside this voicemail text' }
  const wav = await readWav(source)
  switch (wav.kind) {
    case 'audio':
      return {
        kind: 'audio',
        format: audioFormat(wav),
        container: 'wav',
        ignoreLength: ignoresLength(wav),
        closed: wav.header === 'exact',
        truncated: truncation(wav),
      }
    case 'empty':
      return { kind: 'empty', closed: wav.header === 'exact', reason: wav.reason }
    case 'beginning':
    case 'broken':
      return wav
    default:
      return wav satisfies never
  }
}

/**
 * How sure one may be that a file's writer is done, from its content alone:
 * finished    its header says so
 * settling    the content says nothing: wait until it has been the same for a while
 * unfinished  its header says that it is still open, or was left so by a crash: wait longer
 */
export type Progress = 'finished' | 'settling' | 'unfinished'

/** Throws the file system's error when the file cannot be read. */
export async function audioProgress(path: string): Promise<Progress> {
  const file = await OpenFile.open(path)
  try {
    const audio = await readAudioFile(file, path)
    if (audio.kind === 'audio' && audio.container === 'gsm') return 'settling'
    if (audio.kind === 'audio' || audio.kind === 'empty') return audio.closed ? 'finished' : 'unfinished'
    return audio.kind === 'beginning' ? 'unfinished' : 'settling'
  } finally {
    await file.close()
  }
}

function truncation(wav: WavAudio): string | null {
  if (wav.header !== 'truncated' || wav.declaredBytes === null || wav.dataBytes >= wav.declaredBytes * 0.95) return null
  return `truncated: ${wav.dataBytes} of the ${wav.declaredBytes} bytes of audio that its header promises are there`
}

/** ETSI EN 300 961: frames of 33 bytes and 160 samples, 8 kHz, each beginning with the magic nibble 0xD. */
async function readRawGsm(source: ByteSource): Promise<AudioFile> {
  const head = await source.read(0, 67)
  if (head.length < 33) return { kind: 'beginning', reason: `no whole GSM frame in it (${head.length} bytes)` }
  for (const at of [0, 33, 66]) {
    const byte = head[at]
    if (byte !== undefined && byte >> 4 !== 0xd)
      return { kind: 'broken', reason: 'not a raw GSM file: a frame without its magic nibble' }
  }
  const format = { durationMs: Math.floor(source.size / 33) * 20, channels: 1, sampleRate: 8_000 }
  return { kind: 'audio', format, container: 'gsm', ignoreLength: false, closed: true, truncated: null }
}

/** One run of ffmpeg: a verified WAV in, an MP3 file out. What its end means is decided here, where the error is born. */
import ffmpeg from 'fluent-ffmpeg'
import type { AudioFormat } from '../../events/recording.ts'
import type { AudioContainer } from '../audio/audio-file.ts'

export interface EncodeSettings {
  /** Constant bit rate, in kbit/s: size and seek positions are then exact. */
  readonly kbits: number
  /** `mono` mixes the channels to one. */
  readonly channels: 'source' | 'mono'
  /** Hz, or `source` to keep the source's. */
  readonly sampleRate: 'source' | number
}

export interface EncodeRun {
  readonly ffmpegPath: string
  readonly source: string
  readonly format: AudioFormat
  readonly container: AudioContainer
  /** Take everything to the end of the file, whatever the header says. */
  readonly ignoreLength: boolean
  readonly target: string
  readonly settings: EncodeSettings
  readonly timeoutMs: number
}

export type EncodeEnd =
  /** Exit 0, which proves nothing yet: look at the file. */
  | { readonly kind: 'ended'; readonly stderr: string }
  | { readonly kind: 'aborted' }
  /** There was no process: ffmpeg is gone, or this machine cannot start one more. */
  | { readonly kind: 'not-started'; readonly reason: string }
  /** Not the file's fault. */
  | { readonly kind: 'machine-fault'; readonly reason: string }
  /** ffmpeg was killed or took too long: either side may be to blame. */
  | { readonly kind: 'unclear'; readonly reason: string }
  | { readonly kind: 'source-fault'; readonly reason: string }

/** Never rejects; the ffmpeg process has ended when it resolves. */
export function runEncode(run: EncodeRun, signal: AbortSignal): Promise<EncodeEnd> {
  const { settings, format } = run
  const channels = settings.channels === 'mono' || format.channels === 1 ? 1 : 2
  const rate = settings.sampleRate === 'source' ? [] : ['-ar', String(settings.sampleRate)]
  // Joint stereo would let the two parties of a call bleed into each other.
  const stereo = channels === 2 ? ['-joint_stereo', '0'] : []
  // The format is forced and only files may be opened: a file that changes into a playlist between our look and ffmpeg's opens nothing.
  const input = ['-nostdin', '-hide_banner', '-loglevel', 'warning', '-protocol_whitelist', 'file,pipe']
  const command = ffmpeg({ stdoutLines: 40 })
    .input(run.source)
    .inputFormat(run.container)
    .inputOptions(...input, ...(run.ignoreLength ? ['-ignore_length', '1'] : []))
    .noVideo()
    .audioCodec('libmp3lame')
    .audioBitrate(`${settings.kbits}k`)
    .audioChannels(channels)
    .outputOptions('-map', '0:a:0', '-map_metadata', '-1', '-threads', '1', ...rate, ...stereo)
    .format('mp3')
    .output(run.target)
  // Process-wide in fluent-ffmpeg (it ignores the instance), which suits: a process has one ffmpeg.
  ffmpeg.setFfmpegPath(run.ffmpegPath)

  return new Promise(resolve => {
    let stopped: EncodeEnd | null = null
    // The process exists only from `start` on; a stop that comes earlier is remembered and carried out there.
    let started = false
    const stop = (end: EncodeEnd): void => {
      stopped ??= end
      if (started) command.kill('SIGKILL')
    }
    const aborted = (): void => stop({ kind: 'aborted' })
    const timer = setTimeout(() => {
      stop({ kind: 'unclear', reason: `ffmpeg did not finish within ${Math.round(run.timeoutMs / 1000)} s` })
    }, run.timeoutMs)
    const settle = (end: EncodeEnd): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', aborted)
      resolve(stopped ?? end)
    }
    signal.addEventListener('abort', aborted, { once: true })
    if (signal.aborted) {
      settle({ kind: 'aborted' })
      return
    }
    command.on('start', () => {
      started = true
      if (stopped !== null) command.kill('SIGKILL')
    })
    command.on('end', (_stdout: unknown, stderr: unknown) => settle(ended(tail(stderr))))
    command.on('error', (error: unknown, _stdout: unknown, stderr: unknown) => settle(failed(error, tail(stderr))))
    command.run()
  })
}

/** The ways in which a machine, and not a file, stops ffmpeg; as strerror() and ffmpeg word them. */
const machineFaults =
  /No space left on device|Disk quota exceeded|Cannot allocate memory|Too many open files|Read-only file system|Input\/output error|Permission denied|Resource temporarily unavailable|Unknown encoder|error while loading shared libraries/i

function ended(stderr: string): EncodeEnd {
  return machineFaults.test(stderr) ? { kind: 'machine-fault', reason: `ffmpeg: ${stderr}` } : { kind: 'ended', stderr }
}

function failed(error: unknown, stderr: string): EncodeEnd {
  const message = error instanceof Error ? error.message : String(error)
  const words = stderr === '' ? message : `${message.split(':')[0] ?? message}: ${stderr}`
  if (machineFaults.test(`${message} ${stderr}`)) return { kind: 'machine-fault', reason: words }
  // SIGKILL is what the kernel's out-of-memory killer sends; other signals are crashes of ffmpeg over this input.
  if (message.includes('killed with signal')) return { kind: 'unclear', reason: words }
  if (/exited with code/.test(message)) return { kind: 'source-fault', reason: words }
  // It was not even started (ENOENT, EAGAIN), or could not list its formats and encoders.
  return { kind: 'not-started', reason: `ffmpeg could not be run: ${words}` }
}

/** The last lines that ffmpeg wrote, on one line of at most 500 characters. */
function tail(stderr: unknown): string {
  if (typeof stderr !== 'string') return ''
  const lines = stderr
    .split(/[\r\n]+/)
    .map(line => line.trim())
    .filter(line => line !== '')
  return lines.slice(-5).join(' | ').slice(-500)
}

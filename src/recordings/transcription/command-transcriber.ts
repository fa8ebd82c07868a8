/** A transcriber that is a program: the MP3's path is among its arguments, what it prints is what was said. No shell is involved. */
import { spawn } from 'node:child_process'
import { kill } from 'node:process'
import type { EncodedAudio } from '../../events/recording.ts'
import { describe } from '../failure.ts'
import { saidInOutput } from './said.ts'
import { type Heard, longestAnswerBytes, type Transcriber } from './transcriber.ts'

const longestComplaint = 2_000

export class CommandTranscriber implements Transcriber {
  readonly #program: string
  readonly #args: readonly string[]

  /** `{file}` in an argument stands for the MP3's path. Throws when there is no program. */
  constructor(command: readonly string[]) {
    const [program, ...args] = command
    if (program === undefined) throw new Error('transcripts.command names no program')
    this.#program = program
    this.#args = args
  }

  transcribe(audio: EncodedAudio, signal: AbortSignal): Promise<Heard> {
    if (signal.aborted) return Promise.resolve(retry('stopped before it began'))
    return this.#run(
      this.#args.map(argument => argument.replaceAll('{file}', audio.path)),
      signal,
    )
  }

  async close(): Promise<void> {}

  #run(args: readonly string[], signal: AbortSignal): Promise<Heard> {
    return new Promise(resolve => {
      // A process group of its own, so that what a wrapper script started dies with it.
      const child = spawn(this.#program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
      const chunks: Buffer[] = []
      let size = 0
      let complaint = ''
      let stopped: Heard | null = null
      const stop = (end: Heard): void => {
        stopped ??= end
        killGroup(child.pid)
        // Whoever left the group may still hold the pipes: not waited for.
        child.stdout.destroy()
        child.stderr.destroy()
      }
      const aborted = (): void => stop(retry(`${this.#program} took too long or had to stop, and was killed`))
      const settle = (end: Heard): void => {
        signal.removeEventListener('abort', aborted)
        resolve(stopped ?? end)
      }
      signal.addEventListener('abort', aborted, { once: true })
      child.stdout.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > longestAnswerBytes) {
          stop({ kind: 'refused', reason: `${this.#program} printed more than ${longestAnswerBytes} bytes` })
        } else chunks.push(chunk)
      })
      child.stderr.on('data', (chunk: Buffer) => {
        complaint = `${complaint}${chunk.toString('utf8')}`.slice(-longestComplaint)
      })
      child.on('error', error => settle(retry(`transcripts.command ${this.#program} cannot be run: ${describe(error)}`)))
      child.on('close', (code, by) => {
        if (code === 0) settle({ kind: 'heard', transcript: saidInOutput(Buffer.concat(chunks).toString('utf8')) })
        else {
          const how = code === null ? `was killed with ${by}` : `exited with ${code}`
          const words = complaint.slice(-300).replace(/\s+/g, ' ').trim()
          settle(retry(`${this.#program} ${how}${words === '' ? '' : `: ${words}`}`))
        }
      })
    })
  }
}

function retry(reason: string): Heard {
  return { kind: 'retry', reason, afterMs: null }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    kill(-pid, 'SIGKILL')
  } catch {
    // It has ended just now.
  }
}

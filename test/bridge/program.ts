/** The built command (`dist/main.js`) as a process of its own, with what it writes. Gone when whoever started it says so. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { env, execPath } from 'node:process'
import { createInterface } from 'node:readline'
import { z } from 'zod'

const root = join(import.meta.dirname, '../..')
/** pino's levels: 40 is warn, 50 is error. */
const lineSchema = z.looseObject({ level: z.number(), msg: z.string() })

export type LogLine = z.infer<typeof lineSchema>

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export class Program {
  /** Resolves when the process is gone and all of its output was read. */
  readonly exited: Promise<Exit>
  /** The JSON lines of its log, in order. */
  readonly log: LogLine[] = []
  readonly #child: ChildProcess
  readonly #output: string[] = []
  readonly #waiting = new Set<() => void>()
  #exit: Exit | null = null

  constructor(args: readonly string[], cwd: string) {
    const child = spawn(execPath, [join(root, 'dist/main.js'), ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', line => this.#onLine(line))
    }
    this.exited = new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => {
        this.#exit = { code, signal }
        for (const look of this.#waiting) look()
        resolve(this.#exit)
      })
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** All that it has written, both streams. */
  get output(): string {
    return this.#output.join('\n')
  }

  /** Sends a signal and waits until the process is gone. */
  async end(signal: NodeJS.Signals): Promise<Exit> {
    if (this.#exit === null) this.#child.kill(signal)
    return await this.exited
  }

  /** What `find` makes of the output so far, as soon as that is not null; throws when the process ends before. */
  async when<T>(find: (program: Program) => T | null): Promise<T> {
    return await new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find(this)
        if (found === null && this.#exit === null) return
        this.#waiting.delete(look)
        if (found === null) reject(new Error(`the process ended (${JSON.stringify(this.#exit)}) and wrote:\n${this.output}`))
        else resolve(found)
      }
      this.#waiting.add(look)
      look()
    })
  }

  /** The first log line with this message. */
  async logged(msg: string): Promise<LogLine> {
    return await this.when(({ log }) => log.find(line => line.msg === msg) ?? null)
  }

  #onLine(line: string): void {
    this.#output.push(line)
    if (line.startsWith('{')) this.log.push(lineSchema.parse(JSON.parse(line)))
    for (const look of this.#waiting) look()
  }
}

/** Runs a command to its end. */
export async function run(args: readonly string[], cwd: string): Promise<Exit & { readonly output: string }> {
  const program = new Program(args, cwd)
  return { ...(await program.exited), output: program.output }
}

/** The process that runs the bridges of a batch, seen from the harness: it is killed with -9 and started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { build } from 'vite'
import { type News, newsSchema, type Order } from './messages.ts'

const root = join(import.meta.dirname, '../..')

/** The program, built once for a run. */
export class BridgeProgram {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async build(): Promise<BridgeProgram> {
    // Inside node_modules, so that the bundle finds the packages that it leaves out.
    const cache = join(root, 'node_modules/.cache/tpe-bridge-faults')
    await mkdir(cache, { recursive: true })
    const outDir = await mkdtemp(join(cache, 'run-'))
    await build({
      root,
      configFile: false,
      logLevel: 'silent',
      build: {
        ssr: join(import.meta.dirname, 'bridge-child.ts'),
        outDir,
        target: 'node20',
        rolldownOptions: { output: { entryFileNames: 'child.mjs' } },
      },
    })
    return new BridgeProgram(outDir)
  }

  get path(): string {
    return join(this.#folder, 'child.mjs')
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }
}

export class BridgeProcess {
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>
  readonly #child: ChildProcess
  #errors = ''

  constructor(program: BridgeProgram, onNews: (news: News) => void) {
    this.#child = spawn(execPath, [program.path], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#child.stderr?.on('data', chunk => {
      this.#errors = (this.#errors + String(chunk)).slice(-4_000)
    })
    this.#child.on('message', message => onNews(newsSchema.parse(message)))
    this.gone = new Promise(resolve => this.#child.once('exit', () => resolve()))
  }

  /** What it wrote to stderr: nothing, unless it crashed by itself. */
  get errors(): string {
    return this.#errors
  }

  tell(order: Order): void {
    // A process that was just killed hears nothing any more; its world begins anew with the next one.
    if (this.#child.connected) this.#child.send(order, () => {})
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.gone
  }
}

/** `tpe-bridge sandbox` as a process of its own, which no bridge takes with it. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Program } from './program.ts'
import { SandboxView, sandboxToken } from './sandbox-view.ts'

export class RunningSandbox {
  readonly view: SandboxView
  readonly #program: Program

  private constructor(program: Program, url: string) {
    this.#program = program
    this.view = new SandboxView(url)
  }

  /** Keeps its data in `folder`. */
  static async start(folder: string, listen = '127.0.0.1:0'): Promise<RunningSandbox> {
    const configFile = join(folder, 'sandbox.yaml')
    const sandbox = { listen, requests_per_minute: 100_000, token: sandboxToken }
    await writeFile(configFile, JSON.stringify({ data_dir: join(folder, 'sandbox'), sandbox }))
    const program = new Program(['sandbox', '-c', configFile], folder)
    const url = await program.when(({ output }) => /^sandbox: (\S+)$/m.exec(output)?.[1] ?? null)
    return new RunningSandbox(program, url)
  }

  async stop(): Promise<void> {
    await this.#program.end('SIGTERM')
  }
}

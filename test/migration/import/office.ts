/** A folder with a configuration, a real sandbox to import to, and the command, here or as a process of its own. Gone after the test. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { onTestFinished } from 'vitest'
import { run } from '../../../src/cli/program.ts'
import { Program } from '../../bridge/program.ts'
import { type RunningSandbox, runningSandbox, temporaryFolder } from '../../zendesk/running-sandbox.ts'

export interface Office {
  readonly folder: string
  readonly dataDir: string
  readonly sandbox: RunningSandbox
  /** Writes a file of the folder; answers its path. */
  write(name: string, content: string | Buffer): Promise<string>
  /** Runs the command here, to its end. */
  run(args: readonly string[], interrupted?: AbortSignal): Promise<Done>
  /** Starts it as a process, to be killed. */
  start(args: readonly string[]): Program
}

export interface Done {
  readonly code: number
  /** Both streams. */
  readonly output: string
}

/** `zendesk`: what the account's section has beside its address and token; `sections`: what else the configuration has. */
export async function office(zendesk: object = {}, sections: object = {}): Promise<Office> {
  const folder = await temporaryFolder()
  const sandbox = await runningSandbox()
  const dataDir = join(folder, 'data')
  const config = {
    data_dir: dataDir,
    numbers: { country: 'US' },
    agents: [{ extension: '1001', zendesk_id: 7, name: 'Alice' }],
    zendesk: { base_url: sandbox.url, token: sandbox.token, requests_per_minute: 100_000, ...zendesk },
    uploads: { concurrency: 32 },
    ...sections,
  }
  const configFile = join(folder, 'bridge.yaml')
  await writeFile(configFile, JSON.stringify(config))
  const common = ['-c', configFile, '--timezone', 'UTC']
  return {
    folder,
    dataDir,
    sandbox,
    async write(name, content) {
      const path = join(folder, name)
      await mkdir(join(path, '..'), { recursive: true })
      await writeFile(path, content)
      return path
    },
    async run(args, interrupted = new AbortController().signal) {
      const written: string[] = []
      const stream = { isTerminal: false, write: (text: string) => void written.push(text) }
      const context = { env: process.env, version: '0.0.0-test', actor: 'test@here', stdout: stream, stderr: stream, interrupted }
      const code = await run([...args, ...common], context)
      return { code, output: written.join('') }
    },
    start(args) {
      const program = new Program([...args, ...common], folder)
      onTestFinished(async () => void (await program.end('SIGKILL')))
      return program
    },
  }
}

/** A store with dead letters in it, and the command line on it as an operator has it. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../src/cli/program.ts'
import { SqliteStore } from '../../src/uploads/store/sqlite-store.ts'
import { aChange } from '../uploads/fixtures.ts'
import { temporaryFolder } from '../zendesk/running-sandbox.ts'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface OperatedStore {
  /** Runs `tpe-bridge ARGV -c …` on it. */
  command(argv: readonly string[], process?: { readonly isTerminal?: boolean; readonly interrupted?: AbortSignal }): Promise<Ran>
  look<T>(use: (store: SqliteStore) => Promise<T>): Promise<T>
}

/** `dead` calls whose one event was refused, and one whose event is still to go. */
export async function operatedStore({
  dead,
  reason,
}: {
  readonly dead: number
  readonly reason: string
}): Promise<OperatedStore> {
  const dataDir = await temporaryFolder()
  const config = join(dataDir, 'bridge.yaml')
  await writeFile(config, `data_dir: ${dataDir}\n`)
  const log = { error() {} }
  const store = await SqliteStore.open({ dataDir, role: 'bridge', now: Date.now, log })
  await store.calls.append(Array.from({ length: dead }, (_, n) => aChange(`c${n}`, [1])))
  const jobs = await store.jobs.claim('event', dead)
  await store.jobs.settle(jobs.map(job => ({ job, verdict: { kind: 'dead', reason } })))
  await store.calls.append([aChange('open', [1])])
  await store.close()
  return {
    command: async (argv, { isTerminal = false, interrupted = new AbortController().signal } = {}) => {
      const [stdout, stderr]: [string[], string[]] = [[], []]
      const code = await run([...argv, '-c', config], {
        env: {},
        version: '0',
        actor: 'test@here',
        stdout: { write: text => void stdout.push(text), isTerminal },
        stderr: { write: text => void stderr.push(text) },
        interrupted,
      })
      return { code, stdout: stdout.join(''), stderr: stderr.join('') }
    },
    look: async use => {
      const tool = await SqliteStore.open({ dataDir, role: 'tool', now: Date.now, log })
      try {
        return await use(tool)
      } finally {
        await tool.close()
      }
    },
  }
}

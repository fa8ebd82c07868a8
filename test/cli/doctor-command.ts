/** `tpe-bridge doctor` as an operator has it: its exit code and its findings. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { run } from '../../src/cli/program.ts'

const printed = z.object({ findings: z.array(z.object({ level: z.enum(['ok', 'warning', 'error']), text: z.string() })) })

export interface Examined {
  readonly code: number
  /** `LEVEL TEXT`, in order. */
  readonly findings: readonly string[]
}

/** Examines the site of a configuration file. */
export async function examined(configFile: string): Promise<Examined> {
  const { code, output } = await doctor(['-c', configFile, '--json'])
  return { code, findings: printed.parse(JSON.parse(output)).findings.map(({ level, text }) => `${level} ${text}`) }
}

/** What it prints. */
export async function doctor(argv: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const output: string[] = []
  const code = await run(['doctor', ...argv], {
    env: { PATH: process.env.PATH },
    version: '0',
    actor: 'test@here',
    stdout: { write: text => void output.push(text), isTerminal: false },
    stderr: { write: text => void output.push(text) },
    interrupted: new AbortController().signal,
  })
  return { code, output: output.join('') }
}

/** Writes sections (JSON is YAML) as `folder`/bridge.yaml; ports that nobody needs are any free ones. */
export async function configured(folder: string, sections: object): Promise<string> {
  const file = join(folder, 'bridge.yaml')
  const anyPorts = {
    sip: { listen: ['udp://127.0.0.1:0'] },
    admin: { listen: '127.0.0.1:0' },
    sandbox: { listen: '127.0.0.1:0' },
  }
  await writeFile(file, JSON.stringify({ data_dir: join(folder, 'data'), ...anyPorts, ...sections }))
  return file
}

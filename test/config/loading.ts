/** Loads a configuration from texts instead of files; the names are those of real ones. */
import type { Environment } from '../../src/config/environment.ts'
import { type LoadedConfig, loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problems.ts'
import type { Config } from '../../src/config/schema.ts'

export interface Given {
  readonly env?: Environment
  /** Further files by path. */
  readonly files?: Readonly<Record<string, string>>
}

export function load(yaml: string, { env = {}, files = {} }: Given = {}): Promise<LoadedConfig> {
  const all: Readonly<Record<string, string>> = { ...files, 'config/bridge.yaml': yaml }
  return loadConfig({
    path: 'config/bridge.yaml',
    env,
    readFile: async path => {
      const text = all[path]
      return text === undefined ? { ok: false, reason: 'does not exist' } : { ok: true, text }
    },
  })
}

/** The configuration, or an error that shows every problem. */
export async function accepted(yaml: string, given?: Given): Promise<Config> {
  const loaded = await load(yaml, given)
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return loaded.config
}

/** The problems of a file as an operator sees them; none when it is accepted. */
export async function complaints(yaml: string, given?: Given): Promise<readonly string[]> {
  const loaded = await load(yaml, given)
  return loaded.ok ? [] : loaded.problems.map(formatProblem)
}

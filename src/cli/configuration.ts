/** Finds and loads the configuration of a command, or fails with every problem at once. */
import { existsSync } from 'node:fs'
import type { LoadedConfig } from '../config/load.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblem } from '../config/problems.ts'
import { readTextFile } from '../config/read-file.ts'
import type { CliContext } from './context.ts'
import { CommandFailed } from './failure.ts'

export const defaultConfigPath = 'config/bridge.yaml'

/** The text of the option that every command with a configuration has. */
export const configOption = [
  '-c, --config <file>',
  `configuration file (default: ${defaultConfigPath}, else built-in defaults)`,
] as const

export interface ConfigOption {
  readonly config?: string
}

/** The configuration as it is now, or every problem of it. */
export async function readConfiguration(context: CliContext, option: ConfigOption): Promise<LoadedConfig> {
  const path = option.config ?? (existsSync(defaultConfigPath) ? defaultConfigPath : null)
  return await loadConfig({ path, env: context.env, readFile: readTextFile })
}

/** `source` is the file's name, or `built-in defaults`. */
export async function configurationOf(context: CliContext, option: ConfigOption): Promise<LoadedConfig & { readonly ok: true }> {
  const loaded = await readConfiguration(context, option)
  if (loaded.ok) return loaded
  const { problems } = loaded
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  throw new CommandFailed(2, [...problems.map(formatProblem), `the configuration has ${count}; nothing was started`].join('\n'))
}

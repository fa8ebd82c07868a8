/** What `import` and `report` are asked to read: format, files, mapping, time zone; or everything that is wrong with that. */
import { existsSync } from 'node:fs'
import { parse } from 'yaml'
import { readTextFile } from '../../config/read-file.ts'
import type { Config } from '../../config/schema.ts'
import { agentDirectory } from '../../events/agents.ts'
import { numberPlan } from '../../events/numbers.ts'
import {
  type ChosenFormat,
  chosenFormat,
  type FormatChoice,
  type FormatName,
  formatNames,
} from '../../migration/formats/formats.ts'
import { wallClock } from '../../migration/formats/local-time.ts'
import { type Mapping, readMapping } from '../../migration/formats/mapping-file.ts'
import { listFiles, type SourceFile } from '../../migration/formats/read-files.ts'
import type { Site } from '../../migration/import/imported-call.ts'
import { CommandFailed } from '../failure.ts'

export interface HistoryOption {
  readonly mapping?: string
  readonly timezone?: string
  readonly site?: string
}

/** Options that every command which reads history has. */
export const historyOptions = [
  ['--mapping <map.yaml>', 'for the format csv: which columns say what'],
  ['--timezone <zone>', 'of times without one, as in Europe/Berlin (default: that of this machine)'],
  ['--site <name>', 'the site that the calls are of (default: site of the configuration)'],
] as const

export interface HistoryRequest {
  readonly format: ChosenFormat
  readonly files: readonly SourceFile[]
  readonly totalBytes: number
  readonly timezone: string
  readonly site: Site
}

/** Throws a CommandFailed (2) that says what to correct. */
export async function historyRequest(
  format: string,
  paths: readonly string[],
  option: HistoryOption,
  config: Config,
): Promise<HistoryRequest> {
  const mapping = await mappingOf(format, option.mapping)
  const timezone = option.timezone ?? mapping?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  const files = await filesOf(paths)
  return {
    format: chosenFormat(choiceOf(format, timezone, mapping)),
    files,
    totalBytes: files.reduce((sum, { size }) => sum + size, 0),
    timezone,
    site: {
      name: siteName(option.site ?? config.site),
      numbers: numberPlan(config.numbers),
      agents: agentDirectory(config.agents),
    },
  }
}

function choiceOf(format: string, timezone: string, mapping: Mapping | null): FormatChoice {
  const name = formatNames.find(each => each === format)
  if (name === undefined) throw new CommandFailed(2, `${format} is no format: ${formatNames.join(', ')}`)
  const clock = clockOf(timezone)
  if (name !== 'csv') return { name, clock }
  if (mapping === null) throw new CommandFailed(2, 'the format csv needs --mapping map.yaml: which columns say what')
  return { name, clock, mapping }
}

function clockOf(timezone: string): FormatChoice['clock'] {
  try {
    return wallClock(timezone)
  } catch (error) {
    throw new CommandFailed(2, `--timezone: ${messageOf(error)}`, { cause: error })
  }
}

async function mappingOf(format: string, path: string | undefined): Promise<Mapping | null> {
  const csv: FormatName = 'csv'
  if (path === undefined) return null
  if (format !== csv) throw new CommandFailed(2, `--mapping is for the format csv; ${format} has its own columns`)
  const file = await readTextFile(path)
  if (!file.ok) throw new CommandFailed(2, `--mapping: ${path} ${file.reason}`)
  let value: unknown
  try {
    value = parse(file.text)
  } catch (error) {
    throw new CommandFailed(2, `${path} is no YAML: ${messageOf(error)}`, { cause: error })
  }
  const read = readMapping(value)
  if (read.kind === 'refused') throw new CommandFailed(2, read.problems.map(problem => `${path}: ${problem}`).join('\n'))
  return read.mapping
}

async function filesOf(paths: readonly string[]): Promise<readonly SourceFile[]> {
  const missing = paths.filter(path => !existsSync(path))
  if (missing.length > 0) throw new CommandFailed(2, missing.map(path => `${path} does not exist`).join('\n'))
  try {
    const files = await listFiles(paths)
    if (files.length === 0) throw new CommandFailed(2, `there are no files in ${paths.join(', ')}`)
    return files
  } catch (error) {
    if (error instanceof CommandFailed) throw error
    throw new CommandFailed(1, `cannot look at the files: ${messageOf(error)}`, { cause: error })
  }
}

/** The name is part of ids, and of a folder's path. */
function siteName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) return name
  throw new CommandFailed(
    2,
    `--site ${JSON.stringify(name)} is not a short name: use letters, digits, dots and dashes, such as hq`,
  )
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

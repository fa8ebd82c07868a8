/** `tpe-bridge import`: brings the call history of an old system to Zendesk, once, however often it is interrupted. */
import { Command } from 'commander'
import type { Config } from '../config/schema.ts'
import { formatNames } from '../migration/formats/formats.ts'
import { type ConfigOption, configOption, configurationOf } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'
import { dryRun } from './import/dry-run.ts'
import { type HistoryOption, historyOptions, historyRequest } from './import/request.ts'
import { runImport } from './import/run.ts'

interface ImportOption extends ConfigOption, HistoryOption {
  readonly recordings?: readonly string[]
  readonly requestsPerMinute?: number
  readonly dryRun?: boolean
  readonly refused?: string
  readonly limit: number
}

export function importCommand(context: CliContext, finish: Finish): Command {
  const command = new Command('import')
    .description('bring call history and its recordings to Zendesk; the same command again goes on where it stopped')
    .argument('<format>', formatNames.join(', '))
    .argument('<file...>', 'files, .gz too, or folders of them')
    .option(...configOption)
  for (const [flags, text] of historyOptions) command.option(flags, text)
  return command
    .option('--recordings <dir...>', 'folders with the calls’ recordings; they are read, never changed')
    .option('--requests-per-minute <n>', 'how fast (default: half of zendesk.requests_per_minute)', wholeNumber)
    .option('--dry-run', 'read everything and show what would be imported; store and send nothing')
    .option('--refused <file.csv>', 'write every refused row there, with the reason')
    .option('--limit <n>', 'stop after so many calls', wholeNumber, Number.POSITIVE_INFINITY)
    .action(async (format: string, paths: readonly string[], option: ImportOption) => {
      const { config } = await configurationOf(context, option)
      const request = await historyRequest(format, paths, option, config)
      const common = { context, config, request, limit: option.limit, refusedFile: option.refused ?? null }
      if (option.dryRun === true) return finish(await dryRun(common))
      refuseAccount(config, option.recordings ?? [])
      const perMinute = option.requestsPerMinute ?? Math.max(1, Math.floor(config.zendesk.requestsPerMinute / 2))
      finish(await runImport({ ...common, recordings: option.recordings ?? [], requestsPerMinute: perMinute }))
    })
}

/** History goes into call records, and beside a bridge that may run with the same account. */
function refuseAccount({ zendesk }: Config, recordings: readonly string[]): void {
  if (zendesk.api === 'calls' && recordings.length > 0)
    throw new CommandFailed(
      2,
      'with zendesk.api calls audio can only hang on a ticket, and history makes none: import without --recordings',
    )
  if (zendesk.api === 'calls' && zendesk.licence === 'none')
    throw new CommandFailed(
      2,
      'zendesk.licence is none: such an account keeps no call records, so there is nothing to import into',
    )
  // A refresh token works once: two programs with the same one lock each other out.
  if (zendesk.baseUrl !== null && zendesk.oauth !== null)
    throw new CommandFailed(
      2,
      'zendesk.oauth belongs to the running bridge alone: for imports use a configuration with an API token (zendesk.email and zendesk.token)',
    )
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new CommandFailed(2, `${JSON.stringify(text)} is no whole number from 1`)
}

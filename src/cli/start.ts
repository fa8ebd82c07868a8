/** `tpe-bridge start`: runs the bridge until it is told to stop. */
import { Command } from 'commander'
import { Bridge } from '../bridge.ts'
import { formatProblem } from '../config/problems.ts'
import { createLog } from '../log.ts'
import { type ConfigOption, configOption, configurationOf } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'
import { untilInterrupted } from './interruption.ts'

export function startCommand(context: CliContext, _finish: Finish): Command {
  return new Command('start')
    .description('run the bridge until SIGTERM or SIGINT; a second signal ends it at once')
    .option(...configOption)
    .action(async (option: ConfigOption) => start(context, option))
}

async function start(context: CliContext, option: ConfigOption): Promise<void> {
  const { config, source, warnings } = await configurationOf(context, option)
  const log = createLog({ ...config.log, isTerminal: context.stdout.isTerminal })
  for (const warning of warnings) log.warn({ problem: formatProblem(warning) }, 'configuration is allowed but probably not meant')
  const bridge = new Bridge({
    config,
    version: context.version,
    log,
    ffmpegPath: context.env.FFMPEG_PATH || null,
    searchPath: context.env.PATH ?? '',
  })
  try {
    const { sip, admin, sandbox } = await bridge.start()
    const listening = sip.map(
      ({ transport, address, port }) => `${transport}://${address.includes(':') ? `[${address}]` : address}:${port}`,
    )
    log.info(
      { version: context.version, config: source, sip: listening, admin, zendesk: config.zendesk.baseUrl ?? sandbox?.url },
      'bridge started',
    )
  } catch (error) {
    throw new CommandFailed(1, `cannot start: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  await untilInterrupted(context.interrupted)
  log.info({ signal: String(context.interrupted.reason), graceMs: config.shutdownGraceMs }, 'bridge stops')
  await bridge.stop()
  log.info({}, 'bridge stopped')
}

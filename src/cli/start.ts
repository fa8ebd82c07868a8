/** `tpe-bridge start`: runs the bridge until it is told to stop; told to read its configuration again, it does. */
import { Command } from 'commander'
import { Bridge } from '../bridge.ts'
import { formatProblem } from '../config/problems.ts'
import { createLog } from '../log.ts'
import { type ConfigOption, configOption, configurationOf } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'
import { untilInterrupted } from './interruption.ts'
import { Reloading } from './reloading.ts'

export function startCommand(context: CliContext, _finish: Finish): Command {
  return new Command('start')
    .description(
      'run the bridge until SIGTERM or SIGINT; a second signal ends it at once, SIGHUP has it read its configuration again',
    )
    .option(...configOption)
    .action(async (option: ConfigOption) => start(context, option))
}

async function start(context: CliContext, option: ConfigOption): Promise<void> {
  const { config, source, warnings } = await configurationOf(context, option)
  const log = createLog({ ...config.log, isTerminal: context.stdout.isTerminal })
  for (const warning of warnings) log.warn({ problem: formatProblem(warning) }, 'configuration is allowed but probably not meant')
  const bridge: Bridge = new Bridge({
    config,
    version: context.version,
    log,
    ffmpegPath: context.env.FFMPEG_PATH || null,
    searchPath: context.env.PATH ?? '',
    reload: by => reloading.reload(by),
  })
  const reloading: Reloading = new Reloading({ context, option, bridge, log })
  // From now on, because a hang-up that nobody listens to would end the process.
  const forget = context.onHangup?.(() => void reloading.reload({ actor: 'SIGHUP' }))
  try {
    const { sip, hep, admin, sandbox } = await bridge.start()
    const listening = {
      sip: sip.map(({ transport, address, port }) => urlOf(transport, address, port)),
      hep: hep.map(({ transport, host, port }) => urlOf(transport, host, port)),
    }
    log.info(
      { version: context.version, config: source, ...listening, admin, zendesk: config.zendesk.baseUrl ?? sandbox?.url },
      'bridge started',
    )
  } catch (error) {
    throw new CommandFailed(1, `cannot start: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  await untilInterrupted(context.interrupted)
  log.info({ signal: String(context.interrupted.reason), graceMs: config.shutdownGraceMs }, 'bridge stops')
  await reloading.end()
  await bridge.stop()
  forget?.()
  log.info({}, 'bridge stopped')
}

const urlOf = (transport: string, host: string, port: number): string =>
  `${transport}://${host.includes(':') ? `[${host}]` : host}:${port}`

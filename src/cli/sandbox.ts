/** `tpe-bridge sandbox`: the local Zendesk as a process of its own. */
import { Command } from 'commander'
import { createLog } from '../log.ts'
import { Sandbox } from '../zendesk/sandbox/sandbox.ts'
import { type ConfigOption, configOption, configurationOf } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'
import { untilInterrupted } from './interruption.ts'

export function sandboxCommand(context: CliContext, _finish: Finish): Command {
  return new Command('sandbox')
    .description('run the local Zendesk Voice API alone; it keeps its data in data_dir')
    .option(...configOption)
    .option('--listen <host:port>', 'instead of sandbox.listen')
    .action(async (option: ConfigOption & { readonly listen?: string }) => {
      const { config } = await configurationOf(context, option)
      const { host, port } = config.sandbox.listen
      const sandbox = new Sandbox({
        dataDir: config.dataDir,
        listen: option.listen ?? `${host.includes(':') ? `[${host}]` : host}:${port}`,
        token: config.sandbox.token,
        requestsPerMinute: config.sandbox.requestsPerMinute,
        log: createLog({ ...config.log, isTerminal: context.stdout.isTerminal }),
        clock: Date.now,
        version: context.version,
      })
      try {
        const { url, token } = await sandbox.start()
        context.stdout.write(`sandbox: ${url}\ntoken: ${token}\n`)
      } catch (error) {
        throw new CommandFailed(1, `cannot start the sandbox: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        })
      }
      await untilInterrupted(context.interrupted)
      await sandbox.stop()
    })
}

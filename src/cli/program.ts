/** The command line: `tpe-bridge COMMAND`. One file a command; this one joins them and turns what they throw into exit codes. */
import { Command, CommanderError } from 'commander'
import { StoreOpenError } from '../uploads/store/store-open-error.ts'
import { applyCommand } from './apply.ts'
import { callsCommand } from './calls.ts'
import { checkCommand } from './check.ts'
import type { CliContext, ExitCode } from './context.ts'
import { demoCommand } from './demo.ts'
import { CommandFailed } from './failure.ts'
import { importCommand } from './import.ts'
import { initCommand } from './init.ts'
import { reportCommand } from './report.ts'
import { sandboxCommand } from './sandbox.ts'
import { startCommand } from './start.ts'
import { ticketsCommand } from './tickets.ts'
import { uploadsCommand } from './uploads.ts'

/** Runs one command to its end. Never rejects for anything the user can cause. */
export async function run(argv: readonly string[], context: CliContext): Promise<ExitCode> {
  const program = new Command('tpe-bridge')
    .description('Bridges an on-premises phone system to Zendesk: call events, recordings and voicemails, delivered once.')
    .version(context.version)
    .showSuggestionAfterError()
    .helpCommand(false)
  let exitCode: ExitCode = 0
  const finish = (code: ExitCode): void => {
    exitCode = code
  }
  for (const make of [
    startCommand,
    checkCommand,
    demoCommand,
    sandboxCommand,
    callsCommand,
    uploadsCommand,
    ticketsCommand,
    importCommand,
    reportCommand,
    applyCommand,
    initCommand,
  ]) {
    program.addCommand(make(context, finish))
  }
  for (const command of [program, ...program.commands.flatMap(each => [each, ...each.commands])]) {
    command.exitOverride().configureOutput({
      writeOut: text => context.stdout.write(text),
      writeErr: text => context.stderr.write(text),
    })
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof CommandFailed) {
      if (error.message !== '') context.stderr.write(`${error.message}\n`)
      return error.exitCode
    }
    // A store that is in use or of another version is the operator's to mend, and says how; anything else is a bug of ours.
    const text =
      error instanceof StoreOpenError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)
    context.stderr.write(`${text}\n`)
    return 1
  }
}

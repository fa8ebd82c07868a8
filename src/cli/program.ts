/** The command line: `tpe-bridge COMMAND`. One file a command; this one joins them and turns what they throw into exit codes. */
import { Command, CommanderError } from 'commander'
import { StoreOpenError } from '../uploads/store/store-open-error.ts'
import type { CliContext, ExitCode, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'

type MakeCommand = (context: CliContext, finish: Finish) => Command

/** In the order of the help. Each is loaded when it is wanted: half of a start's time is reading code, and no bridge needs all of it. */
const commands = new Map<string, () => Promise<MakeCommand>>([
  ['start', async () => (await import('./start.ts')).startCommand],
  ['check', async () => (await import('./check.ts')).checkCommand],
  ['doctor', async () => (await import('./doctor.ts')).doctorCommand],
  ['demo', async () => (await import('./demo.ts')).demoCommand],
  ['sandbox', async () => (await import('./sandbox.ts')).sandboxCommand],
  ['calls', async () => (await import('./calls.ts')).callsCommand],
  ['uploads', async () => (await import('./uploads.ts')).uploadsCommand],
  ['sinks', async () => (await import('./sinks.ts')).sinksCommand],
  ['erase', async () => (await import('./erase.ts')).eraseCommand],
  ['hold', async () => (await import('./hold.ts')).holdCommand],
  ['audit', async () => (await import('./audit.ts')).auditCommand],
  ['tickets', async () => (await import('./tickets.ts')).ticketsCommand],
  ['import', async () => (await import('./import.ts')).importCommand],
  ['trace', async () => (await import('./trace.ts')).traceCommand],
  ['reconcile', async () => (await import('./reconcile.ts')).reconcileCommand],
  ['report', async () => (await import('./report.ts')).reportCommand],
  ['apply', async () => (await import('./apply.ts')).applyCommand],
  ['init', async () => (await import('./init.ts')).initCommand],
])

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
  // Help, and what is no command, is answered with all of them.
  const wanted = commands.get(argv[0] ?? '')
  for (const load of wanted === undefined ? commands.values() : [wanted]) program.addCommand((await load())(context, finish))
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

/** `tpe-bridge hold`: a legal hold on recordings and voicemails, and its end. */
import { Command } from 'commander'
import { ArchiveError } from '../archive/archive.ts'
import { type AboutOptions, addAboutOptions, type Found, foundTable, targetOf, withCompliance } from './about-options.ts'
import { configOption } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'

interface HoldOptions extends AboutOptions {
  readonly reason: string
  readonly release?: boolean
  readonly json?: boolean
}

export function holdCommand(context: CliContext, finish: Finish): Command {
  const command = new Command('hold').description('keep recordings and voicemails from being deleted by anything the bridge does')
  return addAboutOptions(command)
    .requiredOption('--reason <text>', 'why, kept with them and in the audit log')
    .option('--release', 'end the hold')
    .option('--json', 'one JSON document instead of text')
    .option(...configOption)
    .action(async (option: HoldOptions) => {
      const target = targetOf(option)
      await withCompliance(context, option, async compliance => {
        const about = await compliance.about(target)
        const order = { actor: context.actor, reason: option.reason }
        const { interrupted } = context
        const steps =
          option.release === true ? compliance.release(about, order, interrupted) : compliance.hold(about, order, interrupted)
        let changed = 0
        try {
          for await (const step of steps) changed += step.length
        } catch (cause) {
          if (interrupted.aborted) {
            context.stderr.write('interrupted: run it again for the rest\n')
            finish(130)
            return
          }
          if (cause instanceof ArchiveError)
            throw new CommandFailed(1, `${cause.message}; run it again then: ${unmarked(option)}`)
          throw cause
        }
        const found: Found[] = []
        for await (const page of compliance.find(about)) found.push(...page)
        if (option.json === true) context.stdout.write(`${JSON.stringify({ found, changed }, null, 2)}\n`)
        else
          context.stdout.write(
            `${foundTable(found)}${found.length === 0 ? '' : `${changed} ${option.release === true ? 'released' : 'held'}\n`}`,
          )
        const late = found.filter(({ erasure }) => erasure !== null).map(({ id }) => id)
        if (late.length > 0 && option.release !== true)
          throw new CommandFailed(1, `too late, already being erased: ${late.join(', ')}`)
      })
    })
}

const unmarked = ({ release }: HoldOptions): string =>
  release === true ? 'nothing is released' : 'the bridge keeps them, but the archive does not say so yet'

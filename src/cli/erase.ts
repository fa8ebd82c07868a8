/** `tpe-bridge erase`: has all recordings and voicemails of a number or a call erased, wherever they went. */
import { Command } from 'commander'
import { type AboutOptions, addAboutOptions, type Found, foundTable, targetOf, withCompliance } from './about-options.ts'
import { configOption } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'

interface EraseOptions extends AboutOptions {
  readonly reason?: string
  readonly keepSources?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

export function eraseCommand(context: CliContext, finish: Finish): Command {
  const command = new Command('erase').description(
    'erase recordings and voicemails for good: here, in the archive and in Zendesk',
  )
  return addAboutOptions(command)
    .option('--reason <text>', 'kept in the audit log, so without names')
    .option('--keep-sources', "leave the PBX's own files where they are")
    .option('--dry-run', 'only show what would be erased')
    .option('-y, --yes', 'do not ask')
    .option('--json', 'one JSON document instead of text')
    .option(...configOption)
    .action(async (option: EraseOptions) => {
      if (option.json === true && option.yes !== true && option.dryRun !== true)
        throw new CommandFailed(2, 'with --json nobody is asked, so nothing was erased: add --yes, or --dry-run')
      const target = targetOf(option)
      await withCompliance(context, option, async compliance => {
        const about = await compliance.about(target)
        const found: Found[] = []
        for await (const page of compliance.find(about)) found.push(...page)
        const open = found.filter(({ erasure, hold }) => erasure === null && hold === null)
        const held = found.filter(({ erasure, hold }) => erasure === null && hold !== null)
        if (option.json !== true) context.stdout.write(`${foundTable(found)}${found.length === 0 ? '' : stays}`)
        const asked: string[] = []
        if (open.length > 0 && option.dryRun !== true) {
          if (option.yes !== true) await consent(context, open.length)
          const order = { actor: context.actor, reason: option.reason ?? null, keepSources: option.keepSources === true }
          for await (const step of compliance.erase(about, order)) {
            asked.push(...step.map(({ id }) => id))
            if (!context.interrupted.aborted) continue
            context.stderr.write(`interrupted: ${asked.length} will be erased; run it again for the rest\n`)
            finish(130)
            return
          }
        }
        if (option.json === true) context.stdout.write(`${JSON.stringify({ found, asked }, null, 2)}\n`)
        else if (asked.length > 0) context.stdout.write(follow(asked.length))
        if (held.length > 0 && option.dryRun !== true) {
          const ids = held.map(({ id, hold }) => `${id} (${hold})`).join(', ')
          throw new CommandFailed(
            1,
            `held, so not erased: ${ids}; release them first: tpe-bridge hold --release --item ID --reason …`,
          )
        }
      })
    })
}

/** Said before anybody is asked. */
const stays =
  'What stays: the call events in Zendesk and the tickets’ texts; the calls themselves in the bridge, for uploads.keep_delivered.\n'

const follow = (count: number): string =>
  `${count} will be erased by the bridge, when it runs: see tpe-bridge uploads list --sink erasure, and tpe-bridge audit.\n`

async function consent(context: CliContext, count: number): Promise<void> {
  if (context.ask === undefined) {
    throw new CommandFailed(2, 'nobody can be asked here, so nothing was erased: add --yes, or run it on a terminal')
  }
  const answer = await context.ask(`Erase ${count} for good? Write yes: `)
  if (answer.trim().toLowerCase() !== 'yes') throw new CommandFailed(context.interrupted.aborted ? 130 : 1, 'nothing was erased')
}

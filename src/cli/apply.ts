/** `tpe-bridge apply`: numbers, lines, queues and menus of an account as a file. */
import { Command } from 'commander'
import { stringify } from 'yaml'
import type { Config } from '../config/schema.ts'
import { carryOut, type Outcome } from '../migration/provisioning/carry-out.ts'
import { type Change, takesAway } from '../migration/provisioning/change.ts'
import { countsOf, diffLines, plainInk, terminalInk, titleOf } from '../migration/provisioning/describe.ts'
import { desiredState } from '../migration/provisioning/desired-state.ts'
import { exportFile } from '../migration/provisioning/export-file.ts'
import { plan } from '../migration/provisioning/plan.ts'
import { readAccount } from '../migration/provisioning/read-account.ts'
import { AccountChanged, type VoiceAccount } from '../migration/provisioning/voice-account.ts'
import type { AccountState, DesiredState } from '../migration/provisioning/voice-state.ts'
import { type LoadedVoiceFile, loadVoiceFile } from './apply/voice-file.ts'
import { withAccount } from './apply/with-account.ts'
import { type ConfigOption, configOption, configurationOf } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'

interface ApplyOption extends ConfigOption {
  readonly prune?: boolean
  readonly yes?: boolean
  readonly json?: boolean
}

interface Planned {
  readonly changes: readonly Change[]
  readonly kept: readonly Change[]
  readonly state: AccountState
}

export function applyCommand(context: CliContext, finish: Finish): Command {
  const apply = new Command('apply').description("an account's numbers, lines, queues and menus as a file (voice.yaml)")
  const withFile = (name: string, description: string) =>
    apply
      .command(name)
      .description(description)
      .argument('<file>', 'what the account should have; see config/voice.example.yaml')
      .option(...configOption)
      .option('--prune', 'take away what the file does not have, of the sections that it has')
      .option('--json', 'one JSON document instead of text')

  withFile('plan', 'what push would do, a line each').action((path: string, option: ApplyOption) =>
    session(context, option, path, async ({ planned, print, agents }) => {
      const { changes, kept } = await planned()
      if (option.json === true) return print(json(changes, kept, agents))
      print(changes.map(change => titleOf(change, agents)).join('\n'))
      print(summary(changes, kept))
    }),
  )
  withFile(
    'diff',
    'what push would do, field by field; exit code 1 when there is something to do, 2 when it cannot be told',
  ).action((path: string, option: ApplyOption) =>
    session(context, option, path, async ({ planned, print, show, agents }) => {
      const { changes, kept } = await planned()
      if (option.json === true) print(json(changes, kept, agents))
      else show(changes, kept)
      finish(changes.length === 0 ? 0 : 1)
    }).catch(asTrouble),
  )
  withFile('push', 'show the diff, ask, and do it; run again, it goes on where it stopped')
    .option('-y, --yes', 'do not ask')
    .action((path: string, option: ApplyOption) => session(context, option, path, session => push(context, option, session)))
  apply
    .command('pull')
    .description('what the account has, as a file that push takes (menus: those that a number leads to)')
    .option(...configOption)
    .action(async (option: ConfigOption) => {
      const { config } = await configurationOf(context, option)
      const state = await withAccount(context, config, account => readAccount(account))
      context.stdout.write(stringify(exportFile(state, config.agents), { lineWidth: 0 }))
    })
  return apply
}

interface Session {
  readonly account: VoiceAccount
  readonly agents: Config['agents']
  planned(): Promise<Planned>
  print(text: string): void
  show(changes: readonly Change[], kept: readonly Change[]): void
}

async function session(
  context: CliContext,
  option: ApplyOption,
  path: string,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const { config } = await configurationOf(context, option)
  const { agents } = config
  const loaded = await loadVoiceFile(path, context.env)
  const desired = desiredState(loaded.file, agents)
  if (!desired.ok) throw loaded.refuse(desired.problems)
  const print = (text: string): void => {
    if (text !== '') context.stdout.write(`${text}\n`)
  }
  const ink = context.stdout.isTerminal && !context.env.NO_COLOR ? terminalInk : plainInk
  await withAccount(context, config, account =>
    work({
      account,
      agents,
      planned: () => planNow(account, desired.desired, loaded, option.prune === true),
      print,
      show: (changes, kept) => {
        print(diffLines(changes, agents, ink).join('\n'))
        print(summary(changes, kept))
      },
    }),
  )
}

async function planNow(account: VoiceAccount, desired: DesiredState, loaded: LoadedVoiceFile, prune: boolean): Promise<Planned> {
  const state = await readAccount(account)
  const planned = plan(desired, state, { prune })
  if (!planned.ok) throw loaded.refuse(planned.problems)
  return { ...planned, state }
}

async function push(context: CliContext, option: ApplyOption, session: Session): Promise<void> {
  const done: Change[] = []
  let outcome = await round(context, option, session)
  done.push(...outcome.done)
  if (outcome.failed?.cause instanceof AccountChanged) {
    context.stderr.write(`${titleOf(outcome.failed.change, session.agents)}: ${outcome.failed.cause.message}\n`)
    context.stderr.write('the account is not as it was when it was read: planning once more\n')
    outcome = await round(context, option, session)
    done.push(...outcome.done)
  }
  const { failed } = outcome
  if (option.json === true) {
    const stopped = failed === null ? null : { change: described(failed.change, session.agents), reason: reasonOf(failed.cause) }
    session.print(JSON.stringify({ done: done.map(change => described(change, session.agents)), failed: stopped }, null, 2))
  }
  if (failed === null) return
  const made = done.length === 1 ? '1 change was made' : `${done.length} changes were made`
  const where = `stopped at: ${titleOf(failed.change, session.agents)}`
  const code = context.interrupted.aborted ? 130 : 1
  throw new CommandFailed(code, `${where}\n${reasonOf(failed.cause)}\n${made}; push again to go on`)
}

/** Plans, shows, asks, and does it. */
async function round(context: CliContext, option: ApplyOption, session: Session): Promise<Outcome> {
  const { changes, kept, state } = await session.planned()
  const quiet = option.json === true
  if (!quiet) session.show(changes, kept)
  if (changes.length === 0) return { done: [], failed: null }
  if (option.yes !== true) await consent(context, changes)
  return carryOut(changes, state.ids, session.account, change => {
    if (!quiet) session.print(`done: ${titleOf(change, session.agents)}`)
  })
}

async function consent(context: CliContext, changes: readonly Change[]): Promise<void> {
  if (context.ask === undefined) {
    throw new CommandFailed(2, 'nobody can be asked here, so nothing was changed: add --yes, or run it on a terminal')
  }
  const what = changes.some(takesAway) ? 'Make these changes, and take away what is marked -?' : 'Make these changes?'
  const answer = await context.ask(`${what} Write yes: `)
  if (answer.trim().toLowerCase() !== 'yes') throw new CommandFailed(context.interrupted.aborted ? 130 : 1, 'nothing was changed')
}

function summary(changes: readonly Change[], kept: readonly Change[]): string {
  const first = changes.length === 0 ? 'nothing to do: the account is as the file says' : countsOf(changes)
  return kept.length === 0 ? first : `${first}\n${kept.length} more that the file does not have stay; --prune takes them away`
}

const described = (change: Change, agents: Config['agents']) => ({ title: titleOf(change, agents), ...change })

function json(changes: readonly Change[], kept: readonly Change[], agents: Config['agents']): string {
  const list = (some: readonly Change[]) => some.map(change => described(change, agents))
  return JSON.stringify({ changes: list(changes), kept: list(kept) }, null, 2)
}

const reasonOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

/** As diff(1): 1 says that there are differences, so a failure is 2. */
function asTrouble(cause: unknown): never {
  if (cause instanceof CommandFailed && cause.exitCode === 1) throw new CommandFailed(2, cause.message, { cause })
  throw cause
}

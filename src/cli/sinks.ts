/** `tpe-bridge sinks`: where deliveries go, and whether they may. A pause holds for every bridge of the store, until it is ended. */
import { Argument, Command } from 'commander'
import { lanes, type SinkName, sinkNames, sinkOf } from '../uploads/job.ts'
import type { Store } from '../uploads/store/store.ts'
import { type ConfigOption, configOption } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { withStore } from './store.ts'
import { formatTable, formatTime } from './table.ts'

type ListOption = ConfigOption & { readonly json?: boolean }

export function sinksCommand(context: CliContext, _finish: Finish): Command {
  const sinks = new Command('sinks').description('where deliveries go: what waits for each; pause and resume one')
  const name = () => new Argument('<name>', 'of the sink').choices(sinkNames)
  sinks
    .command('list', { isDefault: true })
    .description('each sink, and what waits for it')
    .option(...configOption)
    .option('--json', 'one JSON document instead of a table')
    .action(async (option: ListOption) => {
      const found = await withStore(context, option, sinksOf)
      if (option.json === true) context.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
      else context.stdout.write(formatTable(titles, found.map(rowOf)))
    })
  sinks
    .command('pause')
    .description('deliver nothing more there, on every bridge of the store, until it is resumed; what is under way finishes')
    .addArgument(name())
    .requiredOption('--reason <text>', 'shown wherever the sink is, and kept in the audit log')
    .option(...configOption)
    .action(async (sink: SinkName, option: ConfigOption & { readonly reason: string }) => {
      await withStore(context, option, async store => {
        const isNew = await store.pauses.pause(sink, { actor: context.actor, reason: option.reason })
        const [was] = (await store.pauses.list()).filter(paused => paused.sink === sink)
        if (isNew || was === undefined) context.stdout.write(`${sink} is paused\n`)
        else context.stdout.write(`${sink} was paused already, since ${formatTime(was.since)} by ${was.actor}: ${was.reason}\n`)
      })
    })
  sinks
    .command('resume')
    .description('deliver there again')
    .addArgument(name())
    .option(...configOption)
    .action(async (sink: SinkName, option: ConfigOption) => {
      const wasPaused = await withStore(context, option, store => store.pauses.resume(sink, { actor: context.actor }))
      context.stdout.write(wasPaused ? `${sink} is resumed\n` : `${sink} was not paused\n`)
    })
  return sinks
}

interface SinkLine {
  readonly sink: SinkName
  readonly paused: { readonly since: number; readonly actor: string; readonly reason: string } | null
  readonly pending: number
  readonly running: number
  readonly dead: number
}

async function sinksOf(store: Store): Promise<readonly SinkLine[]> {
  const paused = await store.pauses.list()
  const backlog = await store.views.backlog()
  return sinkNames.map(sink => {
    const count = (state: 'pending' | 'running' | 'dead'): number =>
      lanes.reduce((sum, lane) => (sinkOf(lane) === sink ? sum + backlog[state][lane] : sum), 0)
    const pause = paused.find(each => each.sink === sink)
    const line = { sink, pending: count('pending'), running: count('running'), dead: count('dead') }
    return { ...line, paused: pause === undefined ? null : { since: pause.since, actor: pause.actor, reason: pause.reason } }
  })
}

const titles = ['SINK', 'STATE', 'PENDING', 'RUNNING', 'DEAD', 'SINCE (UTC)', 'BY', 'REASON']

function rowOf({ sink, paused, pending, running, dead }: SinkLine): (string | number | null)[] {
  const state = paused === null ? 'open' : 'paused'
  return [sink, state, pending, running, dead, formatTime(paused?.since ?? null), paused?.actor ?? null, paused?.reason ?? '']
}

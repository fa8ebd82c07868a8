/** `tpe-bridge uploads`: what is on its way, what was refused, and what an operator does about it. */
import { Command } from 'commander'
import type { Desk, Sweep } from '../uploads/store/desk.ts'
import type { Store } from '../uploads/store/store.ts'
import type { Upload } from '../uploads/store/upload.ts'
import type { UploadFilter } from '../uploads/store/upload-filter.ts'
import { type ConfigOption, configOption } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'
import { readLimit, withStore } from './store.ts'
import { formatTable, formatTime } from './table.ts'
import { addFilterOptions, droppable, everyState, type FilterOptions, filterFrom, redrivable } from './uploads/filter-options.ts'
import { sweep } from './uploads/sweep.ts'

interface JsonOption extends ConfigOption {
  readonly json?: boolean
}

type SweepOption = JsonOption & FilterOptions & { readonly dryRun?: boolean }

export function uploadsCommand(context: CliContext, finish: Finish): Command {
  const uploads = new Command('uploads').description('look at deliveries; redrive or drop those that were refused')
  const list = uploads
    .command('list', { isDefault: true })
    .description('the newest deliveries')
    .option(...configOption)
    .option('--json', 'one JSON document instead of a table')
    .option('--limit <n>', 'how many, up to 500', readLimit, 50)
  addFilterOptions(list, everyState, Date.now).action(async (option: JsonOption & FilterOptions & { readonly limit: number }) => {
    const rows = await withStore(context, option, store => newest(context, store, filterFrom(option) ?? {}, option.limit))
    if (option.json === true) context.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
    else context.stdout.write(rows.length === 0 ? 'no uploads\n' : formatTable(titles, rows.map(rowOf)))
  })
  uploads
    .command('show')
    .description('one delivery')
    .argument('<id>', 'as in the list')
    .option(...configOption)
    .option('--json', 'one JSON document instead of text')
    .action(async (id: string, option: JsonOption) => {
      const upload = await withStore(context, option, store => store.desk.getUpload(id))
      if (upload === null) throw new CommandFailed(1, unknown(id))
      print(context, option, upload)
    })
  const redrive = uploads
    .command('redrive')
    .description(
      'try afresh: the ones named, or all that fit a filter (dead and quarantined ones, unless --state says otherwise)',
    )
    .argument('[id...]', 'as in the list')
    .option(...configOption)
    .option('--dry-run', 'only say how many fit the filter')
    .option('--json', 'one JSON document instead of text')
  addFilterOptions(redrive, redrivable, Date.now).action(async (ids: readonly string[], option: SweepOption) => {
    const by = { actor: context.actor }
    await act(context, finish, ids, option, {
      one: (desk, id) => desk.redrive(id, by),
      some: (desk, filter, after) => desk.redriveSome(filter, by, after),
      sweep: 'redrive',
      verb: 'redriven',
    })
  })
  const drop = uploads
    .command('drop')
    .description(
      'give up for good: the ones named, or all that fit a filter (dead and quarantined ones, unless --state says otherwise; erasures only with --sink erasure)',
    )
    .argument('[id...]', 'as in the list')
    .requiredOption('--reason <text>', 'kept with them, and in the audit log')
    .option(...configOption)
    .option('--dry-run', 'only say how many fit the filter')
    .option('--json', 'one JSON document instead of text')
  addFilterOptions(drop, droppable, Date.now).action(
    async (ids: readonly string[], option: SweepOption & { readonly reason: string }) => {
      const by = { actor: context.actor, reason: option.reason }
      await act(context, finish, ids, option, {
        one: (desk, id) => desk.drop(id, by),
        some: (desk, filter, after) => desk.dropSome(filter, by, after),
        sweep: 'drop',
        verb: 'dropped',
      })
    },
  )
  return uploads
}

/** A page may be short where few of many fit: then the next one is asked for. */
async function newest(context: CliContext, store: Store, filter: UploadFilter, limit: number): Promise<readonly Upload[]> {
  const found: Upload[] = []
  let before: string | null = null
  do {
    const page: Awaited<ReturnType<Desk['listUploads']>> = await store.desk.listUploads({
      ...filter,
      limit: limit - found.length,
      before,
    })
    found.push(...page.rows)
    before = page.next
  } while (before !== null && found.length < limit && !context.interrupted.aborted)
  return found
}

interface Action {
  readonly one: (desk: Desk, id: string) => ReturnType<Desk['redrive']>
  readonly some: (desk: Desk, filter: UploadFilter, after: string | null) => ReturnType<Desk['redriveSome']>
  readonly sweep: Sweep
  readonly verb: string
}

async function act(
  context: CliContext,
  finish: Finish,
  ids: readonly string[],
  option: SweepOption,
  { one, some, sweep: kind, verb }: Action,
): Promise<void> {
  const filter = filterFrom(option)
  const isDry = option.dryRun === true
  if (ids.length > 0 && (filter !== null || isDry))
    throw new CommandFailed(2, 'name ids, or say by a filter which are meant, not both')
  await withStore(context, option, async store => {
    if (ids.length > 0) await actOnEach(context, option, ids, id => one(store.desk, id))
    else if (filter === null) throw new CommandFailed(2, nothingNamed)
    else {
      const step = (after: string | null) => (isDry ? store.desk.countSome(kind, filter, after) : some(store.desk, filter, after))
      const json = option.json === true
      finish(await sweep(context, { store, filter, step, verb: isDry ? `would be ${verb}` : verb, json }))
    }
    if (verb === 'redriven' && !isDry) await sayWhatWaits(context, store)
  })
}

const nothingNamed = 'name ids, or say which are meant: --state dead means every dead letter; --dry-run only counts them'

/** Does all that can be done, then fails when any could not. */
async function actOnEach(
  context: CliContext,
  option: JsonOption,
  ids: readonly string[],
  action: (id: string) => ReturnType<Desk['redrive']>,
): Promise<void> {
  const refusals: string[] = []
  for (const id of ids) {
    const answer = await action(id)
    if (answer.kind === 'done') print(context, option, answer.upload)
    else refusals.push(answer.kind === 'unknown' ? unknown(id) : `${id}: ${answer.reason}`)
  }
  if (refusals.length > 0) throw new CommandFailed(1, refusals.join('\n'))
}

async function sayWhatWaits(context: CliContext, store: Store): Promise<void> {
  for (const { sink, actor, reason } of await store.pauses.list())
    context.stderr.write(
      `${sink} is paused (${actor}: ${reason}): what goes there waits for \`tpe-bridge sinks resume ${sink}\`\n`,
    )
}

const titles = ['CREATED (UTC)', 'SINK', 'KIND', 'STATE', 'ATTEMPTS', 'NEXT ATTEMPT', 'ID', 'REASON']

function rowOf(upload: Upload): (string | number | null)[] {
  const { createdAt, sink, kind, state, attempts, nextAttemptAt, id, reason } = upload
  return [formatTime(createdAt), sink, kind, state, attempts, formatTime(nextAttemptAt), id, reason ?? '']
}

function print(context: CliContext, option: JsonOption, upload: Upload): void {
  const text = option.json === true ? `${JSON.stringify(upload, null, 2)}\n` : formatTable(titles, [rowOf(upload)])
  context.stdout.write(text)
}

function unknown(id: string): string {
  return `no upload ${id}: see \`tpe-bridge uploads list\``
}

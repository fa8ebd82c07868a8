/** `tpe-bridge uploads`: what is on its way to Zendesk, what was refused, and what an operator does about it. */
import { Command, Option } from 'commander'
import { jobStates } from '../uploads/job.ts'
import type { Upload, UploadState } from '../uploads/store/upload.ts'
import { type ConfigOption, configOption } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'
import { readLimit, withStore } from './store.ts'
import { formatTable, formatTime } from './table.ts'

interface JsonOption extends ConfigOption {
  readonly json?: boolean
}

export function uploadsCommand(context: CliContext, _finish: Finish): Command {
  const uploads = new Command('uploads').description('look at deliveries; redrive or drop those that were refused')
  uploads
    .command('list', { isDefault: true })
    .description('the newest deliveries')
    .option(...configOption)
    .option('--json', 'one JSON document instead of a table')
    .option('--limit <n>', 'how many, up to 500', readLimit, 50)
    .addOption(new Option('--state <state>', 'only those in this state').choices([...jobStates, 'waiting', 'quarantined']))
    .action(async (option: JsonOption & { readonly limit: number; readonly state?: UploadState }) => {
      const query = { limit: option.limit, before: null, state: option.state ?? null }
      const { rows } = await withStore(context, option, store => store.desk.listUploads(query))
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
  uploads
    .command('redrive')
    .description('try dead, dropped or quarantined ones afresh')
    .argument('<id...>', 'as in the list')
    .option(...configOption)
    .option('--json', 'one JSON document instead of text')
    .action(async (ids: readonly string[], option: JsonOption) => {
      await operate(context, option, ids, (desk, id) => desk.redrive(id, { actor: context.actor }))
    })
  uploads
    .command('drop')
    .description('give dead, pending or quarantined ones up for good')
    .argument('<id...>', 'as in the list')
    .requiredOption('--reason <text>', 'kept with them')
    .option(...configOption)
    .option('--json', 'one JSON document instead of text')
    .action(async (ids: readonly string[], option: JsonOption & { readonly reason: string }) => {
      await operate(context, option, ids, (desk, id) => desk.drop(id, { actor: context.actor, reason: option.reason }))
    })
  return uploads
}

type Desk = Parameters<Parameters<typeof withStore>[2]>[0]['desk']

/** Does all that can be done, then fails when any could not. */
async function operate(
  context: CliContext,
  option: JsonOption,
  ids: readonly string[],
  action: (desk: Desk, id: string) => ReturnType<Desk['redrive']>,
): Promise<void> {
  const refusals: string[] = []
  await withStore(context, option, async store => {
    for (const id of ids) {
      const answer = await action(store.desk, id)
      if (answer.kind === 'done') print(context, option, answer.upload)
      else refusals.push(answer.kind === 'unknown' ? unknown(id) : `${id}: ${answer.reason}`)
    }
  })
  if (refusals.length > 0) throw new CommandFailed(1, refusals.join('\n'))
}

const titles = ['CREATED (UTC)', 'KIND', 'STATE', 'ATTEMPTS', 'NEXT ATTEMPT', 'ID', 'REASON']

function rowOf(upload: Upload): (string | number | null)[] {
  const { createdAt, kind, state, attempts, nextAttemptAt, id, reason } = upload
  return [formatTime(createdAt), kind, state, attempts, formatTime(nextAttemptAt), id, reason ?? '']
}

function print(context: CliContext, option: JsonOption, upload: Upload): void {
  const text = option.json === true ? `${JSON.stringify(upload, null, 2)}\n` : formatTable(titles, [rowOf(upload)])
  context.stdout.write(text)
}

function unknown(id: string): string {
  return `no upload ${id}: see \`tpe-bridge uploads list\``
}

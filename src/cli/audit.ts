/** `tpe-bridge audit`: who deleted, held, redrove or dropped what, when and why. */
import { Command, InvalidArgumentError } from 'commander'
import type { AuditEntry } from '../uploads/store/audit.ts'
import { type ConfigOption, configOption } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { readLimit, withStore } from './store.ts'
import { formatTable, formatTime } from './table.ts'

interface AuditOptions extends ConfigOption {
  readonly subject?: string
  readonly before?: number
  readonly limit: number
  readonly json?: boolean
}

export function auditCommand(context: CliContext, _finish: Finish): Command {
  return new Command('audit')
    .description('who deleted, held, redrove or dropped what, newest first')
    .option('--subject <id>', 'only what was done to this recording, upload, call or sink')
    .option('--before <number>', 'older than this line (its number)', readLine)
    .option('--limit <n>', 'how many, up to 500', readLimit, 50)
    .option('--json', 'one JSON document instead of a table')
    .option(...configOption)
    .action(async (option: AuditOptions) => {
      const { limit, subject, before } = option
      const page = { limit, ...(subject === undefined ? {} : { subject }), ...(before === undefined ? {} : { before }) }
      const lines = await withStore(context, option, store => store.audit.list(page))
      if (option.json === true) context.stdout.write(`${JSON.stringify(lines, null, 2)}\n`)
      else context.stdout.write(lines.length === 0 ? 'nothing was done\n' : formatTable(titles, lines.map(rowOf)))
    })
}

function readLine(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('the number of a line, as the column NO shows it')
  return Number(text)
}

const titles = ['NO', 'AT (UTC)', 'WHO', 'DID', 'TO', 'REASON', 'DETAIL']

const rowOf = ({ seq, at, actor, action, subject, reason, detail }: AuditEntry): (string | number | null)[] => [
  seq,
  formatTime(at),
  actor,
  action,
  subject,
  reason,
  Object.entries(detail)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' '),
]

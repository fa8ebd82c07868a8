/** Which recordings a command is about: `--number`, `--call` or `--item`, and how they are shown. */
import type { Command } from 'commander'
import { openArchive } from '../bridge/archive.ts'
import { Compliance, type Target } from '../bridge/compliance.ts'
import { numberPlan } from '../events/numbers.ts'
import type { FoundItem } from '../uploads/store/about.ts'
import { type ConfigOption, configurationOf } from './configuration.ts'
import type { CliContext } from './context.ts'
import { CommandFailed } from './failure.ts'
import { withStore } from './store.ts'
import { formatTable, formatTime } from './table.ts'

export interface AboutOptions extends ConfigOption {
  readonly number?: string
  readonly call?: string
  readonly item?: string
}

export type Found = FoundItem

/** A table is for people: beyond this it says how many more there are. */
const shownAtMost = 100

export const addAboutOptions = (command: Command): Command =>
  command
    .option('--number <number>', 'all in which this number or extension takes part, written in any way')
    .option('--call <id>', 'all of this call: its id, or its SIP Call-ID')
    .option('--item <id>', 'this one')

/** Fails (2) unless exactly one of them is given. */
export function targetOf({ number, call, item }: AboutOptions): Target {
  const targets: Target[] = []
  if (number !== undefined) targets.push({ kind: 'number', number })
  if (call !== undefined) targets.push({ kind: 'call', id: call })
  if (item !== undefined) targets.push({ kind: 'item', id: item })
  const [target] = targets
  if (target === undefined || targets.length > 1) throw new CommandFailed(2, 'say which: one of --number, --call and --item')
  if (target.kind === 'number' && !/\d/.test(target.number)) throw new CommandFailed(2, `--number ${target.number} has no digits`)
  return target
}

/** Beside a running bridge, or without one. */
export async function withCompliance<T>(
  context: CliContext,
  option: ConfigOption,
  use: (compliance: Compliance) => Promise<T>,
): Promise<T> {
  const { config } = await configurationOf(context, option)
  const opened = await openArchive(config)
  try {
    return await withStore(context, option, store =>
      use(new Compliance({ store, archive: opened?.archive ?? null, numbers: numberPlan(config.numbers) })),
    )
  } finally {
    opened?.stop()
  }
}

export function foundTable(found: readonly Found[]): string {
  if (found.length === 0) return 'no recordings or voicemails\n'
  const rows = found
    .slice(0, shownAtMost)
    .map(item => [formatTime(item.startedAt), item.kind, item.state, item.id, item.callId, noteOf(item)])
  const more = found.length > shownAtMost ? `and ${found.length - shownAtMost} more\n` : ''
  return `${formatTable(['STARTED (UTC)', 'KIND', 'STATE', 'ID', 'CALL', 'NOTE'], rows)}${more}`
}

function noteOf({ erasure, hold }: Found): string {
  if (erasure !== null) return erasure === 'done' ? 'erased' : 'is being erased'
  return hold === null ? '' : `held: ${hold}`
}

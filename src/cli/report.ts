/** `tpe-bridge report`: the transition in figures: the old system's records beside what the bridge reported. */
import { Command, Option } from 'commander'
import type { Config } from '../config/schema.ts'
import type { CallSnapshot } from '../events/event.ts'
import { formatNames } from '../migration/formats/formats.ts'
import { dayIn, readTime, wallClock } from '../migration/formats/local-time.ts'
import { readFiles } from '../migration/formats/read-files.ts'
import type { Found } from '../migration/historic-call.ts'
import { importedCall } from '../migration/import/imported-call.ts'
import { type TransitionReport, TransitionTally } from '../migration/report/transition-report.ts'
import { type ConfigOption, configOption, configurationOf } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'
import { commandLog } from './import/command-log.ts'
import { LiveStore } from './import/live-store.ts'
import { type HistoryOption, type HistoryRequest, historyOptions, historyRequest } from './import/request.ts'
import { reportText } from './report-text.ts'

interface ReportOption extends ConfigOption, HistoryOption {
  readonly since?: string
  readonly until?: string
  readonly by: 'day' | 'site'
  readonly json?: boolean
}

interface Period {
  readonly since: number
  readonly until: number
}

/** Recordings that are looked at to say which calls have one. */
const mostRecordings = 500_000

export function reportCommand(context: CliContext, finish: Finish): Command {
  const command = new Command('report')
    .description('compare the old system’s records with what the bridge reported')
    .argument('<format>', formatNames.join(', '))
    .argument('<file...>', 'files, .gz too, or folders of them')
    .option(...configOption)
  for (const [flags, text] of historyOptions) command.option(flags, text)
  return command
    .option('--since <day>', 'leave out what began before: 2026-11-22, or with a time')
    .option('--until <day>', 'leave out what began then or later')
    .addOption(new Option('--by <what>', 'one row for each').choices(['day', 'site']).default('day'))
    .option('--json', 'one JSON document instead of tables')
    .action(async (format: string, paths: readonly string[], option: ReportOption) => {
      const { config } = await configurationOf(context, option)
      const request = await historyRequest(format, paths, option, config)
      const { report, refused } = await compare(context, config, request, option)
      if (option.json === true) context.stdout.write(`${JSON.stringify({ ...report, refused }, null, 2)}\n`)
      else context.stdout.write(reportText(report, refused, option.by))
      if (context.interrupted.aborted) finish(130)
    })
}

async function compare(
  context: CliContext,
  config: Config,
  request: HistoryRequest,
  option: ReportOption,
): Promise<{ readonly report: TransitionReport; readonly refused: number }> {
  const period = periodOf(option, request.timezone)
  const day = dayIn(request.timezone)
  const tally = new TransitionTally(call => (option.by === 'day' ? day(call.startedAt) : request.site.name))
  const live = await LiveStore.open(config, commandLog(context, config))
  if (live === null) {
    const fix = 'start the bridge with this configuration first, or name another one with -c'
    throw new CommandFailed(1, `no bridge has run with data_dir ${config.dataDir}, so there is nothing to compare with: ${fix}`)
  }
  try {
    const inRecords = new Set<string>()
    let refused = 0
    const take = async (found: Found): Promise<void> => {
      const call = found.kind === 'call' ? importedCall(found.call, request.site, Date.now()) : null
      if (found.kind === 'refusal' || call === null || 'reason' in call) {
        refused += 1
        return
      }
      const id = await live.find(call)
      // Noted even outside of the period: what began just before it may have begun just after for the other side.
      if (id !== null) inRecords.add(id)
      if (!isWithin(call.snapshot, period)) return
      const where = `${found.place.file}:${found.place.line}`
      tally.addRecord(call.snapshot, { isInBridge: id !== null, hasRecording: found.call.recordings.length > 0, where })
    }
    let first = Number.POSITIVE_INFINITY
    let last = Number.NEGATIVE_INFINITY
    for await (const { found } of readFiles(request.files, request.format, context.interrupted)) {
      for (const each of found) {
        if (each.kind === 'call') {
          first = Math.min(first, each.call.startedAt)
          last = Math.max(last, each.call.startedAt)
        }
        await take(each)
      }
    }
    // The records say nothing of the time outside of them.
    const known = { since: Math.max(period.since, first - 2_000), until: Math.min(period.until, last + 2_001) }
    const recorded = await live.callsWithRecording(mostRecordings)
    for await (const call of live.calls()) {
      if (call.startedAt < known.since) break
      if (!isWithin(call, known)) continue
      tally.addBridge(call, { isInRecords: inRecords.has(call.id), hasRecording: recorded.has(call.id) })
    }
    return { report: tally.report(), refused }
  } finally {
    await live.close()
  }
}

function isWithin({ startedAt }: CallSnapshot, { since, until }: Period): boolean {
  return startedAt >= since && startedAt < until
}

function periodOf({ since, until }: ReportOption, timezone: string): Period {
  const clock = wallClock(timezone)
  const read = (name: string, text: string | undefined, otherwise: number): number => {
    if (text === undefined) return otherwise
    const at = readTime(/^\d{4}-\d{1,2}-\d{1,2}$/.test(text) ? `${text} 00:00` : text, clock)
    if (at === null)
      throw new CommandFailed(2, `--${name} ${JSON.stringify(text)} is no day: write 2026-11-22 or 2026-11-22 08:00`)
    return at
  }
  const period = {
    since: read('since', since, Number.NEGATIVE_INFINITY),
    until: read('until', until, Number.POSITIVE_INFINITY),
  }
  if (period.since >= period.until) throw new CommandFailed(2, '--since is not before --until')
  return period
}

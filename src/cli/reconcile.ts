/** `tpe-bridge reconcile`: what is not as it should be: deliveries, recordings, and calls beside the PBX's own records of them. */
import { access, stat } from 'node:fs/promises'
import { Command, Option } from 'commander'
import type { CdrSource } from '../bridge/cdrs/cdr-sources.ts'
import { readCdrFile } from '../bridge/cdrs/whole-file.ts'
import { cdrSources, cdrSourcesOf, lookBackMs, rulesOf, siteOf } from '../bridge/reconciliation.ts'
import { openStoreAsTool } from '../bridge/store.ts'
import type { Config } from '../config/schema.ts'
import { wallClock } from '../migration/formats/local-time.ts'
import { CdrList } from '../reconciliation/cdr-list.ts'
import type { CdrFacts, Period } from '../reconciliation/facts.ts'
import { findingKinds } from '../reconciliation/finding.ts'
import { type Reconciliation, reconcile } from '../reconciliation/reconcile.ts'
import type { Store } from '../uploads/store/store.ts'
import { type ConfigOption, configOption, configurationOf } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'
import { readMoment } from './moment.ts'
import { formatDuration, formatTable, formatTime } from './table.ts'

interface ReconcileOption extends ConfigOption {
  readonly since?: number
  readonly until?: number
  readonly cdr?: string
  readonly format?: CdrSource['format']
  readonly timezone?: string
  readonly json?: boolean
}

/** Findings of each kind that are listed. */
const mostListed = 200

export function reconcileCommand(context: CliContext, finish: Finish): Command {
  return new Command('reconcile')
    .description('look for what is missing: recordings, acknowledgements, calls in the PBX’s records')
    .option(...configOption)
    .option(
      '--since <when>',
      'calls from then on: 24h (ago), 2026-11-22, 2026-11-22T08:00Z (default: reconciliation.window)',
      moment,
    )
    .option('--until <when>', 'and before then (default: now)', moment)
    .option('--cdr <path>', 'the PBX’s records, instead of those that the bridge has: a file, .gz too, or a folder')
    .addOption(new Option('--format <format>', 'of --cdr').choices(['asterisk', 'freeswitch']))
    .option('--timezone <zone>', 'of times in --cdr, as in Europe/Berlin (default: that of this machine)')
    .option('--json', 'one JSON document instead of tables')
    .addHelpText('after', exitCodes)
    .action(async (option: ReconcileOption) => {
      const { config } = await configurationOf(context, option)
      const done = await reconcileStore(context, config, option)
      if (done === null) return finish(130)
      const { result, problems } = done
      if (option.json === true) context.stdout.write(`${JSON.stringify({ ...result, problems }, null, 2)}\n`)
      else context.stdout.write(textOf(result, problems))
      // What was not read may hold anything: that nothing was found then means little.
      if (result.total > 0 || problems.length > 0) finish(1)
    })
}

const moment = (text: string): number => readMoment(text, Date.now())

const exitCodes = `
Exit codes: 0 nothing is missing, 1 something is, or records could not be read (or it failed), 2 wrong usage.
Changes nothing but what it has read of the records.`

interface Done {
  readonly result: Reconciliation
  /** Records that could not be read. */
  readonly problems: readonly string[]
}

/** `null` when it was interrupted. */
async function reconcileStore(context: CliContext, config: Config, option: ReconcileOption): Promise<Done | null> {
  const now = Date.now()
  const forgottenAt = now - config.uploads.keepDeliveredMs
  const period = periodOf(option, config, now, forgottenAt)
  if (option.since !== undefined && option.since < forgottenAt)
    context.stderr.write(
      `earlier calls are forgotten (uploads.keep_delivered): it looks from ${formatTime(forgottenAt)} (UTC) on\n`,
    )
  const given = await givenRecords(config, option)
  const tell = (fields: object, message: string): void => context.stderr.write(`${message} ${JSON.stringify(fields)}\n`)
  const store = await openStoreAsTool(config, { warn: tell, error: tell })
  try {
    const { records, problems } = await recordsOf(store, config, given, period, context.interrupted)
    const stored = store.reconciliation(config.site)
    const troubles = await troublesOf(config)
    const options = { stored, records, rules: rulesOf(config), period, now, troubles, mostOfAKind: mostListed }
    return { result: await reconcile(options, context.interrupted), problems }
  } catch (error) {
    if (context.interrupted.aborted) return null
    if (error instanceof RangeError) throw new CommandFailed(1, error.message, { cause: error })
    throw error
  } finally {
    await store.close()
  }
}

async function givenRecords(config: Config, { cdr, format, timezone }: ReconcileOption): Promise<CdrSource | null> {
  if (cdr === undefined) {
    if (format !== undefined) throw new CommandFailed(2, '--format says what --cdr is: add --cdr PATH')
    return null
  }
  if (format === undefined) throw new CommandFailed(2, '--cdr needs --format: asterisk or freeswitch')
  await stat(cdr).catch(() => {
    throw new CommandFailed(2, `${cdr} does not exist`)
  })
  const known = cdrSourcesOf(config).find(source => source.path === cdr)
  const zone = timezone ?? known?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  try {
    wallClock(zone)
  } catch (error) {
    throw new CommandFailed(2, `--timezone: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  return { path: cdr, format, timezone: zone }
}

/** The records of a file that was named; else those that were posted, and what is new in the configured files. */
async function recordsOf(
  store: Store,
  config: Config,
  given: CdrSource | null,
  period: Period,
  signal: AbortSignal,
): Promise<{ readonly records: CdrFacts; readonly problems: readonly string[] }> {
  const site = siteOf(config)
  if (given !== null) {
    const list = new CdrList(period)
    const problems = await readCdrFile(given, site, Date.now(), cdr => list.add(cdr), signal)
    return { records: list, problems }
  }
  const { problems } = await cdrSources(config, store.cdrs).catchUp(signal)
  return { records: store.cdrs.of(site.name), problems }
}

/** Of which time it looks at calls. Of calls that are forgotten the records would seem to be of calls that nobody saw. */
function periodOf({ since, until }: ReconcileOption, config: Config, now: number, forgottenAt: number): Period {
  const end = until ?? now
  const asked = since ?? end - lookBackMs(config)
  if (asked >= end) throw new CommandFailed(2, '--since is not before --until')
  if (end <= forgottenAt)
    throw new CommandFailed(
      2,
      `calls before ${formatTime(forgottenAt)} (UTC) are forgotten (uploads.keep_delivered): ask for later ones`,
    )
  return { since: Math.max(asked, forgottenAt), until: end }
}

/** What can be seen from outside of a bridge that may or may not be running. */
async function troublesOf({ recordings }: Config): Promise<readonly string[]> {
  const troubles: string[] = []
  for (const { path } of recordings.folders) {
    await access(path).catch((error: unknown) => {
      troubles.push(`the folder ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    })
  }
  return troubles
}

function textOf(result: Reconciliation, problems: readonly string[]): string {
  const { period, looked, covered, onTheWay, counts, total, findings, at } = result
  const span = ({ since, until }: Period): string => `${formatTime(since)} to ${formatTime(until)} (UTC)`
  const head = [
    `calls of ${span(period)}: ${looked.calls}; open deliveries ${looked.deliveries}${onTheWay > 0 ? `, ${onTheWay} of them wait in a backlog that moves` : ''}`,
    covered === null
      ? 'no records of the PBX to compare with'
      : `records of the PBX: ${looked.cdrs}; they cover ${span(covered)}`,
    ...problems.map(problem => `not read: ${problem}`),
  ]
  const tables = findingKinds.flatMap(kind => {
    const { count } = counts[kind]
    if (count === 0) return []
    const listed = findings.filter(each => each.kind === kind)
    const rows = listed.map(({ since, subject, cause, fix, callId, uploadId, cdrId }) => [
      formatAge(at - since),
      callId ?? uploadId ?? cdrId ?? '',
      subject,
      `${cause}. ${fix}`,
    ])
    const more = count > listed.length ? [`… and ${count - listed.length} more\n`] : []
    return [`\n${kind}: ${count}\n${formatTable(['AGE', 'ID', 'WHAT', 'CAUSE, AND WHAT TO DO'], rows)}`, ...more]
  })
  return `${head.join('\n')}\n${tables.join('')}${lastLine(total, problems.length > 0)}`
}

function lastLine(total: number, isInPart: boolean): string {
  if (total > 0) return `\n${total} findings\n`
  return isInPart ? 'no findings, but not all of the records could be read\n' : 'nothing is missing\n'
}

/** `42s`, `2h05m`, `3d`. */
function formatAge(ms: number): string {
  return ms < 2 * 86_400_000 ? formatDuration(Math.max(0, ms)) : `${Math.floor(ms / 86_400_000)}d`
}

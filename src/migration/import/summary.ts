/** What an import did, for people: what came of every row, and what to do about those that were refused. Pure. */
import { count } from './progress.ts'
import type { Tally } from './tally.ts'

export interface RecordingCounts {
  /** Audio files that were looked at. */
  readonly files: number
  /** Tied to a call, encoded and stored for delivery. */
  readonly matched: number
  /** Taken in by an earlier run. */
  readonly known: number
  /** Of calls that the bridge reported: it delivers those. */
  readonly live: number
  /** Which may not be kept (recordings.consent), found by this run. */
  readonly refused: number
  /** Held back, with the reason. */
  readonly unmatched: readonly { readonly file: string; readonly reason: string }[]
  readonly unmatchedCount: number
}

export interface ImportSummary {
  readonly tally: Tally
  readonly delivered: number
  readonly pending: number
  /** What Zendesk refused for good; the first ones. */
  readonly dead: readonly { readonly id: string; readonly reason: string }[]
  readonly deadCount: number
  readonly recordings: RecordingCounts | null
  readonly refusedFile: string | null
  /** Nothing was stored or sent: this is what would be. */
  readonly isTrial: boolean
}

export function summaryText(summary: ImportSummary): string {
  const { tally, delivered, pending, recordings } = summary
  const lines = [
    `${count(tally.rows)} rows gave ${count(tally.calls)} calls:`,
    line(tally.stored, summary.isTrial ? 'would be stored' : 'stored now'),
    tally.known > 0 ? line(tally.known, 'stored by an earlier run, or twice in these files') : null,
    tally.live > 0 ? line(tally.live, 'already reported live by the bridge') : null,
    tally.refused > 0 ? line(tally.refused, 'rows refused') : null,
    summary.isTrial
      ? null
      : `deliveries, of this run and earlier ones: ${count(delivered)} done, ${count(pending)} to go, ${count(summary.deadCount)} refused by Zendesk`,
    ...(recordings === null ? [] : recordingLines(recordings)),
    ...refusalLines(summary),
    ...deadLines(summary),
  ]
  return `${lines.filter(each => each !== null).join('\n')}\n`
}

function line(value: number, what: string): string {
  return `  ${count(value).padStart(9)}  ${what}`
}

function recordingLines({ files, matched, known, live, refused, unmatched, unmatchedCount }: RecordingCounts): readonly string[] {
  const lines = [
    `${count(files)} recordings:`,
    line(matched, 'matched to their calls'),
    ...(known > 0 ? [line(known, 'taken in by an earlier run')] : []),
    ...(live > 0 ? [line(live, 'of calls that the bridge reported live; it delivers them itself')] : []),
    ...(refused > 0 ? [line(refused, 'left out: there is no consent to keep them (recordings.consent)')] : []),
    ...(unmatchedCount > 0 ? [line(unmatchedCount, 'held back:')] : []),
    ...unmatched.map(({ file, reason }) => `             ${file}: ${reason}`),
  ]
  return unmatchedCount > unmatched.length
    ? [...lines, `             … and ${count(unmatchedCount - unmatched.length)} more`]
    : lines
}

function refusalLines({ tally, refusedFile }: ImportSummary): readonly string[] {
  const lines = tally
    .refusals()
    .flatMap(({ reason, fix, count: times, examples }) => [
      `refused: ${reason} (${count(times)}): ${fix}`,
      ...examples.map(({ file, line: at, detail }) => `             ${file}:${at}: ${detail}`),
      ...(times > examples.length ? [`             … and ${count(times - examples.length)} more`] : []),
    ])
  if (lines.length === 0) return []
  return [
    ...lines,
    refusedFile === null ? '--refused FILE.csv writes all of them to a file' : `all refused rows are in ${refusedFile}`,
  ]
}

function deadLines({ dead, deadCount }: ImportSummary): readonly string[] {
  if (deadCount === 0) return []
  return [
    'refused by Zendesk; the same command again tries them once more:',
    ...dead.map(({ id, reason }) => `             ${id}: ${reason}`),
    ...(deadCount > dead.length ? [`             … and ${count(deadCount - dead.length)} more`] : []),
  ]
}

/** The transition report for people. Pure. */
import type { Figures, MissingCall, ReportRow, TransitionReport } from '../migration/report/transition-report.ts'
import { type Cell, formatTable, formatTime } from './table.ts'

/** `refused` rows of the records could not be read. */
export function reportText(report: TransitionReport, refused: number, by: 'day' | 'site'): string {
  const { rows, total, internal } = report
  const group = by === 'day' ? 'DAY' : 'SITE'
  const side = (name: string): readonly string[] =>
    ['CALLS', 'ANSWERED', 'RATE', 'WAIT', 'RECORDED'].map(title => `${name} ${title}`)
  const parts = [
    formatTable([group, ...side('RECORDS:'), ...side('BRIDGE:')], [...rows, total].map(cellsOf)),
    listOf('in the records, not reported by the bridge', report.onlyInRecords, report.onlyInRecordsCount),
    listOf('reported by the bridge, not in the records', report.onlyInBridge, report.onlyInBridgeCount),
    internal > 0 ? `${internal} calls between extensions are in the records alone: they do not reach the trunk\n` : '',
    refused > 0 ? `${refused} rows of the records could not be read: \`tpe-bridge import … --dry-run\` says why\n` : '',
  ]
  return parts.filter(part => part !== '').join('\n')
}

function cellsOf({ group, records, bridge }: ReportRow): readonly Cell[] {
  return [group, ...figures(records), ...figures(bridge)]
}

function figures({ calls, answered, answerRate, averageWaitMs, withRecording }: Figures): readonly Cell[] {
  return [
    calls,
    answered,
    answerRate === null ? null : `${(answerRate * 100).toFixed(1)}%`,
    averageWaitMs === null ? null : `${(averageWaitMs / 1000).toFixed(1)}s`,
    withRecording,
  ]
}

function listOf(what: string, calls: readonly MissingCall[], count: number): string {
  if (count === 0) return `no call is ${what}\n`
  const titles = ['STARTED (UTC)', 'DIRECTION', 'FROM', 'TO', 'STATUS', 'WHERE']
  const rows = calls.map(call => [formatTime(call.startedAt), call.direction, call.from, call.to, call.status, call.where])
  const more = count > calls.length ? `… and ${count - calls.length} more\n` : ''
  return `${count} ${count === 1 ? 'call is' : 'calls are'} ${what}:\n${formatTable(titles, rows)}${more}`
}

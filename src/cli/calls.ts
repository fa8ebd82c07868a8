/** `tpe-bridge calls`: what the bridge knows of calls. */
import { Command } from 'commander'
import type { CallId, CallParty, CallSnapshot } from '../events/event.ts'
import type { CallDetails } from '../uploads/store/views.ts'
import { type ConfigOption, configOption } from './configuration.ts'
import type { CliContext, Finish } from './context.ts'
import { CommandFailed } from './failure.ts'
import { readLimit, withStore } from './store.ts'
import { formatDuration, formatTable, formatTime } from './table.ts'
import { lifeLines } from './trace/life-lines.ts'
import { sipReports } from './trace/report.ts'
import { headOf, sipLines } from './trace/text.ts'

interface ListOption extends ConfigOption {
  readonly json?: boolean
  readonly limit: number
}

interface ShowOption extends ConfigOption {
  readonly ladder?: boolean
  readonly json?: boolean
}

export function callsCommand(context: CliContext, _finish: Finish): Command {
  const calls = new Command('calls').description('look at calls')
  calls
    .command('list', { isDefault: true })
    .description('the newest calls')
    .option(...configOption)
    .option('--json', 'one JSON document instead of a table')
    .option('--limit <n>', 'how many, up to 500', readLimit, 50)
    .action(async (option: ListOption) => {
      const views = await withStore(context, option, store => store.views.listCalls({ limit: option.limit }))
      if (option.json === true) {
        context.stdout.write(`${JSON.stringify(views, null, 2)}\n`)
        return
      }
      const rows = views.map(({ call, undelivered, dead }) => [
        formatTime(call.startedAt),
        call.direction,
        nameOf(call.from),
        nameOf(call.to),
        statusOf(call),
        formatDuration(call.durationMs),
        dead > 0 ? `${dead} dead` : undelivered > 0 ? `${undelivered} to go` : 'all',
        call.id,
      ])
      const titles = ['STARTED (UTC)', 'DIRECTION', 'FROM', 'TO', 'STATUS', 'TALK', 'DELIVERED', 'ID']
      context.stdout.write(rows.length === 0 ? 'no calls yet\n' : formatTable(titles, rows))
    })
  calls
    .command('show')
    .description('one call with its legs, events and uploads')
    .argument('<id>', 'as in the list')
    .option(...configOption)
    .option('--ladder', 'its SIP calls beside each other over time, and why they are one call')
    .option('--json', 'one JSON document instead of text')
    .action(async (id: string, option: ShowOption) => {
      // An id of no call finds nothing.
      const details = await withStore(context, option, store => store.views.getCall(id as CallId))
      if (details === null) throw new CommandFailed(1, `no call ${id}: see \`tpe-bridge calls list\``)
      if (option.json === true) context.stdout.write(`${JSON.stringify(details, null, 2)}\n`)
      else if (option.ladder === true) context.stdout.write(ladderOf(details))
      else context.stdout.write(describe(details))
    })
  return calls
}

/** What is stored of a call over time; messages are not kept. */
function ladderOf({ call, state, events }: CallDetails): string {
  const told = events.map(({ event }) => ({ at: event.occurredAt, type: event.type }))
  const into = call.mergedInto === undefined ? [] : [`  it turned out to be part of ${call.mergedInto}`]
  const lines = [...headOf(call, false), ...into, '', ...sipLines(sipReports(state)), '', ...lifeLines(state, told)]
  return lines.map(line => `${line}\n`).join('')
}

function describe({ call, events, items }: CallDetails): string {
  const agents = call.agents.map(agent => `${agent.name} (${agent.extension})`).join(', ')
  const summary = [
    `${call.id}`,
    `${call.direction} ${nameOf(call.from)} → ${nameOf(call.to)}: ${statusOf(call)}`,
    `started ${formatTime(call.startedAt)}, answered ${formatTime(call.answeredAt)}, ended ${formatTime(call.endedAt)} (UTC)`,
    `talk ${formatDuration(call.durationMs)}, wait ${formatDuration(call.waitMs)}, hold ${formatDuration(call.holdMs)}${agents === '' ? '' : `, agents ${agents}`}`,
  ].join('\n')
  const legs = call.legs.map(leg => [
    nameOf(leg.from),
    nameOf(leg.to),
    formatTime(leg.startedAt),
    formatTime(leg.answeredAt),
    formatTime(leg.endedAt),
    leg.sipCode,
    leg.sipCallId,
  ])
  const steps = events.map(({ event, job }) => [
    event.sequence,
    event.type,
    formatTime(event.occurredAt),
    job?.state.kind ?? 'delivered (forgotten)',
  ])
  const audio = items.map(({ item, job }) => [
    item.kind,
    item.source === null ? '-' : formatDuration(item.source.durationMs),
    item.reason ?? job?.state.kind ?? item.state,
    item.kind === 'recording' ? item.matchedBy : item.mailbox,
    item.sourcePath,
  ])
  return [
    summary,
    '',
    formatTable(['LEG FROM', 'TO', 'STARTED', 'ANSWERED', 'ENDED', 'SIP', 'CALL-ID'], legs),
    formatTable(['#', 'EVENT', 'OCCURRED', 'DELIVERY'], steps),
    audio.length === 0 ? 'no audio\n' : formatTable(['AUDIO', 'LENGTH', 'STATE', 'TIED BY', 'FILE'], audio),
  ].join('\n')
}

function nameOf(party: CallParty): string {
  return party.value
}

function statusOf({ outcome, mergedInto }: CallSnapshot): string {
  if (mergedInto !== undefined) return `part of ${mergedInto}`
  return outcome === null ? 'in progress' : `${outcome.status} (${outcome.reason})`
}

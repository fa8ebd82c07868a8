/** Every row, and the README's table of them. Pure. */
import { recordings, voicemails } from './audio.ts'
import { partnerEdition } from './deliveries.ts'
import { authentication, errors, limits } from './limits.ts'
import { migration } from './migration.ts'
import { callMetrics, phoneCalls, transcriptionInsights } from './phone-calls.ts'
import { phoneLines, phoneNumbers } from './phone-numbers.ts'
import { agentStatus, ivr, queueAnalytics, queues } from './routing.ts'
import type { FeatureRow, FeatureSection } from './row.ts'
import { automaticTickets } from './ticket-rules.ts'
import { callLogging, ticketContext, ticketCreation } from './tickets.ts'
import { workflows } from './workflows.ts'

/** In the order of the Voice API's documentation. */
export const sections: readonly FeatureSection[] = [
  authentication,
  phoneNumbers,
  phoneLines,
  phoneCalls,
  voicemails,
  recordings,
  ivr,
  agentStatus,
  queues,
  ticketCreation,
  workflows,
  callMetrics,
  queueAnalytics,
  transcriptionInsights,
  ticketContext,
  automaticTickets,
  callLogging,
  partnerEdition,
  limits,
  errors,
  migration,
]

export const markers = { begin: '<!-- features:begin -->', end: '<!-- features:end -->' } as const

/** A Markdown table with one line a section, which names every row. */
export function renderTable(all: readonly FeatureSection[]): string {
  const lines = all.map(({ title, rows }) => {
    const asked = rows.filter(({ kind }) => kind === 'endpoint')
    const others = rows.filter(({ kind }) => kind !== 'endpoint')
    return `| ${title} | ${asked.map(code).join('<br>')} | ${others.map(named).join(', ')} |`
  })
  const count = all.reduce((sum, { rows }) => sum + rows.length, 0)
  const summary = `Each of these ${count} is a test that runs against the sandbox through the client (\`test/zendesk/features\`).`
  return [summary, '', '| of the Voice API | endpoints | properties, values, rules |', '| --- | --- | --- |', ...lines].join('\n')
}

/** `text` with what is between the markers replaced; throws when they are missing. */
export function withTable(text: string, table: string): string {
  const begin = text.indexOf(markers.begin)
  const end = text.indexOf(markers.end)
  if (begin === -1 || end < begin) throw new Error(`README.md must have ${markers.begin} and, later, ${markers.end}`)
  return `${text.slice(0, begin + markers.begin.length)}\n${table}\n${text.slice(end)}`
}

const code = ({ name }: FeatureRow) => `\`${name}\``
const named = (row: FeatureRow) => (/^[a-z_]+$/.test(row.name) ? code(row) : row.name)

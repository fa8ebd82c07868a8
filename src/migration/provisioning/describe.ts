/** Plans for people: a summary, and a diff field by field. Pure. */
import { type AgentBook, agentTitle } from './agent-book.ts'
import { type Change, takesAway } from './change.ts'
import type { MenuOption, Target } from './voice-state.ts'

/** Colours a text; for a pipe, both give it back as it is. */
export interface Ink {
  readonly added: (text: string) => string
  readonly removed: (text: string) => string
  readonly changed: (text: string) => string
}

const same = (text: string) => text
export const plainInk: Ink = { added: same, removed: same, changed: same }

/** ANSI colours (ECMA-48 SGR). */
export const terminalInk: Ink = {
  added: text => `\u001b[32m${text}\u001b[0m`,
  removed: text => `\u001b[31m${text}\u001b[0m`,
  changed: text => `\u001b[33m${text}\u001b[0m`,
}

/** One line: `create queue support`. */
export function titleOf(change: Change, agents: AgentBook): string {
  return printable(title(change, agents))
}

function title(change: Change, agents: AgentBook): string {
  switch (change.kind) {
    case 'member': {
      const who = agentTitle(agents, change.agent)
      return change.action === 'add' ? `add ${who} to queue ${change.name}` : `remove ${who} from queue ${change.name}`
    }
    case 'deletion':
      return `delete ${kindNames[change.of]} ${change.name}`
    case 'ivr':
      return `set what ${change.name} answers with`
    default:
      return `${change.was === null ? 'create' : 'change'} ${kindNames[change.kind]} ${change.name}`
  }
}

const kindNames = { phone_line: 'line', phone_number: 'number', queue: 'queue', ivr_menu: 'menu' } as const

/** `2 to create, 1 to change, 1 to take away`. */
export function countsOf(changes: readonly Change[]): string {
  const gone = changes.filter(takesAway).length
  const made = changes.filter(change => 'was' in change && change.was === null).length
  const counts = [
    [made, 'to create'],
    [changes.length - made - gone, 'to change'],
    [gone, 'to take away'],
  ] as const
  return counts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(', ')
}

/** Every change with its fields; what is taken away comes first, since it is what must not be overlooked. */
export function diffLines(changes: readonly Change[], agents: AgentBook, ink: Ink): readonly string[] {
  const gone = changes.filter(takesAway)
  const rest = changes.filter(change => !takesAway(change))
  return [...gone, ...rest].flatMap(change => {
    const text = titleOf(change, agents)
    if (takesAway(change)) return [ink.removed(`- ${text}`)]
    if (change.kind === 'member') return [ink.added(`+ ${text}`)]
    if (change.kind === 'deletion') return []
    const head = change.was === null ? ink.added(`+ ${text}`) : ink.changed(`~ ${text}`)
    const members = change.kind === 'queue' && change.members.length > 0 ? { members: change.members } : {}
    const before: Readonly<Record<string, unknown>> = { ...change.was }
    const fields = Object.entries({ ...change.set, ...members }).flatMap(([field, after]) =>
      fieldLines(field, change.was === null ? undefined : before[field], after, agents, ink),
    )
    return [head, ...fields]
  })
}

function fieldLines(field: string, before: unknown, after: unknown, agents: AgentBook, ink: Ink): readonly string[] {
  const lines = (value: unknown): readonly string[] => {
    if (value === undefined) return []
    return field === 'options' && Array.isArray(value)
      ? value.map(option => `${field} ${optionText(option, agents)}`)
      : [`${field}: ${valueText(field, value, agents)}`]
  }
  const [old, now] = [lines(before).map(printable), lines(after).map(printable)]
  return [
    ...old.filter(line => !now.includes(line)).map(line => ink.removed(`    - ${line}`)),
    ...now.filter(line => !old.includes(line)).map(line => ink.added(`    + ${line}`)),
  ]
}

function optionText({ digit, label, target }: MenuOption, agents: AgentBook): string {
  return `${digit}: ${JSON.stringify(label)} → ${targetText(target, agents)}`
}

function valueText(field: string, value: unknown, agents: AgentBook): string {
  if (isTarget(value)) return targetText(value, agents)
  if (field === 'members' && Array.isArray(value)) return value.map(id => agentTitle(agents, Number(id))).join(', ')
  if (value === null) return 'none'
  return Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? JSON.stringify(value) : String(value)
}

function targetText(target: Target, agents: AgentBook): string {
  switch (target.to) {
    case 'queue':
    case 'menu':
      return `${target.to} ${target.name}`
    case 'agent':
      return agentTitle(agents, target.id)
    case 'number':
      return target.number
    case 'voicemail':
      return target.mailbox === null ? 'voicemail' : `voicemail ${target.mailbox}`
    case 'repeat':
    case 'hangup':
      return target.to
    case 'other':
      return `${target.action}${target.target === null ? '' : ` ${target.target}`}`
    default:
      return target satisfies never
  }
}

/** What an account holds must not command the terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}

function isTarget(value: unknown): value is Target {
  return typeof value === 'object' && value !== null && 'to' in value
}

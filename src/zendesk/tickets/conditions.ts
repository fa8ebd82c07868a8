/** Whether a rule concerns an occasion, condition by condition, each with a mark and what was found. Pure. */
import type { Occasion } from './occasion.ts'
import type { OfficeState } from './office-hours.ts'
import type { DurationBounds, TicketConditions, TicketRule } from './rule.ts'

export interface Match {
  readonly matches: boolean
  /** `rule missed-in-hours: on missed ✓, hours open ✗ (closed: Sunday)` */
  readonly why: string
}

interface Check {
  readonly asked: string
  readonly holds: boolean
  readonly found: string
}

/** What the wire may make a pattern look at. */
const longestValue = 256

/** `office`: the state of the office when the call came. */
export function matchRule(rule: TicketRule, occasion: Occasion, office: OfficeState): Match {
  const on: Check = { asked: `on ${rule.on.join('|')}`, holds: rule.on.includes(occasion.moment), found: occasion.moment }
  const checks = on.holds ? [on, ...checksOf(rule.when, occasion, office)] : [on]
  const shown = checks.map(({ asked, holds, found }) => (holds ? `${asked} ✓` : `${asked} ✗ (${found})`))
  return { matches: checks.every(({ holds }) => holds), why: `rule ${rule.name}: ${shown.join(', ')}` }
}

function checksOf(when: TicketConditions, occasion: Occasion, office: OfficeState): readonly Check[] {
  const checks: Check[] = []
  const word = (name: string, asked: readonly string[] | null, found: string | null): void => {
    if (asked === null) return
    checks.push({ asked: `${name} ${asked.join('|')}`, holds: found !== null && asked.includes(found), found: found ?? 'none' })
  }
  const pattern = (name: string, asked: readonly RegExp[] | null, found: string | null): void => {
    if (asked === null) return
    const value = (found ?? '').slice(0, longestValue)
    const holds = found !== null && asked.some(each => each.test(value))
    checks.push({ asked: `${name} ${asked.map(each => each.source).join(' | ')}`, holds, found: found === null ? 'none' : value })
  }
  const within = (name: string, asked: DurationBounds | null, found: number | null): void => {
    if (asked === null) return
    const { atLeastMs, atMostMs } = asked
    const holds = found !== null && found >= (atLeastMs ?? 0) && found <= (atMostMs ?? Number.POSITIVE_INFINITY)
    const range = [atLeastMs === null ? '' : `≥ ${atLeastMs / 1000} s`, atMostMs === null ? '' : `≤ ${atMostMs / 1000} s`]
    checks.push({
      asked: `${name} ${range.filter(Boolean).join(' ')}`,
      holds,
      found: found === null ? 'unknown' : `${found / 1000} s`,
    })
  }
  const truth = (name: string, asked: boolean | null, found: boolean | null): void => {
    if (asked === null) return
    checks.push({ asked: `${name} ${asked ? 'yes' : 'no'}`, holds: found === asked, found: truthOf(found) })
  }
  word('direction', when.direction, occasion.direction)
  pattern('from', when.from, occasion.from.value)
  pattern('to', when.to, occasion.to.value)
  pattern('queue', when.queue, occasion.directives.queue ?? null)
  pattern('mailbox', when.mailbox, occasion.mailbox)
  if (when.agent !== null) {
    const names = new Set(occasion.agents.flatMap(({ id, extension, name }) => [String(id), extension, name]))
    const found = occasion.agents.map(({ extension, name }) => `${name} ${extension}`).join(', ')
    checks.push({
      asked: `agent ${when.agent.join('|')}`,
      holds: when.agent.some(name => names.has(name)),
      found: found === '' ? 'none' : found,
    })
  }
  word('reason', when.reason, occasion.reason)
  if (when.hours !== null) {
    const state = office.open ? 'open' : 'closed'
    checks.push({ asked: `hours ${when.hours}`, holds: state === when.hours, found: `${state}: ${office.why}` })
  }
  within('duration', when.duration, occasion.durationMs)
  within('wait', when.wait, occasion.waitMs)
  truth('first_time_caller', when.firstTimeCaller, occasion.firstTimeCaller)
  truth('anonymous', when.anonymous, occasion.from.kind === 'anonymous')
  return checks
}

function truthOf(found: boolean | null): string {
  return found === null ? 'not known' : found ? 'yes' : 'no'
}

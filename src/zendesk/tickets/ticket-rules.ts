/**
 * THE TICKET RULES: which rule fires for a delivery, what the PBX's own wishes change about it, and why. Pure but for the time zones'
 * formatters, which are made once. Both dialects, and `tpe-bridge tickets test`, ask here; nobody else decides about tickets.
 */
import type { Delivery } from '../delivery.ts'
import { matchRule } from './conditions.ts'
import { readDirectives } from './directives.ts'
import { type Occasion, occasionOf, type TicketFacts } from './occasion.ts'
import { localTime, type OfficeHours, officeClock } from './office-hours.ts'
import type { TicketRule } from './rule.ts'
import { standardRules } from './standard-rules.ts'
import type { ShowTime } from './template.ts'
import type { TicketDecision } from './wish.ts'
import { overridden, wishOfHeaders, wishOfRule } from './wishing.ts'

/** The configuration's `tickets` section. */
export interface TicketSettings {
  /** `null`: not said. */
  readonly preset: 'standard' | 'none' | null
  readonly hours: OfficeHours
  readonly rules: readonly TicketRule[]
  /** `no-ticket`: a call whose caller hides the number concerns only rules that ask for such callers. Voicemails are heard all the same. */
  readonly anonymous: 'no-ticket' | 'ticket'
}

/** What a delivery asks for. Pure: the same delivery and facts always give the same answer. Never throws. */
export type DecideTicket = (delivery: Delivery, facts: TicketFacts) => TicketDecision

export interface TicketRules {
  readonly decide: DecideTicket
  /** Whether `decide` could answer a wish, whatever the facts are: a cheap look, so that what concerns no rule costs nothing more. */
  readonly concerns: (delivery: Delivery) => boolean
  /** Whether any rule asks if a caller is new: only then need a sink keep account of who has called. */
  readonly asksFirstTimeCaller: boolean
}

/** For sinks that make no tickets. */
export const noTickets: TicketRules = {
  decide: () => ({ wish: null, forbidden: false, why: [] }),
  concerns: () => false,
  asksFirstTimeCaller: false,
}

/** `preset`: which one holds where the settings name none. */
export function ticketRules(settings: TicketSettings, preset: 'standard' | 'none'): TicketRules {
  const chosen = settings.preset ?? (settings.rules.length > 0 ? 'none' : preset)
  const rules = chosen === 'standard' ? [...settings.rules, ...standardRules] : settings.rules
  const office = officeClock(settings.hours)
  const { timezone } = settings.hours
  const local = localTime(timezone)
  const time: ShowTime = at => `${local(at)} (${timezone})`

  function decide(delivery: Delivery, facts: TicketFacts): TicketDecision {
    const occasion = occasionOf(delivery, facts)
    if (occasion === null)
      return { wish: null, forbidden: false, why: [`no rule is asked: ${subjectOf(delivery)} is no moment for tickets`] }
    return decideOn(occasion)
  }

  function decideOn(occasion: Occasion): TicketDecision {
    const { asked, ignored } = readDirectives(occasion.directives)
    const why: string[] = [...ignored]
    if (asked.noTicket)
      return { wish: null, forbidden: true, why: [...why, 'header X-Zendesk-No-Ticket: no ticket for this call'] }
    const state = office(occasion.startedAt)
    let forbidden = false
    const hidden = settings.anonymous === 'no-ticket' && isHidden(occasion)
    if (hidden) why.push('the caller hides the number: only rules with anonymous: true are asked (zendesk.callers.anonymous)')
    for (const rule of rules) {
      if (hidden && rule.when.anonymous !== true) continue
      const match = matchRule(rule, occasion, state)
      why.push(match.why)
      if (!match.matches) continue
      if (!rule.ignore) return { wish: overridden(wishOfRule(rule, occasion, time), asked, occasion), forbidden: false, why }
      why.push(`rule ${rule.name}: ignore, so no further rule is asked`)
      forbidden = true
      break
    }
    const wish = wishOfHeaders(asked, occasion, time)
    if (wish !== null) why.push('header X-Zendesk-Ticket-Id or X-Zendesk-Subject: the call itself asks for a ticket')
    return { wish, forbidden: forbidden && wish === null, why }
  }

  const asked = new Set(rules.filter(({ ignore }) => !ignore).flatMap(({ on }) => on))

  function concerns(delivery: Delivery): boolean {
    const occasion = occasionOf(delivery, { firstTimeCaller: null, recordingUrl: null })
    if (occasion === null) return false
    const { directives, moment } = occasion
    return asked.has(moment) || directives['ticket-id'] !== undefined || directives.subject !== undefined
  }

  return { decide, concerns, asksFirstTimeCaller: rules.some(({ when }) => when.firstTimeCaller !== null) }
}

/** A message is for somebody, whoever left it. */
function isHidden({ moment, direction, from }: Occasion): boolean {
  return moment !== 'voicemail' && direction === 'inbound' && from.kind === 'anonymous'
}

function subjectOf(delivery: Delivery): string {
  return delivery.kind === 'event' ? delivery.event.type : `a ${delivery.kind}`
}

/** Rules with as little as a test needs to say. */
import type { TicketConditions, TicketRule, TicketTemplate } from '../../../src/zendesk/tickets/rule.ts'
import { type TicketRules, ticketRules } from '../../../src/zendesk/tickets/ticket-rules.ts'

export const anyTime: TicketConditions = {
  direction: null,
  from: null,
  to: null,
  queue: null,
  mailbox: null,
  agent: null,
  reason: null,
  hours: null,
  duration: null,
  wait: null,
  firstTimeCaller: null,
  anonymous: null,
}

export const aTicket: TicketTemplate = {
  subject: ['Call from ', { field: 'caller' }],
  description: [{ field: 'caller' }, ' called ', { field: 'called' }],
  priority: null,
  tags: [['phone']],
  customFields: [],
}

export function aRule(
  name: string,
  changes: Partial<Omit<TicketRule, 'when'>> & { readonly when?: Partial<TicketConditions> } = {},
): TicketRule {
  const { when, ...rest } = changes
  return {
    name,
    on: ['missed', 'abandoned'],
    when: { ...anyTime, ...when },
    ignore: false,
    create: aTicket,
    reuse: null,
    comment: null,
    publicComment: false,
    assign: null,
    display: null,
    ...rest,
  }
}

const day = [{ from: 9 * 60, to: 17 * 60 }]
/** Open on weekdays from nine to five in Berlin. */
export const berlin = {
  timezone: 'Europe/Berlin',
  week: [day, day, day, day, day, [], []],
  holidays: ['2026-12-25'],
} as const

export const rulesOf = (...rules: readonly TicketRule[]): TicketRules =>
  ticketRules({ preset: null, hours: berlin, rules, anonymous: 'ticket' }, 'none')
export const standard = (): TicketRules =>
  ticketRules({ preset: 'standard', hours: berlin, rules: [], anonymous: 'no-ticket' }, 'none')

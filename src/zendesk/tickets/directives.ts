/**
 * What the PBX's dialplan asks for one call, in `X-Zendesk-*` headers of its INVITE. They come over the rules' heads. A value that
 * makes no sense is left out, with a line that says so: a typing error in a dialplan must not cost the ticket.
 *
 *   X-Zendesk-No-Ticket: yes              no ticket, whatever the rules say
 *   X-Zendesk-Ticket-Id: 17               this ticket, instead of a new one
 *   X-Zendesk-Subject, -Description       of a new ticket; a subject asks for one even where no rule does
 *   X-Zendesk-Comment                     what is added to a ticket that exists
 *   X-Zendesk-Tags: vip, berlin           added to the rule's
 *   X-Zendesk-Priority: high
 *   X-Zendesk-Assignee-Id: 35436          a Zendesk user id, or `agent`: who took the call
 *   X-Zendesk-Display-To: agent           likewise: on whose screen the ticket pops up
 *   X-Zendesk-Custom-Field-12345: text
 *   X-Zendesk-Queue: support              for conditions, templates and the call log
 */
import { type Directives, tagsIn } from '../../events/directives.ts'
import { type Priority, priorities } from '../wire/ticket.ts'
import type { AgentChoice } from './rule.ts'
import { harmless } from './template.ts'
import type { CustomField, TicketId } from './wish.ts'

/** `null` or empty: not asked. */
export interface CallDirectives {
  readonly noTicket: boolean
  readonly ticketId: TicketId | null
  readonly subject: string | null
  readonly description: string | null
  readonly comment: string | null
  readonly tags: readonly string[]
  readonly priority: Priority | null
  readonly assign: AgentChoice | null
  readonly display: AgentChoice | null
  readonly customFields: readonly CustomField[]
}

export interface ReadDirectives {
  readonly asked: CallDirectives
  /** One line for each directive that was left out, and why. */
  readonly ignored: readonly string[]
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

const nothing: CallDirectives = {
  noTicket: false,
  ticketId: null,
  subject: null,
  description: null,
  comment: null,
  tags: [],
  priority: null,
  assign: null,
  display: null,
  customFields: [],
}

/** Total. `directives`: by the lower-case name behind `X-Zendesk-`. */
export function readDirectives(directives: Directives): ReadDirectives {
  const asked: Writable<CallDirectives> = { ...nothing }
  const ignored: string[] = []
  for (const [name, value] of Object.entries(directives)) {
    const complaint = readOne(asked, name, value.trim())
    if (complaint !== null) ignored.push(`header X-Zendesk-${name}: ignored, ${complaint}`)
  }
  return { asked, ignored }
}

/** Notes one directive; returns why not, when it cannot. */
function readOne(asked: Writable<CallDirectives>, name: string, value: string): string | null {
  switch (name) {
    case 'no-ticket':
      if (/^(?:yes|true|1|on)$/i.test(value)) asked.noTicket = true
      else if (!/^(?:no|false|0|off)$/i.test(value)) return 'it is neither yes nor no'
      return null
    case 'ticket-id': {
      const id = idIn(value)
      if (id === null) return 'it is no ticket number'
      asked.ticketId = id as TicketId // a positive whole number
      return null
    }
    case 'subject':
      return text(value, 255, subject => {
        asked.subject = subject
      })
    case 'description':
      return text(value, 1000, description => {
        asked.description = description
      })
    case 'comment':
      return text(value, 1000, comment => {
        asked.comment = comment
      })
    case 'tags':
      asked.tags = tagsIn(value)
      return asked.tags.length === 0 ? 'it holds no tag' : null
    case 'priority': {
      const priority = priorities.find(each => each === value.toLowerCase())
      if (priority === undefined) return `it is none of ${priorities.join(', ')}`
      asked.priority = priority
      return null
    }
    case 'assignee-id':
    case 'display-to': {
      const choice = value.toLowerCase() === 'agent' ? 'agent' : idIn(value)
      if (choice === null) return 'it is neither a Zendesk user id nor the word agent'
      asked[name === 'display-to' ? 'display' : 'assign'] = choice
      return null
    }
    case 'queue':
      return value === '' ? 'it is empty' : null
    default: {
      const id = name.startsWith('custom-field-') ? idIn(name.slice('custom-field-'.length)) : null
      if (id === null) return 'there is no such directive'
      asked.customFields = [...asked.customFields, { id, value: harmless(value, 1000) }]
      return null
    }
  }
}

function text(value: string, limit: number, note: (text: string) => void): string | null {
  const safe = harmless(value, limit)
  if (safe === '') return 'it is empty'
  note(safe)
  return null
}

function idIn(value: string): number | null {
  const id = /^\d{1,16}$/.test(value) ? Number(value) : 0
  return Number.isSafeInteger(id) && id > 0 ? id : null
}

/**
 * Ticket rules as plain data: what the configuration's `tickets` section becomes. The first rule that matches a moment decides about
 * it, like a firewall's; a rule with `ignore` says "no ticket".
 */
import type { Direction } from '../../events/event.ts'
import type { EndReason } from '../../events/outcome.ts'
import type { Priority } from '../wire/ticket.ts'
import type { Moment } from './moment.ts'
import type { Template } from './template.ts'

/** Both ends belong to it; `null`: open. */
export interface DurationBounds {
  readonly atLeastMs: number | null
  readonly atMostMs: number | null
}

/** Every condition has to hold; `null`: not asked. Of a list, one has to. */
export interface TicketConditions {
  readonly direction: readonly Direction[] | null
  /** Against the number as it is reported: `+14155550100`, `1001`, `anonymous`. */
  readonly from: readonly RegExp[] | null
  readonly to: readonly RegExp[] | null
  readonly queue: readonly RegExp[] | null
  readonly mailbox: readonly RegExp[] | null
  /** Extension, name or Zendesk id of anyone on the call. */
  readonly agent: readonly string[] | null
  readonly reason: readonly EndReason[] | null
  readonly hours: 'open' | 'closed' | null
  readonly duration: DurationBounds | null
  readonly wait: DurationBounds | null
  readonly firstTimeCaller: boolean | null
  readonly anonymous: boolean | null
}

export interface CustomFieldTemplate {
  readonly id: number
  readonly value: Template
}

export interface TicketTemplate {
  readonly subject: Template
  readonly description: Template
  readonly priority: Priority | null
  /** Each becomes one word in lower case. */
  readonly tags: readonly Template[]
  readonly customFields: readonly CustomFieldTemplate[]
}

/** A Zendesk user id, or the call's agent: whoever took it, or the only one it rang at. */
export type AgentChoice = number | 'agent'

export interface TicketRule {
  readonly name: string
  readonly on: readonly Moment[]
  readonly when: TicketConditions
  /** No ticket, and no later rule is asked. */
  readonly ignore: boolean
  readonly create: TicketTemplate | null
  /** Instead of a new ticket: the newest open one of this caller, or of this caller by this rule, last used at most this long ago. */
  readonly reuse: { readonly withinMs: number; readonly of: 'caller' | 'rule' } | null
  /** For a ticket that exists already; `null`: the description. */
  readonly comment: Template | null
  readonly publicComment: boolean
  readonly assign: AgentChoice | null
  readonly display: AgentChoice | null
}

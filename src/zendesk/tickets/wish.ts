/**
 * What the ticket rules ask for. Both dialects carry a wish out in their own way; neither knows how it came about.
 */
import type { Priority } from '../wire/ticket.ts'

export type TicketId = number & { readonly __brand: 'TicketId' }

export interface CustomField {
  readonly id: number
  readonly value: string
}

/** Which ticket the call belongs to, before a new one is made. */
export type TicketChoice =
  /** A ticket for this call, whatever came before. */
  | { readonly kind: 'new' }
  /** The PBX named one (X-Zendesk-Ticket-Id). One that does not exist or is closed gives way to a new one. */
  | { readonly kind: 'given'; readonly ticketId: TicketId }
  /** The newest ticket of the same caller that is not solved or closed and was made, or last used, at most this long ago. */
  | { readonly kind: 'recent'; readonly of: 'caller' | 'rule'; readonly withinMs: number }

/** One rule has fired for one moment of a call, or for a voicemail. Texts are filled in. */
export interface TicketWish {
  /** The rule's name; `X-Zendesk headers` when the call itself asked. */
  readonly rule: string
  readonly choice: TicketChoice
  /** `null`: an existing ticket (of this call, or by `choice`) is commented on, and none is made when there is none. */
  readonly create: {
    readonly subject: string
    readonly description: string
    readonly priority: Priority | null
    readonly tags: readonly string[]
    readonly customFields: readonly CustomField[]
  } | null
  /** What is added when the ticket exists already: as a private comment unless `publicComment`. */
  readonly comment: string | null
  readonly publicComment: boolean
  /** A Zendesk user id. */
  readonly assigneeId: number | null
  /** Whose screen the ticket pops up on: a Zendesk user id. */
  readonly displayTo: number | null
}

/** `why` has one line for each rule that was looked at, in order, for `tickets test`. */
export interface TicketDecision {
  readonly wish: TicketWish | null
  /** There shall be no ticket: a rule with `ignore`, or the call's own X-Zendesk-No-Ticket, says so. More than that no rule fired. */
  readonly forbidden: boolean
  readonly why: readonly string[]
}

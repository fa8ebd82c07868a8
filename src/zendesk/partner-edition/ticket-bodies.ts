/** A wish in the words of the Voice API: what is sent to make a ticket, or to comment on one. Pure. */
import type { TicketWish } from '../tickets/wish.ts'
import type { NewComment, NewTicket } from '../wire/ticket.ts'

interface Displayed {
  readonly display_to_agent?: number
}

/** The body of `create_ticket` for a call or a voicemail. */
export function newTicketBody(
  create: NonNullable<TicketWish['create']>,
  { assigneeId, displayTo }: TicketWish,
): { readonly ticket: NewTicket } & Displayed {
  const ticket: NewTicket = {
    subject: create.subject,
    description: create.description,
    tags: [...create.tags],
    custom_fields: create.customFields.map(({ id, value }) => ({ id, value })),
    ...(create.priority === null ? {} : { priority: create.priority }),
    ...(assigneeId === null ? {} : { assignee_id: assigneeId }),
  }
  return { ticket, ...displayed(displayTo) }
}

/** The body of `POST /tickets/{id}/comments`. The Voice API cannot change a ticket's assignee afterwards. */
export function newCommentBody(
  body: string,
  { publicComment, displayTo }: TicketWish,
): { readonly comment: NewComment } & Displayed {
  return { comment: { body, public: publicComment }, ...displayed(displayTo) }
}

function displayed(displayTo: number | null): Displayed {
  return displayTo === null ? {} : { display_to_agent: displayTo }
}

/** What a wish asks of a ticket beside the call's voice comment: tags, fields, a text. Each effect once, however often it is tried. */
import type { TicketWish } from '../tickets/wish.ts'
import type { NewSupportTicket, SupportTicketChanges } from '../wire/documented/ticket.ts'
import type { CallNote } from './call-note.ts'
import type { Desk } from './desk.ts'
import { hasText } from './look-up.ts'
import type { Note } from './note.ts'
import { withReference } from './words.ts'

/** `fresh`: the ticket was made for this wish, so what a new ticket shall have is still to be said. */
export interface TicketWork {
  readonly ticketId: number
  readonly fresh: boolean
  /** The text that no heading has said; `null`: nothing is left to say. */
  readonly text: string | null
  /** Names what asks: an event's id. */
  readonly reference: string
  /** Of a new ticket. */
  readonly externalId: string
}

/** Text and fields go in one change of the ticket; tags are added in one of their own, so that those of triggers stay. */
export async function carryOut(desk: Desk, note: Note<CallNote>, wish: TicketWish, work: TicketWork): Promise<void> {
  const key = `wish:${work.reference}`
  if (note.value.done.includes(key)) return
  const { ticketId, text, reference } = work
  const created = work.fresh ? wish.create : null
  if (created !== null && created.tags.length > 0) await desk.addTags(ticketId, created.tags)
  const fields: SupportTicketChanges = {
    ...(created === null ? {} : { external_id: work.externalId, ...fieldsOf(created) }),
    ...(wish.assigneeId === null ? {} : { assignee_id: wish.assigneeId }),
  }
  const done = [...note.value.done, key]
  if (text === null) {
    if (Object.keys(fields).length > 0) await desk.changeTicket(ticketId, fields)
    await note.set({ done })
    return
  }
  const comment = { body: withReference(text, reference), public: !work.fresh && wish.publicComment }
  await note.once(
    {
      name: key,
      look: () => hasText(desk, ticketId, reference),
      make: async () => {
        await desk.changeTicket(ticketId, { ...fields, comment })
        return true
      },
    },
    () => ({ done }),
  )
}

type Created = NonNullable<TicketWish['create']>

/** What a new ticket shall have, in the words of a ticket. */
export function fieldsOf({ priority, customFields }: Created): Pick<NewSupportTicket, 'priority' | 'custom_fields'> {
  return {
    ...(priority === null ? {} : { priority }),
    ...(customFields.length === 0 ? {} : { custom_fields: customFields.map(({ id, value }) => ({ id, value })) }),
  }
}

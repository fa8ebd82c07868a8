/**
 * An event of a call in an account without the Partner Edition: there are no call records, so a call is what its ticket says. Its
 * player comes with the recording, since a voice comment without one only says that there is none.
 */
import type { CallEvent } from '../../events/event.ts'
import type { SinkMemory } from '../memory.ts'
import type { TicketWish } from '../tickets/wish.ts'
import type { NewSupportTicket } from '../wire/documented/ticket.ts'
import type { CallNote } from './call-note.ts'
import type { Desk } from './desk.ts'
import type { Note } from './note.ts'
import type { CallsSettings } from './settings.ts'
import { chooseTicket, type Requester, rememberTicket } from './ticket-choice.ts'
import { carryOut, fieldsOf } from './wish-steps.ts'
import { withReference } from './words.ts'

interface Parts {
  readonly desk: Desk
  readonly note: Note<CallNote>
  readonly memory: SinkMemory
  readonly settings: CallsSettings
  readonly now: number
}

/** Makes the call's ticket, or says on it what the wish says. Without a wish there is nothing to do. */
export async function ticketWithoutRecord(
  { desk, note, memory, settings, now }: Parts,
  event: CallEvent,
  wish: TicketWish | null,
  requester: Requester,
): Promise<void> {
  if (wish === null) return
  if (note.value.ticketId === null) {
    const inDoubt = 'ticket' in note.value.asking
    const chosen = inDoubt ? null : await chooseTicket(wish, requester, { by: event.id, desk, memory, now })
    if (chosen !== null) await note.set({ ticketId: chosen })
    else if (wish.create !== null) {
      const ticket: NewSupportTicket = {
        subject: wish.create.subject,
        comment: { body: withReference(wish.create.description, event.id), public: false },
        external_id: event.callId,
        tags: [...wish.create.tags],
        ...fieldsOf(wish.create),
        ...(wish.assigneeId === null ? {} : { assignee_id: wish.assigneeId }),
        ...(requester.userId === null ? {} : { requester_id: requester.userId }),
        ...(settings.brandId === null ? {} : { brand_id: settings.brandId }),
      }
      await note.once(
        {
          name: 'ticket',
          look: () => desk.ticketNamed(event.callId),
          make: () => desk.createTicket(ticket, `${event.callId}.ticket`),
        },
        ({ id }) => ({ ticketId: id, madeBy: event.id, done: [...note.value.done, `wish:${event.id}`] }),
      )
    }
  }
  const { ticketId } = note.value
  if (ticketId === null) return
  await rememberTicket(memory, wish, requester, ticketId, now)
  const reference = event.id
  await carryOut(desk, note, wish, { ticketId, fresh: false, text: wish.comment, reference, externalId: event.callId })
}

/**
 * A call's record and what shows it: made, changed, and put on a ticket, with one voice comment for each event that has something to
 * say. Every effect once, however often it is tried (note.ts).
 */
import type { CallEvent } from '../../events/event.ts'
import type { SinkMemory } from '../memory.ts'
import type { TicketWish } from '../tickets/wish.ts'
import type { NewDocumentedCall } from '../wire/documented/call.ts'
import type { NewVoiceComment } from '../wire/documented/voice-comment.ts'
import type { CallNote } from './call-note.ts'
import { agentOf, newRecord, recordChanges } from './call-record.ts'
import type { Desk } from './desk.ts'
import { Halt } from './halt.ts'
import { hasVoiceComment, recordOnNewTicket, recordOnTicket } from './look-up.ts'
import type { Note } from './note.ts'
import type { CallsSettings } from './settings.ts'
import { chooseTicket, type Requester, rememberTicket } from './ticket-choice.ts'
import { carryOut } from './wish-steps.ts'
import { asHeading, freshTitle, shownFields, titleOf } from './words.ts'

export interface RecordParts {
  readonly desk: Desk
  readonly note: Note<CallNote>
  readonly memory: SinkMemory
  readonly settings: CallsSettings
  /** Epoch ms. */
  readonly now: number
}

export class RecordSteps {
  readonly #parts: RecordParts

  constructor(parts: RecordParts) {
    this.#parts = parts
  }

  /** Brings the record up to the event, unless it tells of a later one, and does on the ticket what the wish asks. */
  async tell(event: CallEvent, wish: TicketWish | null, requester: Requester): Promise<void> {
    const { desk, note } = this.#parts
    const { recordId } = note.value
    if (recordId === null) await this.#createRecord(event, wish, requester)
    else {
      if (event.sequence > note.value.sequence) await desk.changeCall(recordId, recordChanges(event))
      await note.set({ sequence: Math.max(note.value.sequence, event.sequence) })
      await this.#comment(recordId, event, wish, requester)
    }
    const { ticketId } = note.value
    if (wish === null || ticketId === null) return
    const fresh = note.value.madeBy === event.id
    const said = wordsFor(wish, fresh)
    const text = asHeading(said) !== null && (fresh || !wish.publicComment) ? null : said
    await rememberTicket(this.#parts.memory, wish, requester, ticketId, this.#parts.now)
    await carryOut(desk, note, wish, { ticketId, fresh, text, reference: event.id, externalId: event.callId })
  }

  /** Record, comment and, when it needs one, ticket in one request. */
  async #createRecord(event: CallEvent, wish: TicketWish | null, requester: Requester): Promise<void> {
    const { desk, note, settings } = this.#parts
    const chosen = await this.#choose(event, wish, requester)
    const create = chosen === null ? (wish?.create ?? null) : null
    const shown = chosen !== null || create !== null
    const title = this.#title(event, wish, chosen === null)
    const call = newRecord(event, { appId: settings.appId, brandId: settings.brandId, endUserId: requester.userId })
    const body: NewDocumentedCall = {
      call: { ...call, ...(chosen === null ? {} : { ticket_id: chosen }) },
      ...(shown ? { comment: this.#commentOf(event, title, wish, create?.subject ?? null, requester) } : {}),
    }
    const make = async () => {
      const { id, ticket_id } = await desk.createCall(body)
      return { recordId: id, ticketId: ticket_id }
    }
    // Also where no ticket is wanted now: the rules may have been others when it was asked for.
    const look = (askedAt: number) =>
      chosen === null
        ? recordOnNewTicket(desk, requester.userId, event.callId, askedAt)
        : recordOnTicket(desk, chosen, event.callId)
    try {
      await note.once({ name: 'record', look, make }, ({ recordId, ticketId }) => ({
        recordId,
        ticketId: ticketId ?? chosen,
        chosenId: null,
        madeBy: create === null ? null : event.id,
        sequence: event.sequence,
        ...(shown ? this.#commented(event, title) : {}),
      }))
    } catch (cause) {
      throw await this.#unchosen(cause, chosen)
    }
  }

  /** Shows the event on the ticket; a call without a ticket gets one when the wish is for one. */
  async #comment(recordId: number, event: CallEvent, wish: TicketWish | null, requester: Requester): Promise<void> {
    const { desk, note } = this.#parts
    if (note.value.done.includes(`comment:${event.id}`)) return
    if (note.value.ticketId === null) await this.#findTicket(recordId, event, wish, requester)
    const { ticketId } = note.value
    if (ticketId === null || note.value.done.includes(`comment:${event.id}`)) return
    const aloud = wish !== null && !wish.publicComment && asHeading(wish.comment) !== null
    if (aloud || event.type === 'call.transferred') {
      const title = this.#title(event, wish, false)
      const comment = this.#commentOf(event, title, wish, null, requester)
      const make = async (): Promise<true> => {
        await desk.commentOnCall(recordId, ticketId, comment)
        return true
      }
      const look = () => hasVoiceComment(desk, ticketId, event.callId, title)
      await note.once({ name: `comment:${event.id}`, look, make }, () => this.#commented(event, title))
    } else if (typeof wish?.displayTo === 'number') await desk.display(wish.displayTo, 'tickets', ticketId)
  }

  /** A record without a ticket gets one: an existing one that Zendesk lets it move to, or a new one with its first comment. */
  async #findTicket(recordId: number, event: CallEvent, wish: TicketWish | null, requester: Requester): Promise<void> {
    const { desk, note } = this.#parts
    if (wish === null) return
    const chosen = await this.#choose(event, wish, requester)
    if (chosen !== null) {
      const moved = await desk.changeCall(recordId, { ticket_id: chosen })
      // Not documented either way: where the record stays without, the wish is carried out on the ticket alone.
      const done = moved.ticket_id === chosen ? note.value.done : [...note.value.done, `comment:${event.id}`]
      await note.set({ ticketId: chosen, chosenId: null, done })
      return
    }
    if (wish.create === null) return
    const title = this.#title(event, wish, true)
    const comment = this.#commentOf(event, title, wish, wish.create.subject, requester)
    await note.once(
      {
        name: 'ticket',
        look: async () => (await desk.showCall(recordId)).ticket_id,
        make: async () => {
          await desk.commentOnCall(recordId, null, comment)
          const { ticket_id } = await desk.showCall(recordId)
          if (ticket_id !== null) return ticket_id
          const reason = `Zendesk took a comment on call ${recordId} but shows no ticket for it yet`
          throw new Halt({ kind: 'retry', afterMs: null, reason }, false)
        },
      },
      ticketId => ({ ticketId, madeBy: event.id, ...this.#commented(event, title) }),
    )
  }

  /** The ticket that the call is on or shall be put on; the choice is noted, so that a second try makes the same. */
  async #choose(event: CallEvent, wish: TicketWish | null, requester: Requester): Promise<number | null> {
    const { desk, note, memory, now } = this.#parts
    const noted = note.value.ticketId ?? note.value.chosenId
    // Asked for once without a ticket: then it was to be a new one.
    if (noted !== null || wish === null || 'record' in note.value.asking || 'ticket' in note.value.asking) return noted
    const chosen = await chooseTicket(wish, requester, { by: event.id, desk, memory, now })
    await note.set({ chosenId: chosen })
    return chosen
  }

  /** A ticket may be closed between the choice and its use; the next try chooses again. */
  async #unchosen(cause: unknown, chosen: number | null): Promise<unknown> {
    const { desk, note } = this.#parts
    if (!(cause instanceof Halt) || cause.status !== 422 || chosen === null) return cause
    const ticket = await desk.ticket(chosen)
    if (ticket !== null && ticket.status !== 'closed') return cause
    await note.set({ chosenId: null, ticketId: null })
    return new Halt({ kind: 'retry', afterMs: null, reason: `ticket ${chosen} was closed meanwhile` }, true)
  }

  #title(event: CallEvent, wish: TicketWish | null, fresh: boolean): string {
    const heading = wish === null || (wish.publicComment && !fresh) ? null : asHeading(wordsFor(wish, fresh))
    return freshTitle(heading ?? titleOf(event), this.#parts.note.value.titles)
  }

  #commentOf(
    event: CallEvent,
    title: string,
    wish: TicketWish | null,
    subject: string | null,
    { userId }: Requester,
  ): NewVoiceComment {
    const transferredTo =
      event.type === 'call.transferred' && this.#parts.settings.display !== 'off' ? agentOf(event.call)?.id : null
    const displayTo = wish?.displayTo ?? transferredTo
    return {
      title,
      call_fields: shownFields(event.call.outcome !== null),
      ...(subject === null ? {} : { subject }),
      ...(subject === null || userId === null ? {} : { end_user_id: userId }),
      ...(typeof displayTo === 'number' ? { display_to_agent: displayTo } : {}),
    }
  }

  #commented(event: CallEvent, title: string): Pick<CallNote, 'titles' | 'done'> {
    const { titles, done } = this.#parts.note.value
    return { titles: [...titles, title], done: [...done, `comment:${event.id}`] }
  }
}

/** What the wish says on the ticket. */
const wordsFor = (wish: TicketWish, fresh: boolean): string | null => (fresh ? (wish.create?.description ?? null) : wish.comment)

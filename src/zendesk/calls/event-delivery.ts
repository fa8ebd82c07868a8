/**
 * An event of a call: folded into its one record, and shown on its ticket.
 *
 *   ringing       the caller's profile pops up
 *   answered      POST /calls: record, ticket and comment in one       (or PATCH, when there is a record)
 *   transferred   PATCH, and a comment that pops up at the new agent's
 *   ended         PATCH with the durations                             (or POST, when nobody answered)
 *
 * Everything else says nothing that a record could hold. An event that is older than what the record tells (redriven, or out of
 * order) does not take it back; what its rule asks of the ticket is still done.
 */

import type { CallEvent } from '../../events/event.ts'
import type { Callers } from '../callers/callers.ts'
import type { SinkMemory } from '../memory.ts'
import type { TicketRules } from '../tickets/ticket-rules.ts'
import type { TicketWish } from '../tickets/wish.ts'
import type { NewDocumentedCall } from '../wire/documented/call.ts'
import type { NewVoiceComment } from '../wire/documented/voice-comment.ts'
import type { CallNote } from './call-note.ts'
import { agentOf, customerOf, newRecord, partyText, recordChanges } from './call-record.ts'
import type { Desk } from './desk.ts'
import { Halt } from './halt.ts'
import { hasVoiceComment, recordOnNewTicket, recordOnTicket } from './look-up.ts'
import type { Note } from './note.ts'
import type { CallsSettings } from './settings.ts'
import { chooseTicket, type Requester, rememberTicket } from './ticket-choice.ts'
import { ticketWithoutRecord } from './ticket-without-record.ts'
import { carryOut } from './wish-steps.ts'
import { asHeading, freshTitle, shownFields, titleOf } from './words.ts'

export interface EventParts {
  readonly desk: Desk
  readonly note: Note<CallNote>
  readonly memory: SinkMemory
  readonly callers: Callers
  readonly tickets: TicketRules
  readonly settings: CallsSettings
  /** Epoch ms. */
  readonly now: number
}

/** Types that change the record or the ticket. */
const telling: ReadonlySet<CallEvent['type']> = new Set(['call.ringing', 'call.answered', 'call.transferred', 'call.ended'])

export class EventDelivery {
  readonly #parts: EventParts

  constructor(parts: EventParts) {
    this.#parts = parts
  }

  /** Resolves with Zendesk's id of the call record, or of the ticket where there are no records; `null` when nothing was to be told. */
  async deliver(event: CallEvent, idempotencyKey: string): Promise<number | null> {
    const { note, settings } = this.#parts
    if (!telling.has(event.type)) return null
    const requester = await this.#requester(event)
    const wish = await this.#wish(event, idempotencyKey, requester)
    await this.#popCaller(event, wish, requester)
    const { call } = event
    const untold = wish === null && (event.type === 'call.ringing' || call.direction === 'internal')
    if (!untold && settings.licence === 'none') await ticketWithoutRecord(this.#parts, event, wish, requester)
    else if (!untold) await this.#tell(event, wish, requester)
    const { sequence, ended } = note.value
    await note.set({
      from: partyText(call.from),
      to: partyText(call.to),
      direction: call.direction,
      endUserId: requester.userId ?? note.value.endUserId,
      agentId: agentOf(call)?.id ?? note.value.agentId,
      sequence: Math.max(sequence, event.sequence),
      ended: ended || event.type === 'call.ended',
    })
    return note.value.recordId ?? note.value.ticketId
  }

  /** Whose call it is. Looked up only when something will be said of it. */
  async #requester(event: CallEvent): Promise<Requester & { readonly first: boolean | null }> {
    const { callers, desk, settings, tickets } = this.#parts
    const { call } = event
    const customer = customerOf(call)
    if (customer === null) return { number: null, userId: null, first: null }
    const number = customer.kind === 'e164' ? customer.value : null
    const idle = event.type === 'call.ringing' && settings.display !== 'ringing' && !tickets.asksFirstTimeCaller
    if (idle) return { number, userId: null, first: null }
    const caller = await callers.userOf(customer, desk.requests)
    const asked = tickets.asksFirstTimeCaller && call.direction === 'inbound'
    const first = asked ? await callers.isFirstCall(customer, caller, call.id) : null
    return { number, userId: caller.userId, first }
  }

  async #wish(
    event: CallEvent,
    idempotencyKey: string,
    requester: { readonly first: boolean | null },
  ): Promise<TicketWish | null> {
    const { tickets, settings } = this.#parts
    const facts = { firstTimeCaller: requester.first, recordingUrl: null }
    const { wish } = tickets.decide({ kind: 'event', idempotencyKey, event }, facts)
    const hidden = customerOf(event.call)?.kind === 'anonymous' && settings.anonymous === 'no-ticket'
    // A ticket that the PBX names is somebody's, whoever calls.
    return hidden && wish?.choice.kind !== 'given' ? null : wish
  }

  async #popCaller(event: CallEvent, wish: TicketWish | null, { userId }: Requester): Promise<void> {
    const { desk, note, settings } = this.#parts
    const [agent, ...others] = event.call.agents
    const due = settings.display !== 'off' && event.type === `call.${settings.display}`
    // Of several phones that ring, none is the agent yet; and a ticket that pops up says more than a profile.
    if (!due || settings.licence === 'none' || userId === null || agent === undefined || others.length > 0) return
    if (typeof wish?.displayTo === 'number') return
    const key = `pop:${event.id}`
    if (note.value.done.includes(key)) return
    await desk.display(agent.id, 'users', userId)
    await note.set({ done: [...note.value.done, key] })
  }

  async #tell(event: CallEvent, wish: TicketWish | null, requester: Requester): Promise<void> {
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
    const chosen = await this.#choose(wish, requester)
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
    const chosen = await this.#choose(wish, requester)
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
  async #choose(wish: TicketWish | null, requester: Requester): Promise<number | null> {
    const { desk, note, memory, now } = this.#parts
    const noted = note.value.ticketId ?? note.value.chosenId
    // Asked for once without a ticket: then it was to be a new one.
    if (noted !== null || wish === null || 'record' in note.value.asking || 'ticket' in note.value.asking) return noted
    const chosen = await chooseTicket(wish, requester, { desk, memory, now })
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

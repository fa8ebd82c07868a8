/**
 * An event of a call: folded into its one record, and shown on its ticket.
 *
 *   ringing       the caller's profile pops up
 *   answered      POST /calls: record, ticket and comment in one       (or PATCH, when there is a record)
 *   transferred   PATCH, and a comment that pops up at the new agent's
 *   ended         PATCH with the durations                             (or POST, when nobody answered)
 *   merged        PATCH with the durations so far, of the call that goes on in another; nothing where it has no record
 *
 * Everything else says nothing that a record could hold. An event that is older than what the record tells (redriven, or out of
 * order) does not take it back; what its rule asks of the ticket is still done.
 */

import type { CallEvent } from '../../events/event.ts'
import type { Callers } from '../callers/callers.ts'
import type { SinkMemory } from '../memory.ts'
import type { TicketRules } from '../tickets/ticket-rules.ts'
import type { TicketDecision, TicketWish } from '../tickets/wish.ts'
import type { CallNote } from './call-note.ts'
import { agentOf, customerOf, partyText, recordChanges } from './call-record.ts'
import type { Desk } from './desk.ts'
import { Halt } from './halt.ts'
import type { Note } from './note.ts'
import { RecordSteps } from './record-steps.ts'
import type { CallsSettings } from './settings.ts'
import { giveUpTicket, type Requester } from './ticket-choice.ts'
import { ticketWithoutRecord } from './ticket-without-record.ts'

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
    const { note } = this.#parts
    if (event.call.mergedInto !== undefined) return await this.#close(event)
    if (!telling.has(event.type)) return null
    const requester = await this.#requester(event)
    const { wish, forbidden } = this.#decide(event, idempotencyKey, requester)
    await this.#popCaller(event, wish, requester)
    const { call } = event
    const untold = wish === null && (event.type === 'call.ringing' || call.direction === 'internal')
    if (!untold) await this.#tell(event, wish, requester)
    const { sequence, ended, noTicket } = note.value
    await note.set({
      from: partyText(call.from),
      to: partyText(call.to),
      direction: call.direction,
      endUserId: requester.userId ?? note.value.endUserId,
      agentId: agentOf(call)?.id ?? note.value.agentId,
      sequence: Math.max(sequence, event.sequence),
      ended: ended || event.type === 'call.ended',
      noTicket: noTicket || forbidden,
    })
    return note.value.recordId ?? note.value.ticketId
  }

  /** The last event of a call that is part of another now: that one's record tells what follows, and nothing more comes for this one. */
  async #close(event: CallEvent): Promise<number | null> {
    const { desk, note } = this.#parts
    const { recordId, ticketId, sequence } = note.value
    if (recordId !== null && event.sequence > sequence) await desk.changeCall(recordId, recordChanges(event))
    await note.set({ sequence: Math.max(sequence, event.sequence), ended: true })
    return recordId ?? ticketId
  }

  async #tell(event: CallEvent, wish: TicketWish | null, requester: Requester): Promise<void> {
    const { memory, settings } = this.#parts
    try {
      if (settings.licence === 'none') await ticketWithoutRecord(this.#parts, event, wish, requester)
      else await new RecordSteps(this.#parts).tell(event, wish, requester)
    } catch (cause) {
      if (cause instanceof Halt && cause.result.kind === 'reject' && wish !== null)
        await giveUpTicket(memory, wish, requester, event.id)
      throw cause
    }
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

  #decide(
    event: CallEvent,
    idempotencyKey: string,
    requester: { readonly first: boolean | null },
  ): Pick<TicketDecision, 'wish' | 'forbidden'> {
    const facts = { firstTimeCaller: requester.first, recordingUrl: null }
    return this.#parts.tickets.decide({ kind: 'event', idempotencyKey, event }, facts)
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
}

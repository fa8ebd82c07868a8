/**
 * Tickets of the Voice API: from a call, from a voicemail, by themselves, and comments on them. Reading them back is the sandbox's
 * addition; on an account, Zendesk's Support API does that.
 */
import type { Id } from '../wire/page.ts'
import {
  commentAnswerSchema,
  type NewComment,
  type NewTicket,
  type Ticket,
  type TicketComment,
  ticketAnswerSchema,
  ticketsAnswerSchema,
} from '../wire/ticket.ts'
import { type Listing, PagedListing, type PageSize } from './listing.ts'
import { type Creation, segment, type VoiceRequests } from './voice-requests.ts'

const path = '/tickets'

export interface TicketCreation extends Creation {
  /** Whose screen the ticket pops up on: a Zendesk user id. */
  readonly displayTo?: number
}

/** Each method throws a VoiceFailure, or the signal's reason. */
export class Tickets {
  readonly #requests: VoiceRequests

  constructor(requests: VoiceRequests) {
    this.#requests = requests
  }

  /** `POST /phone_calls/{id}/create_ticket`: a call that has a ticket already is refused (409). */
  createFromCall(call: Id, ticket: NewTicket, signal: AbortSignal, creation: TicketCreation = {}): Promise<Ticket> {
    return this.#create(`/phone_calls/${segment(call)}/create_ticket`, ticket, signal, creation)
  }

  /** `POST /phone_voicemails/{id}/create_ticket` */
  createFromVoicemail(voicemail: Id, ticket: NewTicket, signal: AbortSignal, creation: TicketCreation = {}): Promise<Ticket> {
    return this.#create(`/phone_voicemails/${segment(voicemail)}/create_ticket`, ticket, signal, creation)
  }

  /** `POST /tickets` */
  create(ticket: NewTicket, signal: AbortSignal, creation: TicketCreation = {}): Promise<Ticket> {
    return this.#create(path, ticket, signal, creation)
  }

  /** `POST /tickets/{id}/comments` */
  async comment(
    id: Id,
    comment: NewComment,
    signal: AbortSignal,
    { displayTo, ...creation }: TicketCreation = {},
  ): Promise<TicketComment> {
    const body = { comment, ...display(displayTo) }
    const request = { method: 'POST', path: `${path}/${segment(id)}/comments`, body, signal, ...creation } as const
    return (await this.#requests.ask(request, commentAnswerSchema)).comment
  }

  /** `GET /tickets/{id}` of the sandbox. */
  async get(id: Id, signal: AbortSignal): Promise<Ticket> {
    return (await this.#requests.ask({ method: 'GET', path: `${path}/${segment(id)}`, signal }, ticketAnswerSchema)).ticket
  }

  /** `GET /tickets` of the sandbox. */
  list(query: PageSize, signal: AbortSignal): Listing<Ticket> {
    return new PagedListing(
      this.#requests,
      {
        path,
        query,
        schema: ticketsAnswerSchema,
        pageOf: ({ tickets: items, count, next_page: nextPage }) => ({ items, count, nextPage }),
      },
      signal,
    )
  }

  async #create(at: string, ticket: NewTicket, signal: AbortSignal, { displayTo, ...creation }: TicketCreation): Promise<Ticket> {
    const request = { method: 'POST', path: at, body: { ticket, ...display(displayTo) }, signal, ...creation } as const
    return (await this.#requests.ask(request, ticketAnswerSchema)).ticket
  }
}

const display = (agentId: number | undefined) => (agentId === undefined ? {} : { display_to_agent: agentId })

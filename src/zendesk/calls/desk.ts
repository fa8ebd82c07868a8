/** What the dialect asks of Zendesk, typed; one request a method unless it says otherwise. Every method throws Halt (halt.ts). */
import { z } from 'zod'
import type { EncodedAudio } from '../../events/recording.ts'
import {
  callAnswerSchema,
  type DocumentedCall,
  type DocumentedCallChanges,
  type NewDocumentedCall,
} from '../wire/documented/call.ts'
import { supportCommentsAnswerSchema, supportTicketsAnswerSchema } from '../wire/documented/page.ts'
import {
  type NewSupportTicket,
  type NewVoiceTicket,
  type SupportComment,
  type SupportTicket,
  type SupportTicketChanges,
  supportTicketAnswerSchema,
  tagsAnswerSchema,
} from '../wire/documented/ticket.ts'
import { attachmentAnswerSchema, uploadAnswerSchema } from '../wire/documented/upload.ts'
import { userAnswerSchema } from '../wire/documented/user.ts'
import type { NewVoiceComment } from '../wire/documented/voice-comment.ts'
import { supportPath } from '../wire/documented/words.ts'
import { voicePath } from '../wire/words.ts'
import { Halt } from './halt.ts'
import type { Requests } from './requests.ts'

const perPage = 100
/** 5,000 comments is all that a ticket holds. */
const commentPages = 50
const ticketPages = 10

const anything = z.unknown().transform(() => true)

export interface Uploaded {
  readonly token: string
  readonly url: string
  /** Epoch ms; `null`: not said. */
  readonly expiresAt: number | null
}

export class Desk {
  /** For those who ask for users (callers/). */
  readonly requests: Requests

  constructor(requests: Requests) {
    this.requests = requests
  }

  async createCall(body: NewDocumentedCall): Promise<DocumentedCall> {
    const ticketId = body.call.ticket_id ?? null
    const path = `${supportPath}/calls`
    return (await this.requests.ask({ method: 'POST', path, body, schema: callAnswerSchema, ticketId })).call
  }

  async showCall(id: number): Promise<DocumentedCall> {
    return (await this.requests.ask({ method: 'GET', path: `${supportPath}/calls/${id}`, schema: callAnswerSchema })).call
  }

  async changeCall(id: number, call: DocumentedCallChanges): Promise<DocumentedCall> {
    const path = `${supportPath}/calls/${id}`
    return (await this.requests.ask({ method: 'PATCH', path, body: { call }, schema: callAnswerSchema })).call
  }

  /** Makes a ticket when the call has none: `ticketId` is the one that it has. */
  async commentOnCall(callId: number, ticketId: number | null, comment: NewVoiceComment): Promise<void> {
    const path = `${supportPath}/calls/${callId}/comments`
    await this.requests.ask({ method: 'POST', path, body: comment, schema: anything, ticketId })
  }

  /** `null`: there is no such ticket. */
  async ticket(id: number): Promise<SupportTicket | null> {
    const path = `${supportPath}/tickets/${id}`
    const answer = await this.requests.askOr([404], { method: 'GET', path, schema: supportTicketAnswerSchema })
    return answer?.ticket ?? null
  }

  /** The ticket that was made under this external id; not from the search index, so a new one is found at once. */
  async ticketNamed(externalId: string): Promise<SupportTicket | null> {
    const path = `${supportPath}/tickets?external_id=${encodeURIComponent(externalId)}`
    const { tickets } = await this.requests.ask({ method: 'GET', path, schema: supportTicketsAnswerSchema })
    return tickets.find(ticket => ticket.external_id === externalId) ?? null
  }

  /** A user's tickets that were changed or made since (epoch ms), newest first; `me`: of the bridge's own user. Several requests. */
  async *requestedBy(userId: number | 'me', by: 'created_at' | 'updated_at', since: number): AsyncGenerator<SupportTicket> {
    const id = userId === 'me' ? await this.#me() : userId
    for (let page = 1; page <= ticketPages; page++) {
      const query = `sort_by=${by}&sort_order=desc&per_page=${perPage}&page=${page}`
      const path = `${supportPath}/users/${id}/tickets/requested?${query}`
      const { tickets, next_page } = await this.requests.ask({ method: 'GET', path, schema: supportTicketsAnswerSchema })
      for (const ticket of tickets) {
        if (Date.parse(ticket[by]) < since) return
        yield ticket
      }
      if (next_page === null || next_page === undefined) return
    }
  }

  /** The newest comment of a ticket that is the one looked for; as many requests as it takes. */
  async findComment<T>(ticketId: number, pick: (comment: SupportComment) => T | null): Promise<T | null> {
    for (let page = 1; page <= commentPages; page++) {
      const path = `${supportPath}/tickets/${ticketId}/comments?sort_order=desc&per_page=${perPage}&page=${page}`
      const answer = await this.requests.askOr([404], { method: 'GET', path, schema: supportCommentsAnswerSchema })
      for (const comment of answer?.comments ?? []) {
        const picked = pick(comment)
        if (picked !== null) return picked
      }
      if (answer?.next_page === null || answer?.next_page === undefined) return null
    }
    return null
  }

  /** The one creation for which an Idempotency-Key is documented. */
  async createTicket(ticket: NewSupportTicket, key: string): Promise<SupportTicket> {
    const request = { path: `${supportPath}/tickets`, body: { ticket }, headers: { 'idempotency-key': key } }
    return (await this.requests.ask({ method: 'POST', ...request, schema: supportTicketAnswerSchema })).ticket
  }

  async createVoiceTicket(body: NewVoiceTicket): Promise<SupportTicket> {
    const path = `${voicePath}/tickets`
    return (await this.requests.ask({ method: 'POST', path, body, schema: supportTicketAnswerSchema })).ticket
  }

  async changeTicket(id: number, ticket: SupportTicketChanges): Promise<void> {
    const path = `${supportPath}/tickets/${id}`
    await this.requests.ask({ method: 'PUT', path, body: { ticket }, schema: supportTicketAnswerSchema, ticketId: id })
  }

  /** Adds to the tags that are there: those that a trigger set stay. */
  async addTags(id: number, tags: readonly string[]): Promise<void> {
    const path = `${supportPath}/tickets/${id}/tags`
    await this.requests.ask({ method: 'PUT', path, body: { tags }, schema: tagsAnswerSchema, ticketId: id })
  }

  /** Opens a ticket or a user's profile on an agent's screen. False: Zendesk could not; that is no reason to hold the call up. */
  async display(agentId: number, what: 'tickets' | 'users', id: number): Promise<boolean> {
    const path = `${voicePath}/agents/${agentId}/${what}/${id}/display`
    return (await this.requests.askOr([404, 403, 422], { method: 'POST', path, body: {}, schema: anything })) !== null
  }

  async upload(filename: string, audio: EncodedAudio): Promise<Uploaded> {
    const path = `${supportPath}/uploads?filename=${encodeURIComponent(filename)}`
    const { upload } = await this.requests.upload({ method: 'POST', path, schema: uploadAnswerSchema }, audio)
    const attachment = upload.attachment ?? upload.attachments[0]
    if (attachment === undefined) {
      throw new Halt({ kind: 'retry', afterMs: null, reason: 'Zendesk took the audio but did not say where it is' }, false)
    }
    const expiresAt = Date.parse(upload.expires_at ?? '')
    return { token: upload.token, url: attachment.content_url, expiresAt: Number.isNaN(expiresAt) ? null : expiresAt }
  }

  /** Throws away a file that no comment has attached. False: there is none (any more). */
  async discardUpload(token: string): Promise<boolean> {
    const path = `${supportPath}/uploads/${encodeURIComponent(token)}`
    return (await this.requests.askOr([404, 422], { method: 'DELETE', path, schema: anything })) !== null
  }

  /** Removes an attached file for good; the comment stays. False: it is gone already. A closed ticket's files stay: Halt, with 422 or 403. */
  async redactAttachment(ticketId: number, commentId: number, attachmentId: number): Promise<boolean> {
    const path = `${supportPath}/tickets/${ticketId}/comments/${commentId}/attachments/${attachmentId}/redact`
    return (
      (await this.requests.askOr([404], { method: 'PUT', path, body: {}, schema: attachmentAnswerSchema, ticketId })) !== null
    )
  }

  async #me(): Promise<number> {
    const { user } = await this.requests.ask({ method: 'GET', path: `${supportPath}/users/me`, schema: userAnswerSchema })
    return user.id
  }
}

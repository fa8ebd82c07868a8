/**
 * How the Voice API shows a ticket: with what is known of its call or voicemail now, so that a recording or transcript which came
 * later shows, too; and with what was known then when that is gone.
 */
import type { Ticket } from '../../wire/ticket.ts'
import type { TicketSource, TicketSources } from '../voice/ticket-sources.ts'
import type { Account } from './account.ts'
import { attachmentView } from './documented-views.ts'
import type { StoredComment } from './ticket-history.ts'
import type { StoredTicket, TicketFields } from './tickets.ts'

/** A ticket shows so many comments; the documented half pages through them all. */
const shownComments = 1_000

export function voiceTicketView(account: Account, sources: TicketSources, ticket: StoredTicket, base: string): Ticket {
  const { fields, id, createdAt, updatedAt } = ticket
  const { rows } = account.history.commentsOn(id, { limit: shownComments, offset: 0 })
  const attached = rows.flatMap(({ attachments }) => attachments.map(attachment => attachmentView(attachment, base).content_url))
  return {
    id,
    subject: fields.subject,
    description: fields.description,
    priority: fields.priority,
    status: fields.status,
    tags: fields.tags,
    custom_fields: fields.custom_fields,
    assignee_id: fields.assignee_id,
    requester_id: fields.requester_id,
    external_id: fields.external_id,
    attachments: [...fields.links, ...attached].map(url => ({ url })),
    // The first one is the description.
    comments: rows.slice(1).map(voiceCommentView),
    call: callContext(ticket, sourceOf(sources, ticket, base)),
    created_at: new Date(createdAt).toISOString(),
    updated_at: new Date(updatedAt).toISOString(),
  }
}

export const voiceCommentView = ({ id, content, public: shown, createdAt }: StoredComment): Ticket['comments'][number] => ({
  id,
  body: content.body,
  public: shown,
  created_at: new Date(createdAt).toISOString(),
})

/** What to remember of a call or voicemail, for when it is gone. */
export const originOf = ({ from, duration, transcription, agents }: TicketSource): TicketFields['origin'] => ({
  caller: from,
  duration,
  transcription,
  agents: [...agents],
})

function sourceOf(sources: TicketSources, { phoneCallId, phoneVoicemailId }: StoredTicket, base: string): TicketSource | null {
  if (phoneVoicemailId !== null) {
    const voicemail = sources.voicemail(phoneVoicemailId, base)
    return voicemail === 'deleted' ? null : voicemail
  }
  return phoneCallId === null ? null : sources.call(phoneCallId, base)
}

function callContext({ phoneCallId, phoneVoicemailId, fields }: StoredTicket, source: TicketSource | null): Ticket['call'] {
  if (phoneCallId === null && phoneVoicemailId === null) return null
  const known = source === null ? fields.origin : originOf(source)
  return {
    phone_call_id: phoneCallId,
    phone_voicemail_id: phoneVoicemailId,
    caller: known?.caller ?? null,
    duration: known?.duration ?? null,
    recording_url: source?.audioUrl ?? null,
    transcription: known?.transcription ?? null,
    agents: known?.agents ?? [],
  }
}

/**
 * Finding what an earlier try may have left behind when its answer was lost. None of it asks the search index, which lags: the lists
 * of a ticket's comments and of a user's tickets are true at once.
 *
 * A call record without a ticket cannot be found again: the documented API has neither a list nor a look-up of calls. It is made
 * again then. It shows nowhere, and a reader of the records can tell the second by its external id; a call that is missing from
 * them nobody could tell.
 */

import type { SupportComment } from '../wire/documented/ticket.ts'
import { tpeVoiceCommentSchema } from '../wire/documented/voice-comment.ts'
import type { Desk } from './desk.ts'
import { hasReference } from './words.ts'

/** How far Zendesk's clock may be from ours. */
const clockSlackMs = 10 * 60_000
/** Tickets whose comments are looked through at most. */
const ticketLimit = 50

export interface FoundRecord {
  readonly recordId: number
  readonly ticketId: number
}

/** A call's record by its voice comment on a ticket. */
export async function recordOnTicket(desk: Desk, ticketId: number, externalId: string): Promise<FoundRecord | null> {
  const recordId = await desk.findComment(ticketId, comment => {
    const parsed = tpeVoiceCommentSchema.safeParse(comment)
    return parsed.success && parsed.data.data.external_id === externalId ? parsed.data.data.call_id : null
  })
  return recordId === null ? null : { recordId, ticketId }
}

/**
 * A call's record on a ticket that was made with it: among those that its requester got since it was asked for. `userId` null: the
 * bridge's own user is the requester.
 */
export async function recordOnNewTicket(
  desk: Desk,
  userId: number | null,
  externalId: string,
  askedAt: number,
): Promise<FoundRecord | null> {
  let looked = 0
  for await (const ticket of desk.requestedBy(userId ?? 'me', 'created_at', askedAt - clockSlackMs)) {
    if (looked++ >= ticketLimit) return null
    const found = await recordOnTicket(desk, ticket.id, externalId)
    if (found !== null) return found
  }
  return null
}

/** Whether a call's voice comment of this title is on the ticket. */
export const hasVoiceComment = (desk: Desk, ticketId: number, externalId: string, title: string): Promise<true | null> =>
  desk.findComment(ticketId, comment => {
    const parsed = tpeVoiceCommentSchema.safeParse(comment)
    return parsed.success && parsed.data.data.external_id === externalId && titleIn(comment) === title ? true : null
  })

/** Whether the text that names this reference is on the ticket. */
export const hasText = (desk: Desk, ticketId: number, reference: string): Promise<true | null> =>
  desk.findComment(ticketId, ({ body }) => (hasReference(body, reference) ? true : null))

/** Whether a file is attached to the ticket, and if so where it is. */
export const attachedFile = (desk: Desk, ticketId: number, filename: string): Promise<string | null> =>
  desk.findComment(ticketId, ({ attachments }) => attachments?.find(file => file.file_name === filename)?.content_url ?? null)

/** Every attachment of that name on the ticket; none when the ticket is gone. */
export const attachedFiles = async (
  desk: Desk,
  ticketId: number,
  filename: string,
): Promise<readonly { readonly commentId: number; readonly attachmentId: number }[]> => {
  const found: { readonly commentId: number; readonly attachmentId: number }[] = []
  await desk.findComment(ticketId, ({ id: commentId, attachments }) => {
    for (const file of attachments ?? []) if (file.file_name === filename) found.push({ commentId, attachmentId: file.id })
    return null
  })
  return found
}

/** Whether the ticket plays this audio without a call record. */
export const hasPlayer = (desk: Desk, ticketId: number, url: string): Promise<true | null> =>
  desk.findComment(ticketId, ({ type, data }) => (type === 'VoiceComment' && data?.recording_url === url ? true : null))

function titleIn(comment: SupportComment): string | null {
  const title = comment.data?.title
  return typeof title === 'string' ? title : (comment.title ?? null)
}

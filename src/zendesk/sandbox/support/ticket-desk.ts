/** What a documented ticket body means for the stored ticket: references checked, defaults filled in, its comment made. */
import type { z } from 'zod'
import type { newVoiceTicketSchema, ticketChangesSchema, voiceCommentSchema } from '../../wire/documented/ticket.ts'
import { documentedTime, viaIds } from '../../wire/documented/words.ts'
import type { Account, Actor } from './account.ts'
import { invalidValue, recordInvalid, recordNotFound, updatedMeanwhile } from './refusals.ts'
import type { NewComment, StoredAudit } from './ticket-history.ts'
import type { NewTicketFields, StoredTicket } from './tickets.ts'

type NewTicket = Omit<z.output<typeof newVoiceTicketSchema>['ticket'], 'via_id'>
type TicketChanges = z.output<typeof ticketChangesSchema>['ticket']
type VoiceComment = z.output<typeof voiceCommentSchema>
type CommentBody = NewTicket['comment']

export interface ChangedTicket {
  readonly ticket: StoredTicket
  readonly audit: StoredAudit
}

/** Makes a ticket. For use inside a transaction. Throws a 422 about what it refers to. */
export function openTicket(account: Account, given: NewTicket, actor: Actor, viaId: number | null, now: number): ChangedTicket {
  const { comment, voice_comment, description, requester, additional_tags, remove_tags: _none, ...fields } = given
  const opening = commentOf(
    comment ?? (description === undefined ? undefined : { body: description }),
    voice_comment,
    actor,
    viaId,
  )
  if (opening === null) {
    throw recordInvalid({ base: [{ description: 'Description: cannot be blank', error: 'BlankValue' }] })
  }
  checkReferences(account, given)
  const requesterId = fields.requester_id ?? requesterOf(account, requester, now) ?? actor.userId
  const stored: NewTicketFields = {
    ...fields,
    subject: fields.subject ?? (voice_comment === undefined ? firstLine(opening.body) : voiceSubject(voice_comment, viaId)),
    description: description ?? opening.body,
    status: fields.status ?? (fields.assignee_id == null ? 'new' : 'open'),
    tags: [...new Set([...(fields.tags ?? []), ...(additional_tags ?? [])])],
    requester_id: requesterId,
    submitter_id: fields.submitter_id ?? actor.userId,
    via_id: viaId,
  }
  return account.tickets.create(stored, opening, actor.userId, now)
}

/** Changes a ticket. For use inside a transaction. Throws a 404, a 409 for a safe update that came too late, and 422s. */
export function updateTicket(account: Account, id: number, given: TicketChanges, actor: Actor, now: number): ChangedTicket {
  const before = account.tickets.get(id)
  if (before === null) throw recordNotFound()
  const { comment, voice_comment, additional_tags, remove_tags, safe_update, updated_stamp, ...fields } = given
  if (safe_update === true && updated_stamp !== documentedTime(before.updatedAt)) throw updatedMeanwhile()
  checkReferences(account, given)
  const kept = (fields.tags ?? before.fields.tags).filter(tag => remove_tags?.includes(tag) !== true)
  const status = fields.status ?? (before.fields.status === 'new' && fields.assignee_id != null ? 'open' : undefined)
  const changes = {
    ...fields,
    ...(status === undefined ? {} : { status }),
    tags: [...new Set([...kept, ...(additional_tags ?? [])])],
    custom_fields: mergedFields(before.fields.custom_fields, fields.custom_fields ?? []),
  }
  return account.tickets.change(
    id,
    { authorId: actor.userId, fields: changes, comment: commentOf(comment, voice_comment, actor, before.fields.via_id) },
    now,
  )
}

type References = Pick<NewTicket, 'assignee_id' | 'requester_id' | 'comment'>

function checkReferences(account: Account, { assignee_id, requester_id, comment }: References): void {
  if (assignee_id != null && !account.isAgent(assignee_id)) throw invalidValue('assignee', 'Assignee: is not an agent')
  if (requester_id !== undefined && !isSomebody(account, requester_id))
    throw invalidValue('requester', 'Requester: is not a user')
  const author = comment?.author_id
  if (author !== undefined && !isSomebody(account, author)) throw invalidValue('author', 'Author: is not a user')
}

/** Whether an id is a user's, or an agent's that the account has elsewhere. */
export const isSomebody = (account: Account, id: number): boolean => account.users.get(id) !== null || account.isAgent(id)

/** The requester of an inline description: found by e-mail, or made. */
function requesterOf(account: Account, requester: NewTicket['requester'], now: number): number | null {
  if (requester === undefined) return null
  const { email, name, phone } = requester
  const found = email === undefined ? null : account.users.byEmail(email)
  if (found !== null) return found.id
  if (name === undefined) throw invalidValue('requester', 'Requester: Name: is too short (minimum one character)')
  return account.users.add({ name, email, phone }, now).id
}

/** One change has one comment: a call's, with the words and files of the other when both are there. */
function commentOf(comment: CommentBody, voice: VoiceComment | undefined, actor: Actor, viaId: number | null): NewComment | null {
  if (comment === undefined && voice === undefined) return null
  const text = comment?.body ?? comment?.html_body?.replace(/<[^>]*>/g, '')
  if (voice === undefined && text === undefined) throw invalidValue('comment', 'Comment body: cannot be blank', 'BlankValue')
  const authorId = comment?.author_id ?? actor.userId
  const uploads = comment?.uploads ?? []
  if (voice === undefined) {
    return { type: 'Comment', authorId, public: comment?.public ?? true, body: text ?? '', uploads }
  }
  const body = [text, voiceText(voice)].filter(part => part !== undefined).join('\n\n')
  const data = { ...voice, recording_url: voice.recording_url ?? '', via_id: viaId ?? viaIds.inbound }
  return { type: 'VoiceComment', authorId, public: comment?.public ?? false, body, data, uploads }
}

function voiceSubject({ from, to }: VoiceComment, viaId: number | null): string {
  if (viaId === viaIds.voicemail) return `Voicemail from: ${from}`
  return viaId === viaIds.outbound ? `Call to: ${to}` : `Call from: ${from}`
}

function voiceText({ from, to, started_at, call_duration, location, transcription_text }: VoiceComment): string {
  const lines = [`Call from: ${from}`, `Call to: ${to}`, `Time of call: ${started_at}`, `Length of call: ${call_duration} s`]
  if (location != null) lines.push(`Location: ${location}`)
  if (transcription_text != null) lines.push(`Transcription: ${transcription_text}`)
  return lines.join('\n')
}

/** Fields that a change names are replaced, the others stay. */
function mergedFields(before: StoredTicket['fields']['custom_fields'], changes: NonNullable<TicketChanges['custom_fields']>) {
  const ids = new Set(changes.map(({ id }) => id))
  return [...before.filter(({ id }) => !ids.has(id)), ...changes]
}

const firstLine = (text: string) => (text.split('\n', 1)[0] ?? '').slice(0, 80)

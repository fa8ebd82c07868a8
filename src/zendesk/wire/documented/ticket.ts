/** `/api/v2/tickets` and their comments; `POST /api/v2/channels/voice/tickets` takes the same ticket with a `via_id`. */
import { z } from 'zod'
import { priorities, tagSchema, ticketStatuses } from '../ticket.ts'
import { attachmentSchema } from './upload.ts'
import { documentedMoment, numberId } from './words.ts'

const body = z.string().min(1).max(65_535)
const customField = z.object({
  id: numberId,
  value: z.union([z.string().max(65_535), z.number(), z.boolean(), z.null(), z.array(z.string().max(255)).max(100)]),
})

/** `uploads` are tokens of `POST /uploads`. Public unless said. */
const newCommentSchema = z.object({
  body: body.optional(),
  html_body: body.optional(),
  public: z.boolean().optional(),
  author_id: numberId.optional(),
  uploads: z.array(z.string().min(1).max(255)).max(50).optional(),
})

/** A call on a ticket without the Partner Edition: Zendesk keeps the link to an MP3 or WAV, not the audio. */
export const voiceCommentSchema = z.object({
  from: z.string().min(1).max(255),
  to: z.string().min(1).max(255),
  recording_url: z.url().max(2048).nullish(),
  started_at: documentedMoment,
  call_duration: z.int().min(0),
  answered_by_id: numberId.nullish(),
  transcription_text: z.string().max(65_535).nullish(),
  location: z.string().max(255).nullish(),
})

const changeable = {
  subject: z.string().min(1).max(255).optional(),
  comment: newCommentSchema.optional(),
  voice_comment: voiceCommentSchema.optional(),
  priority: z.enum(priorities).nullish(),
  status: z.enum(ticketStatuses).optional(),
  type: z.enum(['problem', 'incident', 'question', 'task']).nullish(),
  tags: z.array(tagSchema).max(500).optional(),
  /** Beside the others, which stay (only in a change). */
  additional_tags: z.array(tagSchema).max(500).optional(),
  remove_tags: z.array(tagSchema).max(500).optional(),
  custom_fields: z.array(customField).max(500).optional(),
  assignee_id: numberId.nullish(),
  group_id: numberId.nullish(),
  brand_id: numberId.nullish(),
  requester_id: numberId.optional(),
  external_id: z.string().max(255).nullish(),
}

/** Who asks: found by e-mail, or made. */
const requesterSchema = z.object({
  name: z.string().min(1).max(255).optional(),
  email: z.email().max(255).optional(),
  phone: z.string().min(1).max(64).optional(),
})

const newTicket = z.object({
  ...changeable,
  /** The first comment's text when there is no `comment`. */
  description: body.optional(),
  requester: requesterSchema.optional(),
  submitter_id: numberId.optional(),
})

/** `POST /api/v2/tickets` */
export const newSupportTicketSchema = z.object({ ticket: newTicket })

/** `POST /api/v2/channels/voice/tickets`: 44 voicemail, 45 inbound, 46 outbound. A bad `display_to_agent` makes nothing (422). */
export const newVoiceTicketSchema = z.object({
  display_to_agent: numberId.optional(),
  ticket: newTicket.extend({ via_id: z.union([z.literal(44), z.literal(45), z.literal(46)]) }),
})

/** `PUT /api/v2/tickets/{id}`. With `safe_update`, `updated_stamp` must be the ticket's `updated_at`, or the answer is a 409. */
export const ticketChangesSchema = z.object({
  ticket: z.object({ ...changeable, safe_update: z.boolean().optional(), updated_stamp: documentedMoment.optional() }),
})

/** `PUT` (add), `POST` (replace) and `DELETE` (remove) of `/api/v2/tickets/{id}/tags`. */
export const tagsSchema = z.object({ tags: z.array(tagSchema).max(500) })

export const supportTicketSchema = z.looseObject({
  id: numberId,
  external_id: z.string().nullable(),
  subject: z.string().nullish(),
  description: z.string().nullish(),
  status: z.string(),
  priority: z.string().nullish(),
  tags: z.array(z.string()),
  custom_fields: z.array(z.object({ id: numberId, value: z.unknown() })).nullish(),
  requester_id: numberId.nullable(),
  assignee_id: numberId.nullish(),
  via: z.looseObject({ channel: z.union([z.string(), z.int()]) }).nullish(),
  created_at: z.string(),
  updated_at: z.string(),
})

/** A comment of any type: `Comment`, `VoiceComment`, `TpeVoiceComment`. The last two have `data`. */
export const supportCommentSchema = z.looseObject({
  id: numberId,
  type: z.string(),
  author_id: z.int().nullish(),
  body: z.string().nullish(),
  public: z.boolean(),
  title: z.string().nullish(),
  data: z.looseObject({}).nullish(),
  attachments: z.array(attachmentSchema).nullish(),
  audit_id: numberId.nullish(),
  created_at: z.string(),
})

/** What a change did; its events have the new comment, when there is one, with its attachments. */
const auditSchema = z.looseObject({ id: numberId, ticket_id: numberId, events: z.array(z.looseObject({ type: z.string() })) })

export const supportTicketAnswerSchema = z.object({ ticket: supportTicketSchema, audit: auditSchema.nullish() })
export const tagsAnswerSchema = z.object({ tags: z.array(z.string()) })

export type NewSupportTicket = z.input<typeof newSupportTicketSchema>['ticket']
export type NewVoiceTicket = z.input<typeof newVoiceTicketSchema>
export type SupportTicketChanges = z.input<typeof ticketChangesSchema>['ticket']
export type TicketVoiceComment = z.input<typeof voiceCommentSchema>
export type SupportTicket = z.infer<typeof supportTicketSchema>
export type SupportComment = z.infer<typeof supportCommentSchema>

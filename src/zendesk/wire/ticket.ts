/**
 * Tickets of the Voice API: `POST /phone_calls/{id}/create_ticket`, `POST /phone_voicemails/{id}/create_ticket`, `POST /tickets` and
 * `POST /tickets/{id}/comments`. The documented Support API has its own shapes (documented/).
 */
import { z } from 'zod'
import { idSchema, pageFields } from './page.ts'
import { timestampFields } from './words.ts'

export const priorities = ['low', 'normal', 'high', 'urgent'] as const
export const ticketStatuses = ['new', 'open', 'pending', 'hold', 'solved', 'closed'] as const

const customFieldSchema = z.strictObject({
  id: z.int().positive(),
  value: z.union([z.string().max(65_535), z.number(), z.boolean(), z.null(), z.array(z.string().max(255)).max(100)]),
})

/** Zendesk keeps tags in lower case, without spaces. */
export const tagSchema = z.string().regex(/^[^\s,"]{1,255}$/, 'must be one word')

const newTicket = z.strictObject({
  subject: z.string().min(1).max(255),
  description: z.string().min(1).max(65_535),
  priority: z.enum(priorities).optional(),
  status: z.enum(ticketStatuses).optional(),
  tags: z.array(tagSchema).max(100).optional(),
  custom_fields: z.array(customFieldSchema).max(500).optional(),
  assignee_id: z.int().positive().optional(),
  external_id: z.string().min(1).max(255).optional(),
  /** What to put beside the description: audio by its address. */
  attachments: z
    .array(z.strictObject({ url: z.url().max(2048) }))
    .max(20)
    .optional(),
})

/** The body of all three ways to create one. `display_to_agent`: whose screen it pops up on. */
export const newTicketSchema = z.strictObject({
  ticket: newTicket,
  display_to_agent: z.int().positive().optional(),
})
/** `POST /tickets/{id}/comments` */
export const newCommentSchema = z.strictObject({
  comment: z.strictObject({ body: z.string().min(1).max(65_535), public: z.boolean().default(true) }),
  display_to_agent: z.int().positive().optional(),
})

/** What a ticket knows of the call or voicemail it came from (seed, "Ticket Context"). */
const callContextSchema = z.object({
  phone_call_id: idSchema.nullable(),
  phone_voicemail_id: idSchema.nullable(),
  caller: z.string().nullable(),
  duration: z.int().nullable(),
  recording_url: z.string().nullable(),
  transcription: z.string().nullable(),
  agents: z.array(z.object({ id: z.int(), name: z.string() })),
})

const commentSchema = z.object({
  id: idSchema,
  body: z.string(),
  public: z.boolean(),
  created_at: z.string(),
})

export const ticketSchema = z.object({
  id: idSchema,
  subject: z.string(),
  description: z.string(),
  priority: z.enum(priorities).nullable(),
  status: z.enum(ticketStatuses),
  tags: z.array(z.string()),
  custom_fields: z.array(customFieldSchema),
  assignee_id: z.int().nullable(),
  requester_id: z.int().nullable(),
  external_id: z.string().nullable(),
  attachments: z.array(z.object({ url: z.string() })),
  comments: z.array(commentSchema),
  /** `null` for a ticket that no call or voicemail made. */
  call: callContextSchema.nullable(),
  ...timestampFields,
})

export const ticketAnswerSchema = z.object({ ticket: ticketSchema })
export const ticketsAnswerSchema = z.object({ tickets: z.array(ticketSchema), ...pageFields })
export const commentAnswerSchema = z.object({ comment: commentSchema })

export type Ticket = z.infer<typeof ticketSchema>
export type NewTicket = z.infer<typeof newTicketSchema>['ticket']
export type NewComment = z.input<typeof newCommentSchema>['comment']
export type TicketComment = z.infer<typeof commentSchema>
export type Priority = (typeof priorities)[number]

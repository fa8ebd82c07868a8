/**
 * What makes a call visible on a ticket: `POST /api/v2/calls/{id}/comments` (flat), or `comment` of a new call. It copies the call's
 * fields at that moment; a later change of the call needs another comment.
 */
import { z } from 'zod'
import { numberId } from './words.ts'

/** `call_fields` are names of the call's fields. A call without a ticket gets one. */
export const newVoiceCommentSchema = z.object({
  title: z.string().min(1).max(255).optional(),
  call_fields: z.array(z.string().min(1).max(64)).max(100).optional(),
  /** Whoever asked, unless said. */
  author_id: numberId.optional(),
  /** Of the ticket, when one is made. */
  subject: z.string().min(1).max(255).optional(),
  /** Requester of the ticket, when one is made. */
  end_user_id: numberId.optional(),
  /** Whose screen the ticket pops up on. */
  display_to_agent: numberId.optional(),
})

/** What the comment says of the call: its id, the fields that were asked for, and always external id, via and recording. */
const tpeVoiceCommentDataSchema = z.looseObject({
  call_id: numberId,
  external_id: z.string().nullish(),
  title: z.string().nullish(),
  via_id: z.int().nullish(),
  /** `''` while the call has none. */
  recording_url: z.string().nullish(),
})

/** The answer, flat; and, in a ticket's list of comments, the one with `type: "TpeVoiceComment"`. */
export const tpeVoiceCommentSchema = z.looseObject({
  id: numberId,
  type: z.literal('TpeVoiceComment'),
  public: z.boolean(),
  author_id: z.int(),
  title: z.string().nullish(),
  data: tpeVoiceCommentDataSchema,
  audit_id: numberId.nullish(),
  created_at: z.string(),
})

export type NewVoiceComment = z.input<typeof newVoiceCommentSchema>

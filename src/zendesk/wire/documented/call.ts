/** `/api/v2/calls`: the standard call object, one mutable record a call. No list, no search: who makes one keeps its id. */
import { z } from 'zod'
import { newVoiceCommentSchema } from './voice-comment.ts'
import { documentedMoment, numberId } from './words.ts'

/** How a call can have ended; must be empty while it is in progress. The documentation's list is not wholly public. */
const completionStatuses = [
  'completed',
  'completed_voicemail',
  'abandoned_in_queue',
  'abandoned_in_ivr',
  'abandoned_in_voicemail',
  'abandoned_on_hold',
  'not_answered',
  'missed',
  'failed',
  'external_overflow',
] as const

const text = z.string().max(65_535).nullish()
const long = z.string().max(1_000_000).nullish()
const link = z.union([z.literal(''), z.url().max(2048)]).nullish()
const id = numberId.nullish()
const seconds = z.int().min(0).nullish()
const count = z.int().min(0).nullish()
const flag = z.boolean().nullish()
const moment = documentedMoment.nullish()

/** What may be said of a call when it is made or changed. Durations are whole seconds; Zendesk derives none of them. */
export const callFields = {
  agent_id: id,
  brand_id: id,
  end_user_id: id,
  organization_id: id,
  ticket_id: id,
  external_id: z.string().max(255).nullish(),
  from_line_nickname: text,
  to_line_nickname: text,
  dnis: text,
  phone_name: text,
  extension: text,
  call_type: text,
  line_type: text,
  call_connected_at: moment,
  call_ended_at: moment,
  duration: seconds,
  talk_time: seconds,
  hold_time: seconds,
  wait_time: seconds,
  queue_time: seconds,
  time_to_answer: seconds,
  ivr_time_spent: seconds,
  consultation_time: seconds,
  wrap_up_time: seconds,
  recording_time: seconds,
  not_recording_time: seconds,
  longest_hold_time: seconds,
  number_of_holds: count,
  connection_attempts: count,
  queue_name: text,
  exceeded_queue_time: flag,
  call_abandoned_position: count,
  ivr_hops: count,
  ivr_action: text,
  ivr_routed_to: text,
  ivr_destination_group_name: text,
  completion_status: z.union([z.literal(''), z.enum(completionStatuses)]).nullish(),
  disconnection_reason: text,
  call_disposition: text,
  voicemail: flag,
  customer_requested_voicemail: flag,
  voicemail_requested_at: moment,
  callback: flag,
  callback_source: text,
  callback_number: text,
  callback_requested_at: moment,
  overflowed: flag,
  overflowed_to: text,
  outside_business_hours: flag,
  end_user_location: text,
  /** Where the audio is. Zendesk links it and keeps no copy. */
  recording_url: link,
  recorded: flag,
  recording_type: text,
  video_recording_url: link,
  recording_control_interactions: count,
  call_recording_consent: z.enum(['always', 'opt_in', 'opt_out', 'never']).nullish(),
  call_recording_consent_action: text,
  call_recording_consent_keypress: text,
  /** Plain text, shown beside the player. */
  transcript: long,
  summary: long,
  short_summary: text,
  intent: text,
  language: text,
  sentiment_agent: text,
  sentiment_call: text,
  sentiment_customer: text,
  sentiment_trend: text,
  quality_score: count,
  answering_machine_detection_status: text,
}

const line = z.string().min(1).max(255)
/** What a call must be made with. `app_id` is given once and never changes. */
const mandatoryFields = {
  from_line: line,
  to_line: line,
  call_started_at: documentedMoment,
  direction: z.enum(['inbound', 'outbound']),
}

/**
 * `POST /api/v2/calls`. With `comment` and without `call.ticket_id` it makes the call, a ticket and the comment in one; with
 * `ticket_id` the comment goes onto that ticket; without `comment` nothing shows anywhere.
 */
export const newCallSchema = z.object({
  call: z.object({ ...callFields, ...mandatoryFields, app_id: numberId }),
  comment: newVoiceCommentSchema.optional(),
})

/** `PATCH /api/v2/calls/{id}`: the changed fields only. */
export const callChangesSchema = z.object({
  call: z.object({
    ...callFields,
    from_line: line.optional(),
    to_line: line.optional(),
    call_started_at: documentedMoment.optional(),
    direction: z.enum(['inbound', 'outbound']).optional(),
  }),
})

/** A call as it comes back; every other field of `callFields`, and `app_id`, comes with it. */
export const callSchema = z.looseObject({
  id: numberId,
  ticket_id: numberId.nullable(),
  end_user_id: numberId.nullish(),
  agent_id: numberId.nullish(),
  external_id: z.string().nullish(),
  from_line: z.string().nullish(),
  to_line: z.string().nullish(),
  direction: z.string().nullish(),
  call_started_at: z.string().nullish(),
  call_ended_at: z.string().nullish(),
  completion_status: z.string().nullish(),
  recording_url: z.string().nullish(),
  transcript: z.string().nullish(),
  created_at: z.string().nullish(),
  updated_at: z.string().nullish(),
})

/** The answer of create, show and update. */
export const callAnswerSchema = z.object({ call: callSchema })

export type NewDocumentedCall = z.input<typeof newCallSchema>
export type DocumentedCallChanges = z.input<typeof callChangesSchema>['call']
export type DocumentedCall = z.infer<typeof callSchema>
export type CompletionStatus = (typeof completionStatuses)[number]

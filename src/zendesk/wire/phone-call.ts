/** `/phone_calls`: the call log, and what a period amounts to. */
import { z } from 'zod'
import { wireCallSchema } from './call-event.ts'
import { idSchema, pageFields } from './page.ts'
import { transcriptFields } from './transcript.ts'
import { timestampFields } from './words.ts'

export const phoneCallSchema = wireCallSchema.extend({
  id: idSchema,
  /** Of the newest recording; `null` while there is none. */
  recording_url: z.string().nullable(),
  /** The ticket that was made of the call, or that it was logged to. */
  ticket_id: idSchema.nullable(),
  ...transcriptFields,
  ...timestampFields,
})

const agentPerformanceSchema = z.object({
  agent_id: z.int(),
  name: z.string(),
  calls: z.int().min(0),
  answered: z.int().min(0),
  missed: z.int().min(0),
  /** Whole seconds; `null` without an answered call. */
  average_duration: z.number().nullable(),
  talk_time: z.int().min(0),
})

/** What all calls of a list amount to, not only those of one page. Durations in seconds. */
const callMetricsSchema = z.object({
  total_calls: z.int().min(0),
  /** Of answered calls; `null` when there is none. */
  average_duration: z.number().nullable(),
  missed_calls: z.int().min(0),
  abandoned_calls: z.int().min(0),
  voicemails: z.int().min(0),
  agent_performance: z.array(agentPerformanceSchema),
})

export const phoneCallAnswerSchema = z.object({ phone_call: phoneCallSchema })
export const phoneCallsAnswerSchema = z.object({
  phone_calls: z.array(phoneCallSchema),
  metrics: callMetricsSchema,
  ...pageFields,
})

/** Dates are `2024-02-01` (UTC; the end date's whole day belongs to the period) or RFC 3339 moments. */
export interface PhoneCallFilter {
  readonly agent_id?: number
  readonly external_id?: string
  readonly start_date?: string
  readonly end_date?: string
  readonly limit?: number
}

export type PhoneCall = z.infer<typeof phoneCallSchema>
export type CallMetrics = z.infer<typeof callMetricsSchema>

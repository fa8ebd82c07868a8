/** `POST /phone_call_events`: one event of a call, with the whole call as it then was. */
import { z } from 'zod'
import { routingSchema } from './routing.ts'
import { directionSchema, momentSchema, partySchema, secondsSchema } from './words.ts'

// As a phone sent them: ranges are not enforced, since an odd cause must not make a report undeliverable.
const sipCode = z.int().min(100).max(999)
const q850Cause = z.int().min(0)

const agentSchema = z.strictObject({
  id: z.int().positive(),
  extension: z.string().min(1).max(64),
  name: z.string().max(255),
})

const transferSchema = z.strictObject({
  kind: z.enum(['blind', 'attended']),
  by: partySchema,
  to: partySchema,
  at: momentSchema,
})

const legSchema = z.strictObject({
  sip_call_id: z.string().min(1).max(2048),
  from: partySchema,
  to: partySchema,
  direction: directionSchema,
  started_at: momentSchema,
  answered_at: momentSchema.nullable(),
  ended_at: momentSchema.nullable(),
  sip_code: sipCode.nullable(),
  q850: q850Cause.nullable(),
})

/** A call as the wire shows it: times as text, durations in whole seconds, `status` and `reason` null until it has ended. */
export const wireCallSchema = z.strictObject({
  external_id: z.string().min(1).max(255),
  from: partySchema,
  to: partySchema,
  direction: directionSchema,
  status: z.enum(['connected', 'missed', 'abandoned']).nullable(),
  reason: z.string().min(1).max(64).nullable(),
  started_at: momentSchema,
  answered_at: momentSchema.nullable(),
  ended_at: momentSchema.nullable(),
  duration: secondsSchema,
  wait_time: secondsSchema,
  hold_time: secondsSchema,
  agents: z.array(agentSchema).max(1000),
  tags: z.array(z.string().max(255)).max(1000),
  /** The queue the caller waits or waited in, by name, where the PBX told. */
  queue: z.string().min(1).max(255).nullable().optional(),
  /** Who passed the call on to whom; absent while nobody did. */
  transfers: z.array(transferSchema).max(100).optional(),
  /** In the last event of a call that turned out to be part of an older one: its `external_id`. `status` and `reason` stay null. */
  merged_into: z.string().min(1).max(255).optional(),
  legs: z.array(legSchema).max(1000),
})

/** The body of the request. `id` is also its Idempotency-Key; `sequence` counts from 1 within the call. */
export const phoneCallEventSchema = z.strictObject({
  phone_call_event: z.strictObject({
    id: z.string().min(1).max(255),
    type: z.enum([
      'call.started',
      'call.ringing',
      'call.answered',
      'call.held',
      'call.resumed',
      'call.transferred',
      'call.merged',
      'call.ended',
    ]),
    sequence: z.int().min(1),
    occurred_at: momentSchema,
    site: z.string().min(1).max(255),
    call: wireCallSchema,
  }),
})

/** The answer: 201 the first time, 200 when the key was seen before. */
export const phoneCallEventAnswerSchema = z.object({
  phone_call_event: z.object({
    id: z.union([z.string(), z.int()]),
    phone_call_id: z.union([z.string(), z.int()]),
    /** Where a call that waits in a queue should go. */
    routing: routingSchema.optional(),
  }),
})

export type WireCall = z.infer<typeof wireCallSchema>
export type PhoneCallEventBody = z.infer<typeof phoneCallEventSchema>
export type PhoneCallEventAnswer = z.infer<typeof phoneCallEventAnswerSchema>

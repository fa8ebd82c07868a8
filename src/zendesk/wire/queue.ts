/** `/phone_queues`: callers that wait, the agents they wait for, and how that went. */
import { z } from 'zod'
import { idSchema, pageFields } from './page.ts'
import { secondsSchema, timestampFields } from './words.ts'

/** What becomes of a caller when the queue is full or `max_wait_time` is over. */
export const overflowActions = ['voicemail', 'queue', 'agent', 'number', 'hangup'] as const

/** The most callers that wait in one queue (seed, "Limits & Quotas"). */
export const queueCapacity = 1000

const writable = {
  name: z.string().min(1).max(255),
  /** Agent ids. */
  members: z.array(z.int().positive()).max(1000),
  max_wait_time: secondsSchema.nullable(),
  overflow_action: z.enum(overflowActions),
  /** `queue-2`, `agent-35436`, a mailbox or a number; `null` for hangup. */
  overflow_target: z.string().min(1).max(255).nullable(),
}

/** `POST /phone_queues`: only the name must be given. */
export const newQueueSchema = z.strictObject({ phone_queue: z.strictObject(writable).partial().required({ name: true }) })
/** `PUT /phone_queues/{id}` */
export const queueChangeSchema = z.strictObject({ phone_queue: z.strictObject(writable).partial() })
export const queueSchema = z.object({ id: idSchema, ...writable, ...timestampFields })

export const queueAnswerSchema = z.object({ phone_queue: queueSchema })
export const queuesAnswerSchema = z.object({ phone_queues: z.array(queueSchema), ...pageFields })

/** `POST /phone_queues/{id}/members` */
export const newMemberSchema = z.strictObject({ member: z.strictObject({ agent_id: z.int().positive() }) })
const memberSchema = z.object({ agent_id: z.int(), status: z.enum(['available', 'unavailable', 'on_call', 'after_call_work']) })
export const memberAnswerSchema = z.object({ member: memberSchema })
export const membersAnswerSchema = z.object({ members: z.array(memberSchema), count: z.int().min(0) })

/** `GET /phone_queues/{id}/analytics`: waits in whole seconds, `success_rate` in percent with one decimal; `null` before there was a call. */
export const queueAnalyticsSchema = z.object({
  average_wait_time: z.number().nullable(),
  max_queue_depth: z.int().min(0),
  abandoned_calls: z.int().min(0),
  success_rate: z.number().min(0).max(100).nullable(),
})

export type Queue = z.infer<typeof queueSchema>
export type NewQueue = z.infer<typeof newQueueSchema>['phone_queue']
export type QueueChange = z.infer<typeof queueChangeSchema>['phone_queue']
export type QueueMember = z.infer<typeof memberSchema>
export type QueueAnalytics = z.infer<typeof queueAnalyticsSchema>

/** `/agents/{id}/phone_status`: whether an agent can take a call. */
import { z } from 'zod'
import { idSchema } from './page.ts'

export const agentStatuses = ['available', 'unavailable', 'on_call', 'after_call_work'] as const
export type AgentStatus = (typeof agentStatuses)[number]

/** `PUT /agents/{id}/phone_status` */
export const agentStatusChangeSchema = z.strictObject({ status: z.enum(agentStatuses) })

/** The answer of both. `updated_at` is null while nobody has set it: then the agent is `unavailable`. */
export const agentStatusAnswerSchema = z.object({
  agent_id: idSchema,
  status: z.enum(agentStatuses),
  updated_at: z.string().nullable(),
})

export type AgentStatusAnswer = z.infer<typeof agentStatusAnswerSchema>

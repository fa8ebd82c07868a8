/** `/api/v2/agent_availabilities`: the unified status of agents (JSON:API). Needs an admin. */
import { z } from 'zod'
import { numberId } from './words.ts'

/** Zendesk's own statuses; an account may have more. */
export const unifiedStatuses = { offline: 2, online: 3, away: 4, transfersOnly: 5 } as const

/** `PUT /agent_availabilities/agent_statuses/agents/{agent_id}` */
export const statusChangeSchema = z.object({ id: numberId })

const resource = <Attributes extends z.ZodType>(attributes: Attributes) =>
  z.looseObject({ id: z.union([z.string(), z.int()]), type: z.string(), attributes })

const agentStatusSchema = z.looseObject({
  id: z.coerce.number().int(),
  name: z.string(),
  /** Who set it: `PUBLIC_API` for what came over this API, `AGENT_STATUS_SWITCHER` for the agent's own hand. */
  reason: z.string().nullish(),
  updated_at: z.string().nullish(),
})

/** The answer of the `PUT`, and of `GET /agent_availabilities/{agent_id}`. */
export const agentAvailabilityAnswerSchema = z.object({
  data: resource(
    z.looseObject({
      agent_id: numberId,
      agent_status: agentStatusSchema.nullish(),
      version: z.int().nullish(),
    }),
  ),
})

/** `GET /agent_availabilities/agent_statuses`: those of Zendesk and those of the account; pages by cursor. */
export const agentStatusesAnswerSchema = z.object({
  data: z.array(resource(z.looseObject({ name: z.string(), description: z.string().nullish() }))),
  meta: z.looseObject({ has_more: z.boolean() }).nullish(),
  links: z.looseObject({ next: z.string().nullish() }).nullish(),
})

export type AgentAvailability = z.infer<typeof agentAvailabilityAnswerSchema>

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { timestamp, toTimestamp, toTimestampOrNull } from './timestamp.ts'

/** An agent's phones and status. Times are epoch ms. */
export interface AgentSeen {
  readonly id: number
  readonly name: string
  readonly extensions: readonly string[]
  readonly phone: (typeof phoneStates)[number]
  readonly since: number | null
  readonly zendesk: string | null
  readonly returnsTo: string | null
  readonly problem: string | null
}

export interface UnmappedSeen {
  readonly extension: string
  readonly calls: number
  readonly lastSeenAt: number
}

/** Where the agents are read. */
export interface AgentBoard {
  list(): readonly AgentSeen[]
  readonly unmapped: readonly UnmappedSeen[]
}

const phoneStates = ['idle', 'ringing', 'on_call', 'after_call_work'] as const

const agentView = z.object({
  id: z.number().meta({ description: 'The agent’s user id in Zendesk.' }),
  name: z.string(),
  extensions: z.array(z.string()),
  phone: z.enum(phoneStates),
  since: timestamp.nullable().meta({ description: 'When the phone came into that state; null: in no other since the start.' }),
  zendesk: z.string().nullable().meta({ description: 'The status that Zendesk showed last; null before it was asked.' }),
  returns_to: z.string().nullable().meta({
    description: 'While the bridge holds the status: what it goes back to, which is what the agent had or set by hand.',
  }),
  problem: z.string().nullable().meta({ description: 'Why the status could not be brought to Zendesk.' }),
})

const unmappedView = z.object({ extension: z.string(), calls: z.number(), last_seen_at: timestamp })

/** `GET /v1/agents`. */
export function agentRoutes(board: AgentBoard): FastifyPluginAsyncZod {
  return async app => {
    app.get(
      '/v1/agents',
      {
        schema: {
          summary: 'What the agents’ phones do and what Zendesk shows of them; extensions in calls that are nobody’s',
          tags: ['agents'],
          response: { 200: z.object({ agents: z.array(agentView), unmapped: z.array(unmappedView) }) },
        },
      },
      async () => ({
        agents: board.list().map(({ id, name, extensions, phone, since, zendesk, returnsTo, problem }) => ({
          id,
          name,
          extensions: [...extensions],
          phone,
          since: toTimestampOrNull(since),
          zendesk,
          returns_to: returnsTo,
          problem,
        })),
        unmapped: board.unmapped.map(({ extension, calls, lastSeenAt }) => ({
          extension,
          calls,
          last_seen_at: toTimestamp(lastSeenAt),
        })),
      }),
    )
  }
}

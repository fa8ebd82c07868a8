/** Where a waiting call should go: part of the answer to its events, for a PBX that asks. */
import { z } from 'zod'
import { idSchema } from './page.ts'
import { overflowActions } from './queue.ts'

export const routingSchema = z.discriminatedUnion('kind', [
  /** To this member of the queue, who is available. */
  z.object({ kind: z.literal('agent'), agent_id: z.int() }),
  /** It waits; `position` counts from 1 among those nobody was found for. `error`: no member of the queue can take a call. */
  z.object({
    kind: z.literal('queued'),
    queue_id: idSchema,
    position: z.int().min(1),
    error: z.string().optional(),
    description: z.string().optional(),
  }),
  /** The queue is full, or the call waited longer than `max_wait_time`: to where the queue's overflow leads. */
  z.object({ kind: z.literal('overflow'), action: z.enum(overflowActions), target: z.string().nullable() }),
])

export type Routing = z.infer<typeof routingSchema>

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { actorOf } from './actor.ts'
import { type PartHealth, partStates } from './health.ts'
import { timestamp, toTimestamp } from './timestamp.ts'
import { type SinkName, sinks } from './upload-view.ts'

/** Where deliveries go, and how that is. Times are epoch ms. */
export interface SinkStatus {
  readonly name: SinkName
  /** `null`: no operator has paused it. */
  readonly paused: { readonly since: number; readonly actor: string; readonly reason: string } | null
  /** `null`: none is configured. */
  readonly health: PartHealth | null
  readonly pending: number
  readonly running: number
  readonly dead: number
}

/** What operators see and do of sinks. Actions are stored before their promise resolves. */
export interface SinkBoard {
  list(): Promise<readonly SinkStatus[]>
  /** Changes nothing when it is paused already. */
  pause(name: SinkName, by: { readonly actor: string; readonly reason: string }): Promise<void>
  /** Ends an operator's pause, and one that the sink itself asked this bridge for. */
  resume(name: SinkName, by: { readonly actor: string }): Promise<void>
}

const sinkView = z.object({
  name: z.enum(sinks),
  paused: z
    .object({ since: timestamp, by: z.string(), reason: z.string() })
    .nullable()
    .describe('by an operator, on every bridge of the store; null: it is not'),
  health: z
    .object({ state: z.enum(partStates), reason: z.string().nullable() })
    .nullable()
    .describe('of this bridge’s deliveries there; null: none is configured'),
  pending: z.number(),
  running: z.number(),
  dead: z.number(),
})
const answer = { 200: z.object({ sinks: z.array(sinkView) }) }
const params = z.object({ name: z.enum(sinks) })

/** `GET /v1/sinks`, and pausing and resuming one. Each answers how all of them are then. `null`: nobody has sinks to show. */
export function sinkRoutes(board: SinkBoard | null): FastifyPluginAsyncZod {
  return async app => {
    if (board === null) return
    const view = async () => ({ sinks: (await board.list()).map(viewSink) })

    app.get(
      '/v1/sinks',
      { schema: { summary: 'Where deliveries go, and what waits for each', tags: ['operations'], response: answer } },
      view,
    )

    app.post(
      '/v1/sinks/:name/pause',
      {
        schema: {
          summary: 'Deliver nothing more there, on every bridge of the store, until it is resumed; what is under way finishes',
          tags: ['operations'],
          params,
          body: z.strictObject({ reason: z.string().trim().min(1).max(500) }),
          response: answer,
        },
      },
      async request => {
        await board.pause(request.params.name, { actor: actorOf(request), reason: request.body.reason })
        return await view()
      },
    )

    app.post(
      '/v1/sinks/:name/resume',
      {
        schema: {
          summary: 'Deliver there again; also ends a pause that the sink itself asked for',
          tags: ['operations'],
          params,
          response: answer,
        },
      },
      async request => {
        await board.resume(request.params.name, { actor: actorOf(request) })
        return await view()
      },
    )
  }
}

function viewSink({ name, paused, health, pending, running, dead }: SinkStatus): z.input<typeof sinkView> {
  const pause = paused === null ? null : { since: toTimestamp(paused.since), by: paused.actor, reason: paused.reason }
  return { name, paused: pause, health, pending, running, dead }
}

/** `/livez` and `/readyz`: open to every probe, so they tell states and reasons and nothing of any call. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

/**
 * How one part of the bridge is. ok: does its work. degraded: works, but a limit, an outage or a fault delays or refuses
 * some of it; nothing accepted is lost. starting, failed and stopped: takes no work.
 */
export const partStates = ['ok', 'degraded', 'starting', 'failed', 'stopped'] as const
export type PartState = (typeof partStates)[number]

/** `reason` says why the state is not ok, for an operator; `null` when it is. */
export interface PartHealth {
  readonly state: PartState
  readonly reason: string | null
}

/** Where the health of all parts is read, by the part's name. Cheap: it is asked every few seconds. */
export interface HealthSource {
  parts(): Readonly<Record<string, PartHealth>>
}

const readiness = z.object({
  ready: z.boolean(),
  parts: z.record(z.string(), z.object({ state: z.enum(partStates), reason: z.string().nullable() })),
})

/** Whether every part takes work; a degraded one does. */
function isReady(parts: Readonly<Record<string, PartHealth>>): boolean {
  return Object.values(parts).every(({ state }) => state === 'ok' || state === 'degraded')
}

/** The two probes. */
export function healthRoutes(source: HealthSource): FastifyPluginAsyncZod {
  return async app => {
    app.get(
      '/livez',
      {
        schema: {
          summary: 'The process answers',
          tags: ['health'],
          security: [],
          response: { 200: z.object({ state: z.literal('ok') }) },
        },
      },
      async () => ({ state: 'ok' as const }),
    )

    app.get(
      '/readyz',
      {
        schema: {
          summary: 'Every part takes work; 503 with the reasons when one does not',
          tags: ['health'],
          security: [],
          response: { 200: readiness, 503: readiness },
        },
      },
      async (_request, reply) => {
        const parts = source.parts()
        const ready = isReady(parts)
        reply.code(ready ? 200 : 503)
        return { ready, parts: { ...parts } }
      },
    )
  }
}

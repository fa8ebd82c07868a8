/** Redriving and dropping all uploads that fit a filter, a bounded part with each request. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { actorOf } from './actor.ts'
import { RequestRefused } from './errors.ts'
import { filterFields, filterFrom, type UploadFilter } from './upload-filter.ts'

/** One bounded step. */
export interface SweepStep {
  readonly seen: number
  readonly done: number
  readonly refused: readonly { readonly id: string; readonly reason: string }[]
  /** Where the next step begins; `null` when this was the last one. */
  readonly next: string | null
}

/** Each step is stored before its promise resolves. Without a state in the filter: what is dead or quarantined. */
export interface UploadSweeper {
  redriveSome(filter: UploadFilter, by: { readonly actor: string }, after: string | null): Promise<SweepStep>
  dropSome(
    filter: UploadFilter,
    by: { readonly actor: string; readonly reason: string },
    after: string | null,
  ): Promise<SweepStep>
}

/** A request looks at this many uploads, about, and then says where to go on: neither client nor bridge waits long. */
const seenAtMost = 5_000
/** Reasons are alike; the first ones say it. */
const refusalsShown = 100

const after = z.string().min(1).max(200).optional().describe('`next` of the request before this one')
const swept = z.object({
  done: z.number(),
  refused: z.number(),
  refusals: z.array(z.object({ id: z.string(), reason: z.string() })).describe(`the first ${refusalsShown}`),
  next: z.string().nullable().describe('give it as `after` to go on; null: it was the last part'),
})

/** `POST /v1/uploads/redrive` and `/drop`. */
export function uploadSweepRoutes(sweeper: UploadSweeper): FastifyPluginAsyncZod {
  return async app => {
    app.post(
      '/v1/uploads/redrive',
      {
        schema: {
          summary: 'Try afresh all uploads that fit, oldest first; without a state: the dead and the quarantined',
          tags: ['uploads'],
          body: z.strictObject({
            ...filterFields,
            state: z.enum(['dead', 'quarantined', 'dropped', 'pending']).optional(),
            after,
          }),
          response: { 200: swept },
        },
      },
      async request => {
        const filter = named(request.body)
        const by = { actor: actorOf(request) }
        return await sweep(request.body.after ?? null, from => sweeper.redriveSome(filter, by, from))
      },
    )

    app.post(
      '/v1/uploads/drop',
      {
        schema: {
          summary: 'Give up all uploads that fit, oldest first; without a state: the dead and the quarantined',
          tags: ['uploads'],
          body: z.strictObject({
            ...filterFields,
            state: z.enum(['dead', 'quarantined', 'pending']).optional(),
            reason: z.string().trim().min(1).max(500).describe('kept with them, and in the audit log'),
            after,
          }),
          response: { 200: swept },
        },
      },
      async request => {
        const filter = named(request.body)
        const by = { actor: actorOf(request), reason: request.body.reason }
        return await sweep(request.body.after ?? null, from => sweeper.dropSome(filter, by, from))
      },
    )
  }
}

/** An empty filter would mean everything that was ever refused; whoever wants that says so by a state. */
function named(said: Parameters<typeof filterFrom>[0]): UploadFilter {
  const filter = filterFrom(said)
  if (Object.values(filter).every(asked => asked === null))
    throw new RequestRefused(400, 'Invalid request', 'Say which uploads are meant: {"state": "dead"} means every dead letter.')
  return filter
}

async function sweep(begin: string | null, step: (after: string | null) => Promise<SweepStep>): Promise<z.input<typeof swept>> {
  const refusals: SweepStep['refused'][number][] = []
  let [seen, done, refused] = [0, 0, 0]
  let next = begin
  do {
    const made = await step(next)
    seen += made.seen
    done += made.done
    refused += made.refused.length
    refusals.push(...made.refused.slice(0, refusalsShown - refusals.length))
    next = made.next
    await nextTurn() // others get theirs between two steps
  } while (next !== null && seen < seenAtMost)
  return { done, refused, refusals, next }
}

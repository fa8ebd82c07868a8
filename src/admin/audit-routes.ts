import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { timestamp, toTimestamp } from './timestamp.ts'

/** One line of the audit log. `at` is epoch ms. */
export interface AuditLineSeen {
  readonly seq: number
  readonly at: number
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly reason: string | null
  readonly detail: Readonly<Record<string, unknown>>
}

/** The store's audit log. */
export interface AuditReader {
  /** Newest first; `before` goes on after the last line of the page before. */
  list(page: { readonly limit: number; readonly before?: number; readonly subject?: string }): Promise<readonly AuditLineSeen[]>
}

const query = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.coerce.number().int().min(1).optional().meta({ description: '`next` of the page before.' }),
  subject: z
    .string()
    .max(500)
    .optional()
    .meta({ description: 'Only what was done to this recording, upload, call, sink or key.' }),
})
const line = z.object({
  number: z.number().meta({ description: 'Rises in the order of writing.' }),
  at: timestamp,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  reason: z.string().nullable(),
  detail: z.record(z.string(), z.unknown()),
})

/** `GET /v1/audit` */
export function auditRoutes(audit: AuditReader): FastifyPluginAsyncZod {
  return async app => {
    app.get(
      '/v1/audit',
      {
        schema: {
          summary: 'Who deleted, held, redrove or dropped what, newest first',
          tags: ['compliance'],
          querystring: query,
          response: { 200: z.object({ audit: z.array(line), next: z.number().nullable() }) },
        },
      },
      async request => {
        const { limit, before, subject } = request.query
        const lines = await audit.list({
          limit: limit + 1,
          ...(before === undefined ? {} : { before }),
          ...(subject === undefined ? {} : { subject }),
        })
        const page = lines.slice(0, limit)
        return {
          audit: page.map(({ seq, at, ...rest }) => ({ number: seq, at: toTimestamp(at), ...rest, detail: { ...rest.detail } })),
          next: lines.length > limit ? (page.at(-1)?.seq ?? null) : null,
        }
      },
    )
  }
}

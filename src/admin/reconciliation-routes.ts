import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { timestamp, toTimestamp, toTimestampOrNull } from './timestamp.ts'

interface Span {
  readonly since: number
  readonly until: number
}

/** One thing that is not as it should be. Times are epoch ms. */
export interface FindingSeen {
  readonly kind: string
  readonly since: number
  readonly subject: string
  readonly cause: string
  readonly fix: string
  readonly callId: string | null
  readonly uploadId: string | null
  readonly cdrId: string | null
}

/** What the newest reconciliation found. */
export interface ReconciliationSeen {
  readonly period: Span
  readonly at: number
  readonly tookMs: number
  readonly looked: { readonly calls: number; readonly cdrs: number; readonly deliveries: number; readonly items: number }
  readonly covered: Span | null
  readonly onTheWay: number
  readonly counts: Readonly<Record<string, { readonly count: number; readonly oldestSince: number | null }>>
  readonly total: number
  readonly findings: readonly FindingSeen[]
  readonly problems: readonly string[]
}

/** Where the newest result is; `null` before there is one. */
export interface ReconciliationBoard {
  readonly newest: ReconciliationSeen | null
}

const period = z.object({ since: timestamp, until: timestamp })

const findingView = z.object({
  kind: z.string(),
  since: timestamp,
  age_seconds: z.number().meta({ description: 'At the time of the run.' }),
  subject: z.string(),
  cause: z.string(),
  fix: z.string().meta({ description: 'What to do about it.' }),
  call_id: z.string().nullable(),
  upload_id: z.string().nullable(),
  cdr_id: z.string().nullable(),
})

const reconciliationView = z.object({
  at: timestamp,
  took_seconds: z.number(),
  period: period.meta({ description: 'Of which time calls were looked at.' }),
  looked: z.object({ calls: z.number(), cdrs: z.number(), deliveries: z.number(), items: z.number() }),
  cdrs_cover: period.nullable().meta({ description: 'The time of which the PBX’s records are there.' }),
  on_the_way: z.number().meta({ description: 'Deliveries that wait in a backlog which moves: no findings.' }),
  total: z.number(),
  counts: z.record(z.string(), z.object({ count: z.number(), oldest_since: timestamp.nullable() })),
  findings: z.array(findingView).meta({ description: 'The first of each kind; counts counts all.' }),
  problems: z.array(z.string()).meta({ description: 'Records that could not be read.' }),
})

/** `GET /v1/reconciliation`. */
export function reconciliationRoutes(board: ReconciliationBoard): FastifyPluginAsyncZod {
  return async app => {
    app.get(
      '/v1/reconciliation',
      {
        schema: {
          summary: 'What is not as it should be, as the last periodic run found it; null before the first',
          tags: ['reconciliation'],
          response: { 200: z.object({ reconciliation: reconciliationView.nullable() }) },
        },
      },
      async () => ({ reconciliation: board.newest === null ? null : view(board.newest) }),
    )
  }
}

function view(seen: ReconciliationSeen): z.input<typeof reconciliationView> {
  return {
    at: toTimestamp(seen.at),
    took_seconds: seen.tookMs / 1000,
    period: viewSpan(seen.period),
    looked: seen.looked,
    cdrs_cover: seen.covered === null ? null : viewSpan(seen.covered),
    on_the_way: seen.onTheWay,
    total: seen.total,
    counts: Object.fromEntries(
      Object.entries(seen.counts).map(([kind, { count, oldestSince }]) => [
        kind,
        { count, oldest_since: toTimestampOrNull(oldestSince) },
      ]),
    ),
    findings: seen.findings.map(({ kind, since, subject, cause, fix, callId, uploadId, cdrId }) => ({
      kind,
      since: toTimestamp(since),
      age_seconds: Math.round((seen.at - since) / 1000),
      subject,
      cause,
      fix,
      call_id: callId,
      upload_id: uploadId,
      cdr_id: cdrId,
    })),
    problems: [...seen.problems],
  }
}

function viewSpan({ since, until }: Span) {
  return { since: toTimestamp(since), until: toTimestamp(until) }
}

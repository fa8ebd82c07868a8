import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { actorOf } from './actor.ts'
import { errorView, RequestRefused } from './errors.ts'
import { timestamp, toTimestamp } from './timestamp.ts'

/** Who or what it is about, as a client wrote it. */
export type ComplianceTarget =
  | { readonly kind: 'number'; readonly number: string }
  | { readonly kind: 'call'; readonly id: string }
  | { readonly kind: 'item'; readonly id: string }

/** A recording or voicemail. `startedAt` is epoch ms. */
export interface ComplianceItem {
  readonly id: string
  readonly kind: 'recording' | 'voicemail'
  readonly callId: string | null
  readonly startedAt: number
  /** Why it must not be deleted; `null` when it may. */
  readonly hold: string | null
  readonly erasure: 'asked' | 'done' | null
}

export type ComplianceAnswer =
  /** All that it is about, as it is now, and the ids of those that this request changed. */
  | { readonly kind: 'done'; readonly items: readonly ComplianceItem[]; readonly changed: readonly string[] }
  /** More than one request may change; `reason` says what to do. */
  | { readonly kind: 'refused'; readonly reason: string }

/** Where recordings are erased and held for the law's sake. What was changed is stored before a promise resolves. */
export interface ComplianceDesk {
  find(target: ComplianceTarget): Promise<ComplianceAnswer>
  erase(
    target: ComplianceTarget,
    order: { readonly actor: string; readonly reason: string | null; readonly keepSources: boolean },
  ): Promise<ComplianceAnswer>
  hold(target: ComplianceTarget, order: { readonly actor: string; readonly reason: string }): Promise<ComplianceAnswer>
  release(target: ComplianceTarget, order: { readonly actor: string; readonly reason: string }): Promise<ComplianceAnswer>
}

const reason = z.string().trim().min(1).max(500)
const about = {
  number: z.string().regex(/\d/).max(64).optional().meta({ description: 'In any way of writing, or an extension.' }),
  call_id: z.string().min(1).max(300).optional().meta({ description: 'The bridge’s id, or the SIP Call-ID.' }),
  item_id: z.string().min(1).max(200).optional(),
}
const dry_run = z.boolean().default(false).meta({ description: 'Only show what it is about.' })
const erasureBody = z.strictObject({ ...about, reason: reason.nullish(), keep_sources: z.boolean().default(false), dry_run })
const holdBody = z.strictObject({ ...about, reason, dry_run })
const itemView = z.object({
  id: z.string(),
  kind: z.enum(['recording', 'voicemail']),
  call_id: z.string().nullable(),
  started_at: timestamp,
  hold: z.string().nullable(),
  erasure: z.enum(['asked', 'done']).nullable(),
})
const response = {
  200: z.object({ items: z.array(itemView), changed: z.array(z.string()) }),
  400: errorView,
  409: errorView,
}

/** `POST /v1/erasures`, `POST /v1/holds` and `POST /v1/holds/release` */
export function complianceRoutes(desk: ComplianceDesk): FastifyPluginAsyncZod {
  return async app => {
    app.post(
      '/v1/erasures',
      {
        schema: {
          summary: 'Erase recordings and voicemails for good, here, in the archive and in Zendesk; what is held is passed over',
          tags: ['compliance'],
          body: erasureBody,
          response,
        },
      },
      async request => {
        const { reason: why = null, keep_sources: keepSources, dry_run: isDry, ...rest } = request.body
        const target = targetIn(rest)
        return view(
          isDry ? await desk.find(target) : await desk.erase(target, { actor: actorOf(request), reason: why, keepSources }),
        )
      },
    )
    for (const [path, summary, change] of holdRoutes) {
      app.post(path, { schema: { summary, tags: ['compliance'], body: holdBody, response } }, async request => {
        const { reason: why, dry_run: isDry, ...rest } = request.body
        const target = targetIn(rest)
        return view(isDry ? await desk.find(target) : await desk[change](target, { actor: actorOf(request), reason: why }))
      })
    }
  }
}

const holdRoutes = [
  ['/v1/holds', 'Keep recordings and voicemails from being deleted by anything the bridge does', 'hold'],
  ['/v1/holds/release', 'End a hold', 'release'],
] as const

function targetIn(given: {
  readonly number?: string | undefined
  readonly call_id?: string | undefined
  readonly item_id?: string | undefined
}) {
  const { number, call_id: call, item_id: item } = given
  const targets: ComplianceTarget[] = []
  if (number !== undefined) targets.push({ kind: 'number', number })
  if (call !== undefined) targets.push({ kind: 'call', id: call })
  if (item !== undefined) targets.push({ kind: 'item', id: item })
  const [target] = targets
  if (target === undefined || targets.length > 1) {
    throw new RequestRefused(400, 'Say which', 'Give exactly one of `number`, `call_id` and `item_id`.')
  }
  return target
}

function view(answer: ComplianceAnswer): z.input<(typeof response)[200]> {
  if (answer.kind === 'refused') throw new RequestRefused(409, 'Not in one request', answer.reason)
  const items = answer.items.map(({ id, kind, callId, startedAt, hold, erasure }) => ({
    id,
    kind,
    call_id: callId,
    started_at: toTimestamp(startedAt),
    hold,
    erasure,
  }))
  return { items, changed: [...answer.changed] }
}

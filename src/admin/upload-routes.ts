import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { actorOf } from './actor.ts'
import { errorView, RequestRefused } from './errors.ts'
import { nextCursor, type Page, type PageQuery, pageQuery } from './page.ts'
import { filterFields, filterFrom, type UploadFilter } from './upload-filter.ts'
import { type UploadSweeper, uploadSweepRoutes } from './upload-sweep-routes.ts'
import { type Upload, uploadStates, uploadView, viewUpload } from './upload-view.ts'

/** What became of an operator's action. */
export type UploadAction =
  | { readonly kind: 'done'; readonly upload: Upload }
  | { readonly kind: 'unknown' }
  /** Its state does not allow it; `reason` says so to the operator. */
  | { readonly kind: 'refused'; readonly reason: string }

/** Where an operator looks after uploads. Ids are as a client sent them. Actions are stored before their promise resolves. */
export interface UploadDesk extends UploadSweeper {
  /** A page may be short, even empty, where few of many fit: `next` says whether there is more. */
  listUploads(query: PageQuery & UploadFilter): Promise<Page<Upload>>
  /** A dead, dropped or quarantined one is tried afresh; what is delivered or under way is refused. */
  redrive(id: string, by: { readonly actor: string }): Promise<UploadAction>
  /** A pending, dead or quarantined one is given up; the reason is kept with it. */
  drop(id: string, by: { readonly actor: string; readonly reason: string }): Promise<UploadAction>
}

const changed = { 200: z.object({ upload: uploadView }), 404: errorView, 409: errorView }
const params = z.object({ id: z.string().max(200) })

/** `GET /v1/uploads`, and the two things an operator can do to one, or to all that fit. */
export function uploadRoutes(desk: UploadDesk): FastifyPluginAsyncZod {
  return async app => {
    app.get(
      '/v1/uploads',
      {
        schema: {
          summary: 'Uploads, newest first; `state=dead` are the dead letters',
          tags: ['uploads'],
          querystring: pageQuery.extend({ ...filterFields, state: z.enum(uploadStates).optional() }),
          response: { 200: z.object({ uploads: z.array(uploadView), next: nextCursor }) },
        },
      },
      async ({ query }) => {
        const page = await desk.listUploads({ ...filterFrom(query), limit: query.limit, before: query.before ?? null })
        return { uploads: page.rows.map(viewUpload), next: page.next }
      },
    )

    await app.register(uploadSweepRoutes(desk))

    app.post(
      '/v1/uploads/:id/redrive',
      { schema: { summary: 'Try a dead, dropped or quarantined upload afresh', tags: ['uploads'], params, response: changed } },
      async request => answer(await desk.redrive(request.params.id, { actor: actorOf(request) })),
    )

    app.post(
      '/v1/uploads/:id/drop',
      {
        schema: {
          summary: 'Give up an upload that is pending, dead or quarantined',
          tags: ['uploads'],
          params,
          body: z.strictObject({ reason: z.string().trim().min(1).max(500) }).nullish(),
          response: changed,
        },
      },
      async request => {
        const reason = request.body?.reason ?? 'dropped by an operator'
        return answer(await desk.drop(request.params.id, { actor: actorOf(request), reason }))
      },
    )
  }
}

function answer(action: UploadAction): { upload: z.input<typeof uploadView> } {
  switch (action.kind) {
    case 'done':
      return { upload: viewUpload(action.upload) }
    case 'unknown':
      throw new RequestRefused(404, 'Upload not found', 'GET /v1/uploads lists the uploads that are stored.')
    case 'refused':
      throw new RequestRefused(409, 'Not in this state', action.reason)
    default:
      return action satisfies never
  }
}

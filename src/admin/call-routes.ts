import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { CallEvent, CallSnapshot } from '../events/event.ts'
import type { AudioItem } from '../events/recording.ts'
import { audioView, viewAudio } from './audio-view.ts'
import { callView, eventView, viewCall, viewEvent } from './call-view.ts'
import { errorView, RequestRefused } from './errors.ts'
import { nextCursor, type Page, type PageQuery, pageQuery } from './page.ts'
import { type Upload, uploadView, viewUpload } from './upload-view.ts'

/** A call with all that belongs to it; events in sequence. */
export interface CallFile {
  readonly call: CallSnapshot
  readonly events: readonly CallEvent[]
  readonly uploads: readonly Upload[]
  readonly audio: readonly AudioItem[]
}

/** Where calls are read. Ids are as a client sent them: an unknown one, however malformed, is `null`. */
export interface CallReader {
  listCalls(query: PageQuery): Promise<Page<CallSnapshot>>
  findCall(id: string): Promise<CallFile | null>
}

/** `GET /v1/calls` and `GET /v1/calls/:id`. */
export function callRoutes(reader: CallReader): FastifyPluginAsyncZod {
  return async app => {
    app.get(
      '/v1/calls',
      {
        schema: {
          summary: 'Calls, newest first',
          tags: ['calls'],
          querystring: pageQuery,
          response: { 200: z.object({ calls: z.array(callView), next: nextCursor }) },
        },
      },
      async ({ query }) => {
        const page = await reader.listCalls({ limit: query.limit, before: query.before ?? null })
        return { calls: page.rows.map(viewCall), next: page.next }
      },
    )

    app.get(
      '/v1/calls/:id',
      {
        schema: {
          summary: 'One call with its legs, events, uploads and recordings',
          tags: ['calls'],
          params: z.object({ id: z.string().max(200) }),
          response: {
            200: z.object({
              call: callView,
              events: z.array(eventView),
              uploads: z.array(uploadView),
              recordings: z.array(audioView),
            }),
            404: errorView,
          },
        },
      },
      async ({ params }) => {
        const found = await reader.findCall(params.id)
        if (found === null) throw new RequestRefused(404, 'Call not found', 'GET /v1/calls lists the calls that are stored.')
        return {
          call: viewCall(found.call),
          events: found.events.map(viewEvent),
          uploads: found.uploads.map(viewUpload),
          recordings: found.audio.map(viewAudio),
        }
      },
    )
  }
}

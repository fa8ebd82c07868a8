import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { actorOf } from './actor.ts'
import { errorView, RequestRefused } from './errors.ts'

/** What became of a request to read the configuration again. */
export type ReloadAnswer =
  | {
      readonly kind: 'reloaded'
      /** What has changed at once: keys and values as in the file, secrets hidden. */
      readonly changed: readonly { readonly path: string; readonly before: string; readonly after: string }[]
      /** Keys that keep their old value until a restart. */
      readonly needRestart: readonly string[]
    }
  /** Nothing has changed: these are the problems of the file, each with its fix. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

/** Reads the configuration again. Never rejects. */
export type Reload = (by: { readonly actor: string }) => Promise<ReloadAnswer>

const reloaded = z.object({
  changed: z.array(z.object({ path: z.string(), before: z.string(), after: z.string() })),
  needs_restart: z.array(z.string()).describe('keys that keep their old value until the bridge is started again'),
})

/** `POST /v1/reload`. `null`: whoever runs the bridge has no file to read. */
export function reloadRoute(reload: Reload | null): FastifyPluginAsyncZod {
  return async app => {
    if (reload === null) return
    app.post(
      '/v1/reload',
      {
        schema: {
          summary: 'Read the configuration again, as SIGHUP does; a file with a problem changes nothing',
          tags: ['operations'],
          response: { 200: reloaded, 422: errorView },
        },
      },
      async request => {
        const answer = await reload({ actor: actorOf(request) })
        if (answer.kind === 'refused') throw new RequestRefused(422, 'Nothing has changed', answer.problems.join('\n'))
        return { changed: [...answer.changed], needs_restart: [...answer.needRestart] }
      },
    )
  }
}

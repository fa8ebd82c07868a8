/** `/` and the audio its players ask for: a browser has no token, so both are only for this machine, as all of the operator's side. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { accept, idAsked } from '../asked.ts'
import type { MediaFolder } from '../media-folder.ts'
import { present, sendAudio } from '../voice/audio/send-audio.ts'
import { page, pagePolicy } from './page.ts'
import { type PageStores, readPageData } from './page-data.ts'

export interface PageParts extends PageStores {
  readonly media: MediaFolder
  readonly version: string
}

const querySchema = z.object({
  call: z.coerce.number().int().min(1).nullable().default(null),
  ticket: z.coerce.number().int().min(1).nullable().default(null),
  refresh: z.enum(['on', 'off']).default('on'),
})

/** Registers them in the operator's scope, which lets only programs on this machine in. */
export function pageRoutes(app: FastifyInstance, parts: PageParts, counts: () => Readonly<Record<string, number>>): void {
  const { media, recordings, voicemails, version } = parts

  app.get('/', async (request, reply) => {
    if (!(request.headers.accept ?? '').includes('text/html')) return { sandbox: { version, ...counts() } }
    const { refresh, ...filter } = accept(querySchema, request.query)
    reply.headers({
      'cache-control': 'no-store',
      'content-security-policy': pagePolicy,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    const data = readPageData(parts, filter)
    return reply.type('text/html; charset=utf-8').send(page(data, { version, counts: counts(), refresh: refresh === 'on' }))
  })

  // To listen here marks no voicemail as read: that is what Zendesk's own endpoint does.
  app.get('/_sandbox/audio/recording/:id', async (request, reply) => {
    const { metadata, file } = present(recordings.get(idAsked(request)), 'Recording')
    return sendAudio(metadata, media.path(file), request, reply)
  })
  app.get('/_sandbox/audio/voicemail/:id', async (request, reply) => {
    const { metadata, file } = present(voicemails.get(idAsked(request)), 'Voicemail')
    return sendAudio(metadata, media.path(file), request, reply)
  })
}

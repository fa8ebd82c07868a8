/** `/phone_voicemails`: messages, new until somebody hears them, archived once a ticket takes them over. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { voicemailStatuses } from '../../../wire/stored-audio.ts'
import { accept, baseOf, idAsked, urlOf } from '../../asked.ts'
import type { GroupCommit } from '../../group-commit.ts'
import type { MediaFolder } from '../../media-folder.ts'
import { nextPage, pageQuerySchema } from '../../page.ts'
import type { Calls } from '../calls/call-log.ts'
import type { AudioShelf, StoredVoicemail } from './audio-shelf.ts'
import { voicemailView } from './audio-view.ts'
import { present, sendAudio } from './send-audio.ts'

export interface VoicemailParts {
  readonly commits: GroupCommit
  readonly calls: Calls
  readonly voicemails: AudioShelf<StoredVoicemail['metadata']>
  readonly media: MediaFolder
  readonly clock: () => number
}

/** Without a filter: all of them. */
const querySchema = pageQuerySchema.extend({ filter: z.enum(voicemailStatuses).optional() })

export function voicemailRoutes(app: FastifyInstance, { commits, calls, voicemails, media, clock }: VoicemailParts): void {
  const asked = (request: FastifyRequest) => present(voicemails.get(idAsked(request)), 'Voicemail')
  const view = (voicemail: StoredVoicemail, request: FastifyRequest) => {
    const { external_call_id } = voicemail.metadata
    return voicemailView(voicemail, calls.find(external_call_id), baseOf(request))
  }

  app.get('/phone_voicemails', async request => {
    const { filter, ...query } = accept(querySchema, request.query)
    const { rows, count, next } = voicemails.list(query, { status: filter })
    const views = rows.map(voicemail => view(voicemail, request))
    return { phone_voicemails: views, count, next_page: nextPage(urlOf(request), next) }
  })

  app.get('/phone_voicemails/:id', async request => ({ phone_voicemail: view(asked(request), request) }))

  app.get('/phone_voicemails/:id/audio', async (request, reply) => {
    const { id, metadata, file, status } = asked(request)
    // Listing and looking are for programs; who fetches the audio means to hear it.
    if (request.method === 'GET' && status === 'new') await commits.run(() => voicemails.advance(id, 'read'))
    return sendAudio(metadata, media.path(file), request, reply)
  })

  app.delete('/phone_voicemails/:id', async (request, reply) => {
    const { id, file } = asked(request)
    await commits.run(() => voicemails.remove(id, clock()))
    await media.remove(file)
    return reply.code(204).send()
  })
}

/** `/phone_recordings`: what was recorded, to read, to hear and to delete. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { accept, baseOf, idAsked, urlOf } from '../../asked.ts'
import type { GroupCommit } from '../../group-commit.ts'
import type { MediaFolder } from '../../media-folder.ts'
import { nextPage, pageQuerySchema } from '../../page.ts'
import type { Calls } from '../calls/call-log.ts'
import type { AudioShelf, StoredRecording } from './audio-shelf.ts'
import { recordingView } from './audio-view.ts'
import { present, sendAudio } from './send-audio.ts'

export interface RecordingParts {
  readonly commits: GroupCommit
  readonly calls: Calls
  readonly recordings: AudioShelf<StoredRecording['metadata']>
  readonly media: MediaFolder
  readonly clock: () => number
}

export function recordingRoutes(app: FastifyInstance, { commits, calls, recordings, media, clock }: RecordingParts): void {
  const asked = (request: FastifyRequest) => present(recordings.get(idAsked(request)), 'Recording')
  const view = (recording: StoredRecording, request: FastifyRequest) => {
    const { external_call_id } = recording.metadata
    return recordingView(recording, external_call_id === null ? null : calls.idOf(external_call_id), baseOf(request))
  }

  app.get('/phone_recordings', async request => {
    const { rows, count, next } = recordings.list(accept(pageQuerySchema, request.query))
    const views = rows.map(recording => view(recording, request))
    return { phone_recordings: views, count, next_page: nextPage(urlOf(request), next) }
  })

  app.get('/phone_recordings/:id', async request => ({ phone_recording: view(asked(request), request) }))

  app.get('/phone_recordings/:id/download', async (request, reply) => {
    const { metadata, file } = asked(request)
    return sendAudio(metadata, media.path(file), request, reply)
  })

  app.delete('/phone_recordings/:id', async (request, reply) => {
    const { id, file } = asked(request)
    await commits.run(() => recordings.remove(id, clock()))
    await media.remove(file)
    return reply.code(204).send()
  })
}

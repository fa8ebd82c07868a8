/** Reading back what was delivered: calls, recordings and voicemails, as the Voice API shows them, and their audio. */
import { createReadStream } from 'node:fs'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { AudioShelf, StoredAudio, StoredRecording, StoredVoicemail } from './audio.ts'
import type { Calls, StoredCall } from './calls.ts'
import { baseOf } from './delivery-routes.ts'
import type { GroupCommit } from './group-commit.ts'
import type { MediaFolder } from './media-folder.ts'
import { nextPage, pageQuerySchema } from './page.ts'
import { deleted, invalid, notFound } from './problem.ts'
import { readRange } from './range.ts'
import { phoneCallView, recordingView, voicemailView } from './views.ts'

export interface ReadParts {
  readonly commits: GroupCommit
  readonly calls: Calls
  readonly recordings: AudioShelf<StoredRecording['metadata']>
  readonly voicemails: AudioShelf<StoredVoicemail['metadata']>
  readonly media: MediaFolder
  readonly clock: () => number
}

const idSchema = z.object({ id: z.coerce.number().int().min(1) })
const day = z.union([z.iso.date(), z.iso.datetime({ offset: true })]).transform(text => new Date(text).toISOString())
const callQuerySchema = pageQuerySchema.extend({
  external_id: z.string().optional(),
  agent_id: z.coerce.number().int().optional(),
  start_date: day.optional(),
  end_date: day.optional(),
})
const voicemailQuerySchema = pageQuerySchema.extend({ filter: z.enum(['new', 'read', 'archived']).optional() })

export function readRoutes(app: FastifyInstance, { commits, calls, recordings, voicemails, media, clock }: ReadParts): void {
  const callIdOf = ({ external_call_id: id }: { readonly external_call_id: string | null }) =>
    id === null ? null : calls.idOf(id)
  const newestRecording = (call: StoredCall) => recordings.list({ limit: 1 }, call.call.external_id).rows[0]?.id ?? null
  const callAsked = (request: FastifyRequest) => calls.get(idOf(request)) ?? raise(notFound('Call'))
  const callView = (call: StoredCall, request: FastifyRequest) => phoneCallView(call, newestRecording(call), baseOf(request))
  const recordingAsked = (request: FastifyRequest) => present(recordings.get(idOf(request)), 'Recording')
  const voicemailAsked = (request: FastifyRequest) => present(voicemails.get(idOf(request)), 'Voicemail')

  app.get('/phone_calls', async request => {
    const { rows, count, next } = calls.list(accept(callQuerySchema, request.query))
    return { phone_calls: rows.map(call => callView(call, request)), count, next_page: nextPage(urlOf(request), next) }
  })

  app.get('/phone_calls/:id', async request => ({ phone_call: callView(callAsked(request), request) }))

  app.get('/phone_calls/:id/recordings', async request => {
    const call = callAsked(request)
    const { rows, count, next } = recordings.list(accept(pageQuerySchema, request.query), call.call.external_id)
    const views = rows.map(recording => recordingView(recording, call.id, baseOf(request)))
    return { phone_recordings: views, count, next_page: nextPage(urlOf(request), next) }
  })

  app.get('/phone_recordings', async request => {
    const { rows, count, next } = recordings.list(accept(pageQuerySchema, request.query))
    const views = rows.map(recording => recordingView(recording, callIdOf(recording.metadata), baseOf(request)))
    return { phone_recordings: views, count, next_page: nextPage(urlOf(request), next) }
  })

  app.get('/phone_recordings/:id', async request => {
    const recording = recordingAsked(request)
    return { phone_recording: recordingView(recording, callIdOf(recording.metadata), baseOf(request)) }
  })

  app.get('/phone_recordings/:id/download', async (request, reply) => sendAudio(recordingAsked(request), request, reply))

  app.delete('/phone_recordings/:id', async (request, reply) => {
    const recording = recordingAsked(request)
    await commits.run(() => recordings.remove(recording.id, clock()))
    await media.remove(recording.file)
    return reply.code(204).send()
  })

  app.get('/phone_voicemails', async request => {
    const { filter = 'new', ...query } = accept(voicemailQuerySchema, request.query)
    // Nothing here reads or archives a voicemail, so all of them are new.
    const { rows, count, next } = filter === 'new' ? voicemails.list(query) : { rows: [], count: 0, next: null }
    const views = rows.map(voicemail => voicemailView(voicemail, callIdOf(voicemail.metadata), baseOf(request)))
    return { phone_voicemails: views, count, next_page: nextPage(urlOf(request), next) }
  })

  app.get('/phone_voicemails/:id', async request => {
    const voicemail = voicemailAsked(request)
    return { phone_voicemail: voicemailView(voicemail, callIdOf(voicemail.metadata), baseOf(request)) }
  })

  app.get('/phone_voicemails/:id/audio', async (request, reply) => sendAudio(voicemailAsked(request), request, reply))

  app.delete('/phone_voicemails/:id', async (request, reply) => {
    const voicemail = voicemailAsked(request)
    await commits.run(() => voicemails.remove(voicemail.id, clock()))
    await media.remove(voicemail.file)
    return reply.code(204).send()
  })

  function sendAudio({ file, metadata }: StoredRecording, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { size, sha256, external_id } = metadata
    const etag = `"${sha256}"`
    reply.headers({
      'accept-ranges': 'bytes',
      etag,
      'content-type': 'audio/mpeg',
      'content-disposition': `inline; filename="${external_id.replace(/[^A-Za-z0-9._-]/g, '_')}.mp3"`,
    })
    if (request.headers['if-none-match'] === etag) return reply.code(304).send()
    // RFC 9110 section 13.1.5: a range of another version of the file is no use to the asker.
    const condition = request.headers['if-range']
    const range = readRange(condition === undefined || condition === etag ? request.headers.range : undefined, size)
    const path = media.path(file)
    switch (range.kind) {
      case 'whole':
        return reply.header('content-length', size).send(createReadStream(path))
      case 'part': {
        const { first, last } = range
        reply.code(206).headers({ 'content-range': `bytes ${first}-${last}/${size}`, 'content-length': last - first + 1 })
        return reply.send(createReadStream(path, { start: first, end: last }))
      }
      case 'unsatisfiable': {
        const body = { error: 'Range not satisfiable', description: `The audio has ${size} bytes` }
        return reply
          .code(416)
          .headers({ 'content-range': `bytes */${size}`, 'content-type': 'application/json; charset=utf-8' })
          .send(body)
      }
      default:
        return range satisfies never
    }
  }
}

function present<Metadata>(audio: StoredAudio<Metadata> | null, what: 'Recording' | 'Voicemail'): StoredAudio<Metadata> {
  if (audio === null) throw notFound(what)
  if (audio.deleted) throw deleted(what)
  return audio
}

function idOf(request: FastifyRequest): number {
  const parsed = idSchema.safeParse(request.params)
  // What is no number names nothing that exists.
  return parsed.success ? parsed.data.id : 0
}

/** A query or body by its schema, or a 422. */
export function accept<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw invalid(parsed.error)
  return parsed.data
}

const urlOf = (request: FastifyRequest) => new URL(request.url, baseOf(request))

function raise(problem: Error): never {
  throw problem
}

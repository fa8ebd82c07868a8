/** Sends a stored file: whole or a part of it, and not again to who has it. */
import { createReadStream } from 'node:fs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RecordingMetadata } from '../../../wire/audio-upload.ts'
import { deleted, notFound } from '../../problem.ts'
import { readRange } from '../../range.ts'
import type { StoredAudio } from './audio-shelf.ts'

/** What was asked for, or a 404 for what never was and a 410 for what is no more. */
export function present<Metadata>(audio: StoredAudio<Metadata> | null, what: 'Recording' | 'Voicemail'): StoredAudio<Metadata> {
  if (audio === null) throw notFound(what)
  if (audio.deleted) throw deleted(what)
  return audio
}

/** Answers with the audio at `path`, honouring Range, If-Range and If-None-Match (RFC 9110 sections 13 and 14). */
export function sendAudio(
  { size, sha256, external_id }: RecordingMetadata,
  path: string,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
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

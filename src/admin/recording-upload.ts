/**
 * `POST /v1/recordings`: an audio file from whoever has one, streamed to the audio stage and never held in memory. A
 * multipart form (fields first, then the file) or the bare audio as the body with its fields in the query.
 */
import multipart from '@fastify/multipart'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { type ErrorView, errorView, RequestRefused } from './errors.ts'
import type { AdminLog } from './log.ts'
import {
  bareAudioTypes,
  bareRecording,
  formRecording,
  multipartOptions,
  type RecordingFields,
  uploadFields,
} from './recording-body.ts'

/** What became of an upload. */
export type IntakeAnswer =
  /** Stored: a crash forgets nothing of it. */
  | { readonly kind: 'accepted'; readonly id: string }
  /** This very file was taken in before. */
  | { readonly kind: 'known'; readonly id: string }
  /** Stored, but it cannot be delivered as it is. */
  | { readonly kind: 'quarantined'; readonly id: string; readonly reason: string }
  /** A field is at fault, named as in the form. */
  | { readonly kind: 'refused'; readonly field: string; readonly reason: string }
  /** `limit` is in bytes. */
  | { readonly kind: 'too-large'; readonly limit: number }
  /** Too many at once; `reason` is for the log. */
  | { readonly kind: 'busy'; readonly reason: string }
  /** The disk or the spool is full, nothing was kept; `reason` is for the log. */
  | { readonly kind: 'no-room'; readonly reason: string }
  /** The bytes ended before they were whole; nothing was kept. */
  | { readonly kind: 'aborted' }
  /** A fault of ours (disk full); `reason` is for the log. */
  | { readonly kind: 'failed'; readonly reason: string }

/** The audio stage's door. `signal` says that the rest of the bytes will not come; then nothing is kept. */
export interface RecordingIntake {
  accept(bytes: AsyncIterable<Uint8Array>, fields: RecordingFields, signal: AbortSignal): Promise<IntakeAnswer>
}

const stored = z.object({ recording: z.object({ id: z.string(), known: z.boolean() }) })

/** The route. `intake` is `null` when the configuration has it off. */
export function recordingRoute(intake: RecordingIntake | null, log: AdminLog): FastifyPluginAsyncZod {
  return async app => {
    await app.register(multipart, multipartOptions)
    app.addContentTypeParser(bareAudioTypes, (_request, payload, done) => done(null, payload))

    app.post(
      '/v1/recordings',
      {
        schema: {
          summary: 'Take a recording in (WAV)',
          description:
            'multipart/form-data with the fields first and the file last, or the bare audio as the body and the fields in the query. ' +
            'Safe to repeat: a file that is known answers 200.',
          tags: ['recordings'],
          consumes: ['multipart/form-data', ...bareAudioTypes],
          querystring: uploadFields,
          response: {
            200: stored,
            202: stored,
            400: errorView,
            403: errorView,
            413: errorView,
            415: errorView,
            422: errorView,
            503: errorView,
          },
        },
      },
      async (request, reply) => {
        if (intake === null) throw new RequestRefused(403, 'Not enabled', 'Set recordings.http: true in the configuration.')
        const cut = new AbortController()
        reply.raw.once('close', () => cut.abort())
        try {
          const incoming = request.isMultipart()
            ? await formRecording(request, request.query)
            : bareRecording(request, request.query)
          const bytes = abortingOnFailure(incoming.bytes, cut)
          const answer = await intake.accept(bytes, incoming.fields, cut.signal)
          if (cut.signal.reason instanceof RequestRefused) throw cut.signal.reason
          return send(answer, reply, log)
        } finally {
          drain(request)
        }
      },
    )
  }
}

/** The same bytes; when they fail, the signal carries the reason past whatever the intake makes of it. */
async function* abortingOnFailure(bytes: AsyncIterable<Uint8Array>, cut: AbortController): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    cut.abort(error)
    throw error
  }
}

function send(answer: IntakeAnswer, reply: FastifyReply, log: AdminLog): FastifyReply {
  switch (answer.kind) {
    case 'accepted':
    case 'known': {
      const known = answer.kind === 'known'
      return reply.code(known ? 200 : 202).send({ recording: { id: answer.id, known } })
    }
    case 'quarantined':
      throw new RequestRefused(422, 'Recording quarantined', `${answer.reason}. It is kept as ${answer.id}; see GET /v1/uploads.`)
    case 'refused':
      return reply.code(400).send({
        error: 'Invalid request',
        description: 'Correct the fields named in details.',
        details: { [answer.field]: [answer.reason] },
      } satisfies ErrorView)
    case 'too-large':
      throw new RequestRefused(413, 'Too large', `A recording may have at most ${answer.limit} bytes (recordings.max_upload).`)
    case 'aborted':
      throw new RequestRefused(400, 'Incomplete', 'The recording did not arrive whole. Send it again.')
    case 'no-room':
      log.warn({ reason: answer.reason }, 'recording upload put off')
      // 503 and not 507, which clients take for final and do not repeat.
      return reply
        .code(503)
        .header('retry-after', '60')
        .send({
          error: 'No room',
          description: 'The bridge has no room for recordings at the moment. Keep it and send it again later; see GET /readyz.',
        } satisfies ErrorView)
    case 'busy':
    case 'failed':
      log.warn({ kind: answer.kind, reason: answer.reason }, 'recording upload put off')
      return reply
        .code(503)
        .header('retry-after', answer.kind === 'busy' ? '5' : '30')
        .send({
          error: 'Not now',
          description: 'The bridge cannot take recordings at the moment. Send it again later.',
        } satisfies ErrorView)
    default:
      return answer satisfies never
  }
}

/** Reads what is left of a request to nowhere: many clients hear an answer only after they could send all they have. */
function drain({ raw }: FastifyRequest): void {
  if (raw.complete || raw.destroyed) return
  raw.unpipe()
  raw.resume()
}

/**
 * `POST /v1/recordings`: an audio file from whoever has one, streamed to the audio stage and never held in memory. A
 * multipart form (fields first, then the file) or the bare audio as the body with its fields in the query.
 */
import { Readable } from 'node:stream'
import multipart, { type Multipart } from '@fastify/multipart'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ItemState, RecordingHints, RecordingId } from '../events/recording.ts'
import { errorView, RequestRefused } from './errors.ts'
import type { AdminLog } from './log.ts'

/** A file on its way in. Names are as the client sent them. */
export interface IncomingRecording {
  readonly fileName: string
  readonly hints: RecordingHints
  /** The audio. Ends only when the whole request was read and proved whole; otherwise it is destroyed with an error. */
  readonly body: Readable
}

/** What became of it. */
export type IntakeAnswer =
  /** Stored: a crash forgets nothing of it. */
  | { readonly kind: 'accepted'; readonly id: RecordingId; readonly state: ItemState }
  /** This very file was taken in before. */
  | { readonly kind: 'known'; readonly id: RecordingId; readonly state: ItemState }
  /** The file or its name is at fault; `reason` tells the client. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'too-large'; readonly maxBytes: number }
  /** Not the client's fault (disk full, queue full); `reason` is for the log. */
  | { readonly kind: 'unavailable'; readonly reason: string }

/** The audio stage's door. Reads `body` to its end or destroys it; rejects only when `body` failed or for a fault of ours. */
export interface RecordingIntake {
  accept(recording: IncomingRecording): Promise<IntakeAnswer>
}

const bareAudioTypes = ['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave', 'application/octet-stream']

/** A few short fields and one file, whose size the audio stage bounds. */
const multipartLimits = {
  fields: 8,
  fieldNameSize: 32,
  fieldSize: 1024,
  files: 1,
  parts: 9,
  fileSize: Number.POSITIVE_INFINITY,
}

const text = z.string().trim().min(1).max(500)
const fields = z.strictObject({
  file_name: text.optional().describe('its base name; the default is the one in the form'),
  call_id: text.optional().describe("the SIP Call-ID of one of the call's legs"),
  unique: text.optional().describe("the PBX's own name for the call (Asterisk uniqueid, FreeSWITCH uuid)"),
  from: text.optional(),
  to: text.optional(),
  started_at: z.iso.datetime({ offset: true }).optional().describe('when the recording began, RFC 3339'),
})
type Fields = z.infer<typeof fields>

const stored = z.object({ recording: z.object({ id: z.string(), state: z.string(), known: z.boolean() }) })

/** The route. `intake` is `null` when the configuration has it off. */
export function recordingRoute(intake: RecordingIntake | null, log: AdminLog): FastifyPluginAsyncZod {
  return async app => {
    await app.register(multipart, { limits: multipartLimits })
    app.addContentTypeParser(bareAudioTypes, (_request, payload, done) => done(null, payload))

    app.post(
      '/v1/recordings',
      {
        schema: {
          summary: 'Take a recording in (WAV)',
          description:
            'multipart/form-data with the fields first and the file last, or the bare audio as the body. Safe to repeat: a file that is known answers 200.',
          tags: ['recordings'],
          consumes: ['multipart/form-data', ...bareAudioTypes],
          querystring: fields,
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
        const incoming = request.isMultipart() ? await fromForm(request, request.query) : fromBody(request.body, request.query)
        const answer = await intake.accept(incoming)
        incoming.body.destroy()
        drain(request)
        return send(answer, reply, log)
      },
    )
  }
}

function send(answer: IntakeAnswer, reply: FastifyReply, log: AdminLog): FastifyReply {
  switch (answer.kind) {
    case 'accepted':
    case 'known': {
      const known = answer.kind === 'known'
      return reply.code(known ? 200 : 202).send({ recording: { id: answer.id, state: answer.state, known } })
    }
    case 'refused':
      throw new RequestRefused(422, 'Recording refused', answer.reason)
    case 'too-large':
      throw new RequestRefused(413, 'Too large', `A recording may have at most ${answer.maxBytes} bytes (recordings.max_upload).`)
    case 'unavailable':
      log.warn({ reason: answer.reason }, 'recording upload put off')
      return reply.code(503).header('retry-after', '30').send({
        error: 'Not now',
        description: 'The bridge cannot take recordings at the moment. Send it again later; GET /readyz says more.',
      })
    default:
      return answer satisfies never
  }
}

function fromBody(body: unknown, named: Fields): IncomingRecording {
  if (!(body instanceof Readable)) {
    throw new RequestRefused(415, 'Unsupported media type', `Send multipart/form-data or one of ${bareAudioTypes.join(', ')}.`)
  }
  if (named.file_name === undefined) throw new RequestRefused(400, 'Invalid request', 'Name the file: ?file_name=NAME.wav')
  return { fileName: named.file_name, hints: hintsOf(named), body }
}

async function fromForm(request: FastifyRequest, inQuery: Fields): Promise<IncomingRecording> {
  const parts = parsed(request, () => request.parts())
  const inForm: Record<string, unknown> = {}
  for (let part = await parts.next(); !part.done; part = await parts.next()) {
    const { value } = part
    if (value.type === 'file') {
      const named = parseFields({ ...inQuery, ...inForm })
      return {
        fileName: named.file_name ?? value.filename,
        hints: hintsOf(named),
        body: Readable.from(
          wholeForm(
            parsed<Uint8Array>(request, () => value.file),
            parts,
          ),
          { objectMode: false },
        ),
      }
    }
    if (value.valueTruncated || value.fieldname in inForm) {
      throw new RequestRefused(400, 'Invalid request', `Send the field ${value.fieldname} once, with at most 1 kB.`)
    }
    inForm[value.fieldname] = value.value
  }
  throw new RequestRefused(400, 'Invalid request', 'The form has no file.')
}

/** The file's bytes; ends only after the form's closing boundary, so a form that was cut or goes on is never taken as whole. */
async function* wholeForm(file: AsyncIterable<Uint8Array>, rest: AsyncIterator<Multipart>): AsyncGenerator<Uint8Array> {
  yield* file
  if (!(await rest.next()).done) throw new RequestRefused(400, 'Invalid request', 'The file must be the last part of the form.')
}

/** What the form parser yields. Its own errors carry no status: they are the client's to mend, unless it has gone. */
async function* parsed<T>(request: FastifyRequest, source: () => AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* source()
  } catch (error) {
    const gone = request.raw.destroyed && !request.raw.complete
    if (gone || !(error instanceof Error) || 'statusCode' in error) throw error
    throw new RequestRefused(400, 'Invalid request', `The form cannot be read: ${error.message}`)
  }
}

function parseFields(given: unknown): Fields {
  const parsed = fields.safeParse(given)
  if (parsed.success) return parsed.data
  throw new RequestRefused(400, 'Invalid request', z.prettifyError(parsed.error).replaceAll(/\s+/g, ' '))
}

function hintsOf(named: Fields): RecordingHints {
  return {
    sipCallId: named.call_id ?? null,
    unique: named.unique ?? null,
    from: named.from ?? null,
    to: named.to ?? null,
    startedAt: named.started_at === undefined ? null : Date.parse(named.started_at),
  }
}

/** Reads what is left of a request to nowhere: a client hears the answer only after it could send all (RFC 9112 section 9.6). */
function drain({ raw }: FastifyRequest): void {
  if (raw.complete || raw.destroyed) return
  raw.unpipe()
  raw.resume()
}

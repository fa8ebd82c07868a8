/** The two forms in which a recording comes in, reduced to its fields and its bytes. */
import { Readable } from 'node:stream'
import type { FastifyMultipartOptions, Multipart } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { RequestRefused } from './errors.ts'

/** Types under which bare audio is accepted. */
export const bareAudioTypes = ['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave', 'application/octet-stream']

/** A few short fields and one file, whose size the audio stage bounds. A path in its name is kept, to be refused and not guessed at. */
export const multipartOptions: FastifyMultipartOptions = {
  preservePath: true,
  limits: { fields: 8, fieldNameSize: 32, fieldSize: 1024, files: 1, parts: 9, fileSize: Number.POSITIVE_INFINITY },
}

const text = z.string().max(1024)

/** The fields, in a form or a query. What may be in them the audio stage says. */
export const uploadFields = z.strictObject({
  file_name: text.optional().describe('the base name of the file; in a form the default is the name of the file part'),
  call_id: text.optional().describe("the SIP Call-ID of one of the call's legs"),
  unique: text.optional().describe("the PBX's own name for the call (Asterisk uniqueid, FreeSWITCH uuid)"),
  from: text.optional(),
  to: text.optional(),
  started_at: text.optional().describe('when the recording began: RFC 3339, or epoch seconds'),
  consent: text.optional().describe('whether the caller agreed to be recorded: yes or no'),
})
type UploadFields = z.infer<typeof uploadFields>

/** What the sender said about a recording, as sent; `null` where it said nothing. The audio stage judges it. */
export interface RecordingFields {
  readonly fileName: string
  /** The SIP Call-ID of one of the call's legs. */
  readonly callId: string | null
  /** The PBX's own name for the call. */
  readonly unique: string | null
  readonly from: string | null
  readonly to: string | null
  readonly startedAt: string | null
  /** Whether the caller agreed to be recorded. */
  readonly consent: string | null
}

/** A recording on its way in. Its bytes end only when the request was read and proved whole; otherwise they throw. */
export interface IncomingRecording {
  readonly fields: RecordingFields
  readonly bytes: AsyncIterable<Uint8Array>
}

/** Bare audio. Throws a RequestRefused when the body is none, or has no name. */
export function bareRecording(request: FastifyRequest, inQuery: UploadFields): IncomingRecording {
  const { body } = request
  if (!(body instanceof Readable)) {
    throw new RequestRefused(415, 'Unsupported media type', `Send multipart/form-data or one of ${bareAudioTypes.join(', ')}.`)
  }
  if (inQuery.file_name === undefined) throw new RequestRefused(400, 'Invalid request', 'Name the file: ?file_name=NAME.wav')
  // The body is the connection: an intake that stops reading must not take the answer's way with it.
  return { fields: named(inQuery, inQuery.file_name), bytes: body.iterator({ destroyOnReturn: false }) }
}

/** A form, read up to its file. Rejects with a RequestRefused when it has none or its fields are at fault. */
export async function formRecording(request: FastifyRequest, inQuery: UploadFields): Promise<IncomingRecording> {
  const parts = parsed(request, () => request.parts())
  const inForm: Record<string, unknown> = {}
  for (let part = await parts.next(); !part.done; part = await parts.next()) {
    const { value } = part
    if (value.type === 'file') {
      const fields = checked({ ...inQuery, ...inForm })
      const file = parsed<Uint8Array>(request, () => value.file)
      return { fields: named(fields, fields.file_name ?? value.filename), bytes: wholeForm(file, parts) }
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

/** What the form parser yields. Its errors are the client's to mend, unless it has gone. */
async function* parsed<T>(request: FastifyRequest, source: () => AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* source()
  } catch (error) {
    const gone = request.raw.destroyed && !request.raw.complete
    if (gone || !(error instanceof Error)) throw error
    throw new RequestRefused(400, 'Invalid request', `The form cannot be read: ${error.message}`)
  }
}

function checked(given: unknown): UploadFields {
  const result = uploadFields.safeParse(given)
  if (result.success) return result.data
  throw new RequestRefused(400, 'Invalid request', z.prettifyError(result.error).replaceAll(/\s+/g, ' '))
}

function named(fields: UploadFields, fileName: string): RecordingFields {
  return {
    fileName,
    callId: fields.call_id ?? null,
    unique: fields.unique ?? null,
    from: fields.from ?? null,
    to: fields.to ?? null,
    startedAt: fields.started_at ?? null,
    consent: fields.consent ?? null,
  }
}

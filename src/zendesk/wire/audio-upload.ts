/**
 * `POST /phone_recording_upload` and `POST /voicemail_upload`: multipart/form-data of two parts in this order: `metadata`
 * (application/json, one of the schemas below) and `file` (audio/mpeg).
 */
import { z } from 'zod'
import { suppliedTranscriptSchema } from './transcript.ts'
import { momentSchema, partySchema, secondsSchema } from './words.ts'

/** The names of the two parts. */
export const parts = { metadata: 'metadata', file: 'file' } as const

const audioFields = {
  external_id: z.string().min(1).max(255),
  /** `null`: a voicemail that no known call left, or a recording that the operator chose to upload unmatched. */
  external_call_id: z.string().min(1).max(255).nullable(),
  format: z.literal('mp3'),
  duration: secondsSchema,
  channels: z.int().min(1).max(2),
  sample_rate: z.int().min(8000).max(48_000),
  /** Bytes of the file part. */
  size: z.int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits'),
  started_at: momentSchema,
  /** Whether the caller agreed to be recorded; `null` when nobody said. */
  consent: z.boolean().nullable(),
  /** What was said, if something has listened to it before the upload. */
  transcript: suppliedTranscriptSchema.optional(),
}

export const recordingMetadataSchema = z.strictObject(audioFields)

export const voicemailMetadataSchema = z.strictObject({
  ...audioFields,
  from: partySchema,
  to: partySchema,
  received_at: momentSchema,
  mailbox: z.string().max(255),
})

const remoteId = z.union([z.string(), z.int()])

/** The answer to a recording; a server may say more. */
export const recordingAnswerSchema = z.object({ phone_recording: z.looseObject({ id: remoteId }) })

/** The answer to a voicemail; a server may say more. */
export const voicemailAnswerSchema = z.object({ phone_voicemail: z.looseObject({ id: remoteId }) })

export type RecordingMetadata = z.infer<typeof recordingMetadataSchema>
export type VoicemailMetadata = z.infer<typeof voicemailMetadataSchema>

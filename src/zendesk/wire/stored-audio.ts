/** `/phone_recordings` and `/phone_voicemails`: audio that was uploaded. */
import { z } from 'zod'
import { recordingMetadataSchema, voicemailMetadataSchema } from './audio-upload.ts'
import { idSchema, pageFields } from './page.ts'
import { transcriptFields } from './transcript.ts'

export const voicemailStatuses = ['new', 'read', 'archived'] as const

const { transcript: _recordingTranscript, ...recordingFields } = recordingMetadataSchema.shape
const { transcript: _voicemailTranscript, ...voicemailFields } = voicemailMetadataSchema.shape

export const recordingSchema = z.object({
  ...recordingFields,
  id: idSchema,
  call_id: idSchema.nullable(),
  download_url: z.string(),
  ...transcriptFields,
  created_at: z.string(),
})

export const voicemailSchema = z.object({
  ...voicemailFields,
  id: idSchema,
  call_id: idSchema.nullable(),
  audio_url: z.string(),
  status: z.enum(voicemailStatuses),
  tags: z.array(z.string()),
  ticket_id: idSchema.nullable(),
  ...transcriptFields,
  created_at: z.string(),
})

export const recordingShownSchema = z.object({ phone_recording: recordingSchema })
export const recordingsShownSchema = z.object({ phone_recordings: z.array(recordingSchema), ...pageFields })
export const voicemailShownSchema = z.object({ phone_voicemail: voicemailSchema })
export const voicemailsShownSchema = z.object({ phone_voicemails: z.array(voicemailSchema), ...pageFields })

export type Recording = z.infer<typeof recordingSchema>
export type Voicemail = z.infer<typeof voicemailSchema>
export type VoicemailStatus = (typeof voicemailStatuses)[number]

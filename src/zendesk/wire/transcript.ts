/** What was said, when something has listened: a transcriber (tpe-bridge's `transcripts`), or another program. */
import { z } from 'zod'

const sentiments = ['positive', 'neutral', 'negative'] as const
export const transcriptionStatuses = ['pending', 'completed', 'failed'] as const

/** What an upload may carry in its metadata. `failed`: it was tried, and there will be no text. */
export const suppliedTranscriptSchema = z.discriminatedUnion('status', [
  z.strictObject({
    status: z.literal('completed'),
    text: z.string().max(1_000_000),
    /** BCP 47, when the transcriber told. */
    language: z.string().max(35).nullable().default(null),
    sentiment: z.enum(sentiments).nullable().default(null),
    keywords: z.array(z.string().min(1).max(100)).max(100).default([]),
  }),
  z.strictObject({ status: z.literal('failed') }),
])

/** How a call, recording or voicemail shows it: all null, and `pending`, while nobody has supplied any. */
export const transcriptFields = {
  transcription: z.string().nullable(),
  transcription_status: z.enum(transcriptionStatuses),
  sentiment: z.enum(sentiments).nullable(),
  keywords: z.array(z.string()).nullable(),
}

export type SuppliedTranscript = z.infer<typeof suppliedTranscriptSchema>

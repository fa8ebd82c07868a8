/** What was said, as calls, recordings and voicemails show it. Pure. */
import type { RecordingMetadata } from '../../wire/audio-upload.ts'
import type { SuppliedTranscript, transcriptionStatuses } from '../../wire/transcript.ts'

export interface TranscriptShown {
  readonly transcription: string | null
  readonly transcription_status: (typeof transcriptionStatuses)[number]
  readonly sentiment: 'positive' | 'neutral' | 'negative' | null
  readonly keywords: readonly string[] | null
}

const nothing = { transcription: null, sentiment: null, keywords: null }

/** Nothing, and `pending`, while nobody has supplied any. */
export function transcriptShown(supplied: SuppliedTranscript | undefined): TranscriptShown {
  if (supplied === undefined) return { ...nothing, transcription_status: 'pending' }
  if (supplied.status === 'failed') return { ...nothing, transcription_status: 'failed' }
  const { text, sentiment, keywords } = supplied
  return { transcription: text, transcription_status: 'completed', sentiment, keywords }
}

/** Of a call's audio, newest first: the newest text, else why there is none. */
export function transcriptOfAll(audio: readonly { readonly metadata: RecordingMetadata }[]): TranscriptShown {
  const supplied = audio.flatMap(({ metadata }) => metadata.transcript ?? [])
  return transcriptShown(supplied.find(({ status }) => status === 'completed') ?? supplied[0])
}

/** How recordings and voicemails are shown: the Voice API's properties, and ours beside them. Pure. */
import { voicePath } from '../../../wire/words.ts'
import type { StoredCall } from '../calls/call-log.ts'
import { transcriptShown } from '../transcript.ts'
import type { StoredRecording, StoredVoicemail } from './audio-shelf.ts'

/** Where a recording's audio is; `base` is the `http://host:port` the asker used. */
export const recordingUrl = (id: number, base: string) => `${base}${voicePath}/phone_recordings/${id}/download`

/** Where a voicemail's audio is. */
export const voicemailUrl = (id: number, base: string) => `${base}${voicePath}/phone_voicemails/${id}/audio`

export function recordingView({ id, metadata, createdAt }: StoredRecording, callId: number | null, base: string) {
  const { transcript, ...rest } = metadata
  return {
    id,
    call_id: callId,
    ...rest,
    download_url: recordingUrl(id, base),
    ...transcriptShown(transcript),
    created_at: new Date(createdAt).toISOString(),
  }
}

/** `call` is the one that left it, when known: what it is tagged with holds for its message. */
export function voicemailView(
  { id, metadata, status, ticketId, createdAt }: StoredVoicemail,
  call: StoredCall | null,
  base: string,
) {
  const { transcript, ...rest } = metadata
  return {
    id,
    call_id: call?.id ?? null,
    ...rest,
    audio_url: voicemailUrl(id, base),
    status,
    tags: call?.call.tags ?? [],
    ticket_id: ticketId,
    ...transcriptShown(transcript),
    created_at: new Date(createdAt).toISOString(),
  }
}

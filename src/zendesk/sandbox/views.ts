/** How the sandbox shows what it stores: the Voice API's properties, and ours beside them. Pure. */

import type { WireCall } from '../wire/call-event.ts'
import { voicePath } from '../wire/words.ts'
import type { StoredRecording, StoredVoicemail } from './audio.ts'
import type { StoredCall } from './calls.ts'

/** A call; `recordingId` is that of its newest recording, `base` the `http://host:port` the asker used. */
export function phoneCallView({ id, call, createdAt, updatedAt }: StoredCall, recordingId: number | null, base: string) {
  const { external_id, ...rest }: WireCall = call
  return {
    id,
    external_id,
    ...rest,
    recording_url: recordingId === null ? null : recordingUrl(recordingId, base),
    transcription: null,
    created_at: moment(createdAt),
    updated_at: moment(updatedAt),
  }
}

export function recordingView({ id, metadata, createdAt }: StoredRecording, callId: number | null, base: string) {
  const { duration, format, ...rest } = metadata
  return {
    id,
    call_id: callId,
    duration,
    format,
    download_url: recordingUrl(id, base),
    transcription_status: 'pending',
    transcription: null,
    created_at: moment(createdAt),
    ...rest,
  }
}

export function voicemailView({ id, metadata, createdAt }: StoredVoicemail, callId: number | null, base: string) {
  const { from, to, received_at, duration, ...rest } = metadata
  return {
    id,
    from,
    to,
    received_at,
    duration,
    audio_url: `${base}${voicePath}/phone_voicemails/${id}/audio`,
    transcription: null,
    status: 'new',
    tags: [],
    call_id: callId,
    created_at: moment(createdAt),
    ...rest,
  }
}

const recordingUrl = (id: number, base: string) => `${base}${voicePath}/phone_recordings/${id}/download`
const moment = (at: number) => new Date(at).toISOString()

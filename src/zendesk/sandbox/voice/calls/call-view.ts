/** How a call is shown: the Voice API's properties, and ours beside them. Pure. */

import type { StoredRecording } from '../audio/audio-shelf.ts'
import { recordingUrl } from '../audio/audio-view.ts'
import { transcriptOfAll } from '../transcript.ts'
import type { StoredCall } from './call-log.ts'

/** A call with its recordings, newest first; `base` is the `http://host:port` the asker used. */
export function phoneCallView(
  { id, call, ticketId, createdAt, updatedAt }: StoredCall,
  recordings: readonly StoredRecording[],
  base: string,
) {
  const newest = recordings[0]
  return {
    id,
    ...call,
    recording_url: newest === undefined ? null : recordingUrl(newest.id, base),
    ticket_id: ticketId,
    ...transcriptOfAll(recordings),
    created_at: new Date(createdAt).toISOString(),
    updated_at: new Date(updatedAt).toISOString(),
  }
}

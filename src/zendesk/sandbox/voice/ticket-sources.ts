/**
 * What tickets need of calls and voicemails: what they say of themselves, and being told their ticket. Reading is always of the
 * present state, so that a recording which comes after the ticket shows there.
 */
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import type { RecordingMetadata, VoicemailMetadata } from '../../wire/audio-upload.ts'
import { type AudioShelf, recordingShelf, type StoredVoicemail, voicemailShelf } from './audio/audio-shelf.ts'
import { recordingUrl, voicemailUrl } from './audio/audio-view.ts'
import { Calls, type StoredCall } from './calls/call-log.ts'
import { type TranscriptShown, transcriptOfAll, transcriptShown } from './transcript.ts'

/** A call or a voicemail, as far as a ticket is concerned. */
export interface TicketSource extends TranscriptShown {
  /** The call's; of a voicemail: that of the call that left it, when known. */
  readonly callId: number | null
  readonly voicemailId: number | null
  readonly from: string
  readonly to: string
  /** Whole seconds. */
  readonly duration: number
  /** Where the newest recording of the call, or the voicemail, can be downloaded with the token; `null`: there is none. */
  readonly audioUrl: string | null
  /** Name of that audio in the media folder. */
  readonly file: string | null
  readonly agents: readonly { readonly id: number; readonly name: string }[]
  readonly ticketId: number | null
}

export class TicketSources {
  readonly #calls: Calls
  readonly #recordings: AudioShelf<RecordingMetadata>
  readonly #voicemails: AudioShelf<VoicemailMetadata>

  constructor(db: DatabaseSyncInstance) {
    this.#calls = new Calls(db)
    this.#recordings = recordingShelf(db)
    this.#voicemails = voicemailShelf(db)
  }

  /** A call by its id; `base` is the `http://host:port` of the links. */
  call(id: number, base: string): TicketSource | null {
    const stored = this.#calls.get(id)
    return stored === null ? null : this.#ofCall(stored, base)
  }

  /** A voicemail by its id; `deleted` when it was. */
  voicemail(id: number, base: string): TicketSource | 'deleted' | null {
    const stored = this.#voicemails.get(id)
    if (stored === null) return null
    return stored.deleted ? 'deleted' : this.#ofVoicemail(stored, base)
  }

  /** Says which ticket is the call's. For use inside a transaction. */
  ticketCall(id: number, ticketId: number): void {
    this.#calls.setTicket(id, ticketId)
  }

  /** Says which ticket is the voicemail's, and archives it. For use inside a transaction. */
  ticketVoicemail(id: number, ticketId: number): void {
    this.#voicemails.setTicket(id, ticketId)
    this.#voicemails.advance(id, 'archived')
  }

  #ofCall({ id, call, ticketId }: StoredCall, base: string): TicketSource {
    const recordings = this.#recordings.ofCall(call.external_id)
    const newest = recordings[0]
    return {
      callId: id,
      voicemailId: null,
      from: call.from,
      to: call.to,
      duration: call.duration,
      audioUrl: newest === undefined ? null : recordingUrl(newest.id, base),
      file: newest?.file ?? null,
      agents: call.agents.map(({ id: agentId, name }) => ({ id: agentId, name })),
      ticketId,
      ...transcriptOfAll(recordings),
    }
  }

  #ofVoicemail({ id, metadata, file, ticketId }: StoredVoicemail, base: string): TicketSource {
    const { external_call_id, from, to, duration, transcript } = metadata
    const call = this.#calls.find(external_call_id)
    return {
      callId: call?.id ?? null,
      voicemailId: id,
      from,
      to,
      duration,
      audioUrl: voicemailUrl(id, base),
      file,
      agents: (call?.call.agents ?? []).map(({ id: agentId, name }) => ({ id: agentId, name })),
      ticketId,
      ...transcriptShown(transcript),
    }
  }
}

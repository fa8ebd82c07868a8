/** `/phone_recordings`: the audio of calls. */
import type { Id } from '../wire/page.ts'
import { type Recording, recordingShownSchema, recordingsShownSchema } from '../wire/stored-audio.ts'
import type { AudioDownload } from './audio-download.ts'
import { type Listing, PagedListing, type PageSize } from './listing.ts'
import { segment, type VoiceRequests } from './voice-requests.ts'

const path = '/phone_recordings'

/** Each method throws a VoiceFailure, or the signal's reason. What was deleted is 410 `Recording not available`. */
export class Recordings {
  readonly #requests: VoiceRequests

  constructor(requests: VoiceRequests) {
    this.#requests = requests
  }

  /** `GET /phone_recordings`; those of one call: `PhoneCalls.recordings`. */
  list(query: PageSize, signal: AbortSignal): Listing<Recording> {
    return new PagedListing(
      this.#requests,
      {
        path,
        query,
        schema: recordingsShownSchema,
        pageOf: ({ phone_recordings: items, count, next_page: nextPage }) => ({ items, count, nextPage }),
      },
      signal,
    )
  }

  /** `GET /phone_recordings/{id}` */
  async get(id: Id, signal: AbortSignal): Promise<Recording> {
    const request = { method: 'GET', path: `${path}/${segment(id)}`, signal } as const
    return (await this.#requests.ask(request, recordingShownSchema)).phone_recording
  }

  /** `GET /phone_recordings/{id}/download`, streamed: memory stays flat for a recording of any length. */
  download(id: Id, signal: AbortSignal): Promise<AudioDownload> {
    return this.#requests.download(`${path}/${segment(id)}/download`, signal)
  }

  /** `DELETE /phone_recordings/{id}` */
  delete(id: Id, signal: AbortSignal): Promise<void> {
    return this.#requests.command({ method: 'DELETE', path: `${path}/${segment(id)}`, signal })
  }
}

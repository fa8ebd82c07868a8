/** `/phone_voicemails`: messages that callers left. */
import type { Id } from '../wire/page.ts'
import { type Voicemail, type VoicemailStatus, voicemailShownSchema, voicemailsShownSchema } from '../wire/stored-audio.ts'
import type { AudioDownload } from './audio-download.ts'
import { type Listing, PagedListing, type PageSize } from './listing.ts'
import { segment, type VoiceRequests } from './voice-requests.ts'

const path = '/phone_voicemails'

export interface VoicemailFilter extends PageSize {
  /** Only these. */
  readonly filter?: VoicemailStatus
}

/** Each method throws a VoiceFailure, or the signal's reason. What was deleted is 410. */
export class Voicemails {
  readonly #requests: VoiceRequests

  constructor(requests: VoiceRequests) {
    this.#requests = requests
  }

  /** `GET /phone_voicemails`, `?filter=new` */
  list(filter: VoicemailFilter, signal: AbortSignal): Listing<Voicemail> {
    return new PagedListing(
      this.#requests,
      {
        path,
        query: filter,
        schema: voicemailsShownSchema,
        pageOf: ({ phone_voicemails: items, count, next_page: nextPage }) => ({ items, count, nextPage }),
      },
      signal,
    )
  }

  /** `GET /phone_voicemails/{id}` */
  async get(id: Id, signal: AbortSignal): Promise<Voicemail> {
    const request = { method: 'GET', path: `${path}/${segment(id)}`, signal } as const
    return (await this.#requests.ask(request, voicemailShownSchema)).phone_voicemail
  }

  /** `GET /phone_voicemails/{id}/audio`, streamed. */
  audio(id: Id, signal: AbortSignal): Promise<AudioDownload> {
    return this.#requests.download(`${path}/${segment(id)}/audio`, signal)
  }

  /** `DELETE /phone_voicemails/{id}` */
  delete(id: Id, signal: AbortSignal): Promise<void> {
    return this.#requests.command({ method: 'DELETE', path: `${path}/${segment(id)}`, signal })
  }
}

/** `/phone_calls`: the call log, what a period amounts to, and the recordings of a call. */
import type { Id } from '../wire/page.ts'
import {
  type CallMetrics,
  type PhoneCall,
  type PhoneCallFilter,
  phoneCallAnswerSchema,
  phoneCallsAnswerSchema,
} from '../wire/phone-call.ts'
import { type Recording, recordingsShownSchema } from '../wire/stored-audio.ts'
import { type Listing, type Page, PagedListing, type PageSize } from './listing.ts'
import { segment, type VoiceRequests } from './voice-requests.ts'

const path = '/phone_calls'

/** A page of calls; `metrics` are those of all pages. */
export interface CallPage extends Page<PhoneCall> {
  readonly metrics: CallMetrics
}

/** Each method throws a VoiceFailure, or the signal's reason. */
export class PhoneCalls {
  readonly #requests: VoiceRequests

  constructor(requests: VoiceRequests) {
    this.#requests = requests
  }

  /** `GET /phone_calls`, by agent and period where asked; `page()` has the period's metrics beside the calls. */
  list(filter: PhoneCallFilter, signal: AbortSignal): Listing<PhoneCall, CallPage> {
    return new PagedListing(
      this.#requests,
      {
        path,
        query: filter,
        schema: phoneCallsAnswerSchema,
        pageOf: ({ phone_calls: items, count, next_page: nextPage, metrics }) => ({ items, count, nextPage, metrics }),
      },
      signal,
    )
  }

  /** `GET /phone_calls/{id}` */
  async get(id: Id, signal: AbortSignal): Promise<PhoneCall> {
    const request = { method: 'GET', path: `${path}/${segment(id)}`, signal } as const
    return (await this.#requests.ask(request, phoneCallAnswerSchema)).phone_call
  }

  /** `GET /phone_calls/{id}/recordings` */
  recordings(id: Id, query: PageSize, signal: AbortSignal): Listing<Recording> {
    return new PagedListing(
      this.#requests,
      {
        path: `${path}/${segment(id)}/recordings`,
        query,
        schema: recordingsShownSchema,
        pageOf: ({ phone_recordings: items, count, next_page: nextPage }) => ({ items, count, nextPage }),
      },
      signal,
    )
  }
}

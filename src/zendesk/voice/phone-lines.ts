/** `/phone_lines`: phone numbers by location or team. */
import type { Id } from '../wire/page.ts'
import {
  type NewPhoneLine,
  type PhoneLine,
  type PhoneLineChange,
  phoneLineAnswerSchema,
  phoneLinesAnswerSchema,
} from '../wire/phone-line.ts'
import { type Listing, PagedListing, type PageSize } from './listing.ts'
import { type Creation, segment, type VoiceRequests } from './voice-requests.ts'

const path = '/phone_lines'

/** Each method throws a VoiceFailure, or the signal's reason. */
export class PhoneLines {
  readonly #requests: VoiceRequests

  constructor(requests: VoiceRequests) {
    this.#requests = requests
  }

  /** `GET /phone_lines` */
  list(query: PageSize, signal: AbortSignal): Listing<PhoneLine> {
    return new PagedListing(
      this.#requests,
      {
        path,
        query,
        schema: phoneLinesAnswerSchema,
        pageOf: ({ phone_lines: items, count, next_page: nextPage }) => ({ items, count, nextPage }),
      },
      signal,
    )
  }

  /** `POST /phone_lines` */
  async create(phoneLine: NewPhoneLine, signal: AbortSignal, creation: Creation = {}): Promise<PhoneLine> {
    const request = { method: 'POST', path, body: { phone_line: phoneLine }, signal, ...creation } as const
    return (await this.#requests.ask(request, phoneLineAnswerSchema)).phone_line
  }

  /** `GET /phone_lines/{id}` */
  async get(id: Id, signal: AbortSignal): Promise<PhoneLine> {
    const request = { method: 'GET', path: `${path}/${segment(id)}`, signal } as const
    return (await this.#requests.ask(request, phoneLineAnswerSchema)).phone_line
  }

  /** `PUT /phone_lines/{id}`: what is left out stays. */
  async update(id: Id, change: PhoneLineChange, signal: AbortSignal): Promise<PhoneLine> {
    const request = { method: 'PUT', path: `${path}/${segment(id)}`, body: { phone_line: change }, signal } as const
    return (await this.#requests.ask(request, phoneLineAnswerSchema)).phone_line
  }

  /** `DELETE /phone_lines/{id}`: a line that still has numbers is refused (409). */
  delete(id: Id, signal: AbortSignal): Promise<void> {
    return this.#requests.command({ method: 'DELETE', path: `${path}/${segment(id)}`, signal })
  }
}

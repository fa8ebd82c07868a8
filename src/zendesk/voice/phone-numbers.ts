/** `/phone_numbers`: the numbers that callers dial. What a number does with a call is in ivr.ts. */
import type { Id } from '../wire/page.ts'
import {
  type NewPhoneNumber,
  type PhoneNumber,
  type PhoneNumberChange,
  phoneNumberAnswerSchema,
  phoneNumbersAnswerSchema,
} from '../wire/phone-number.ts'
import { type Listing, PagedListing, type PageSize } from './listing.ts'
import { type Creation, segment, type VoiceRequests } from './voice-requests.ts'

const path = '/phone_numbers'

/** Each method throws a VoiceFailure, or the signal's reason. */
export class PhoneNumbers {
  readonly #requests: VoiceRequests

  constructor(requests: VoiceRequests) {
    this.#requests = requests
  }

  /** `GET /phone_numbers` */
  list(query: PageSize, signal: AbortSignal): Listing<PhoneNumber> {
    return new PagedListing(
      this.#requests,
      {
        path,
        query,
        schema: phoneNumbersAnswerSchema,
        pageOf: ({ phone_numbers: items, count, next_page: nextPage }) => ({ items, count, nextPage }),
      },
      signal,
    )
  }

  /** `POST /phone_numbers`. A number that is not E.164 is refused (422 `Invalid phone number`), one that exists, too (409). */
  async create(phoneNumber: NewPhoneNumber, signal: AbortSignal, creation: Creation = {}): Promise<PhoneNumber> {
    const request = { method: 'POST', path, body: { phone_number: phoneNumber }, signal, ...creation } as const
    return (await this.#requests.ask(request, phoneNumberAnswerSchema)).phone_number
  }

  /** `GET /phone_numbers/{id}` */
  async get(id: Id, signal: AbortSignal): Promise<PhoneNumber> {
    const request = { method: 'GET', path: `${path}/${segment(id)}`, signal } as const
    return (await this.#requests.ask(request, phoneNumberAnswerSchema)).phone_number
  }

  /** `PUT /phone_numbers/{id}`: what is left out stays. */
  async update(id: Id, change: PhoneNumberChange, signal: AbortSignal): Promise<PhoneNumber> {
    const request = { method: 'PUT', path: `${path}/${segment(id)}`, body: { phone_number: change }, signal } as const
    return (await this.#requests.ask(request, phoneNumberAnswerSchema)).phone_number
  }

  /** `DELETE /phone_numbers/{id}` */
  delete(id: Id, signal: AbortSignal): Promise<void> {
    return this.#requests.command({ method: 'DELETE', path: `${path}/${segment(id)}`, signal })
  }
}

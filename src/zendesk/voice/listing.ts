/**
 * Lists of the Voice API, page by page: an async iterator over everything, or one page with what it says of the whole.
 *
 * `next_page` is an address that the far side chose, so it is held to the list it belongs to: another server, another path, a page
 * that was there before, or more pages than anyone needs end the walk with an UnexpectedAnswer.
 */
import type { z } from 'zod'
import { UnexpectedAnswer } from './voice-failure.ts'
import type { VoiceRequests } from './voice-requests.ts'

/** A million entries at the default of 100 a page. */
const pageLimit = 10_000

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[]
  /** How many there are on all pages. */
  readonly count: number
  /** The address of the next page; `null` on the last one. */
  readonly nextPage: string | null
}

/** How many a page may have, 1 to 1000; 100 unless said. */
export interface PageSize {
  readonly limit?: number
}

/** A list that has not been asked for yet: every walk and every page asks anew. */
export interface Listing<T, P extends Page<T> = Page<T>> extends AsyncIterable<T> {
  /** The first page: what it says of the whole holds for all pages. */
  page(): Promise<P>
  /** Page after page. */
  pages(): AsyncIterable<P>
}

interface ListingSpec<Answer, P> {
  readonly path: string
  readonly query: object
  readonly schema: z.ZodType<Answer>
  /** The page within an answer. */
  readonly pageOf: (answer: Answer) => P
}

export class PagedListing<Answer, T, P extends Page<T> = Page<T>> implements Listing<T, P> {
  readonly #requests: VoiceRequests
  readonly #spec: ListingSpec<Answer, P>
  readonly #signal: AbortSignal

  constructor(requests: VoiceRequests, spec: ListingSpec<Answer, P>, signal: AbortSignal) {
    this.#requests = requests
    this.#spec = spec
    this.#signal = signal
  }

  /** Every entry, newest first; the next page is asked for when the one before is used up. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for await (const page of this.pages()) yield* page.items
  }

  page(): Promise<P> {
    return this.#read(search(this.#spec.query))
  }

  async *pages(): AsyncGenerator<P> {
    const seen = new Set<string>()
    let query: string | null = search(this.#spec.query)
    while (query !== null) {
      if (seen.has(query)) throw this.#strange(query, 'leads back to a page that was there before')
      if (seen.size === pageLimit) throw this.#strange(query, `goes on after ${pageLimit} pages: ask for a shorter period`)
      seen.add(query)
      const page: P = await this.#read(query)
      yield page
      query = page.nextPage === null ? null : this.#follow(query, page.nextPage)
    }
  }

  async #read(query: string): Promise<P> {
    const { path, schema, pageOf } = this.#spec
    const answer = await this.#requests.ask({ method: 'GET', path: `${path}${query}`, signal: this.#signal }, schema)
    return pageOf(answer)
  }

  /** The query of the next page, if it is a page of this list. */
  #follow(query: string, nextPage: string): string {
    const here = new URL(this.#requests.url(this.#spec.path))
    if (!URL.canParse(nextPage, here.href)) throw this.#strange(query, 'is no address')
    const next = new URL(nextPage, here)
    if (next.origin !== here.origin || next.pathname !== here.pathname) {
      throw this.#strange(query, 'leads away from this list, and the token is not sent there')
    }
    return next.search
  }

  #strange(query: string, what: string): UnexpectedAnswer {
    const asked = { method: 'GET', url: this.#requests.url(`${this.#spec.path}${query}`) }
    return new UnexpectedAnswer(asked, 200, 'next_page', what, false)
  }
}

/** `?a=1&b=2` of the values that are there; empty without any. */
function search(query: object): string {
  const values = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(String(value))}`],
  )
  return values.length === 0 ? '' : `?${values.join('&')}`
}

/**
 * Pages of stored events, read and serialised once however many clients follow. Clients that are up to date all stand at
 * the same event and ask the same question when a new one is stored; the first one's answer serves all.
 *
 * Why an answer may be shared: what comes after an event never changes, it only grows. So a page with events in it stays true
 * for ever; an empty one only until something more is stored, hence the version.
 */
import type { CallEvent } from '../events/event.ts'
import { viewEvent } from './call-view.ts'

/** Stored events, in the order in which they were stored. Ids are as a client sent them. */
export interface StoredEvents {
  /** At most `limit` events after the named one, oldest first; from the oldest on for `null`. `null`: no such event is stored. */
  eventsAfter(id: string | null, limit: number): Promise<readonly CallEvent[] | null>
  /** The last one stored; `null` when there is none. */
  newestEventId(): Promise<string | null>
}

/** An event as it goes over the wire. */
export interface FeedMessage {
  readonly id: string
  readonly json: string
}
export type FeedPage = readonly FeedMessage[]

interface Answer {
  readonly version: number
  readonly page: Promise<FeedPage | null>
  lasting: boolean
}

const eventsPerPage = 100
const answersKept = 8

export class FeedPages {
  readonly #stored: StoredEvents
  readonly #answers = new Map<string | null, Answer>()

  constructor(stored: StoredEvents) {
    this.#stored = stored
  }

  /**
   * The next events after `cursor`, at most a hundred; none when it is the newest; `null` when no such event is stored.
   * `version` counts the times that something was stored: an answer is as new as that. Rejects when the store does.
   */
  after(cursor: string | null, version: number): Promise<FeedPage | null> {
    const known = this.#answers.get(cursor)
    if (known !== undefined && (known.lasting || known.version === version)) return known.page
    const answer: Answer = { version, page: this.#read(cursor), lasting: false }
    this.#keep(cursor, answer)
    answer.page.then(
      page => {
        answer.lasting = page !== null && page.length > 0
      },
      () => {
        if (this.#answers.get(cursor) === answer) this.#answers.delete(cursor)
      },
    )
    return answer.page
  }

  #keep(cursor: string | null, answer: Answer): void {
    this.#answers.delete(cursor)
    this.#answers.set(cursor, answer)
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= answersKept) break
      this.#answers.delete(oldest)
    }
  }

  async #read(cursor: string | null): Promise<FeedPage | null> {
    const events = await this.#stored.eventsAfter(cursor, eventsPerPage)
    return events?.map(event => ({ id: event.id, json: JSON.stringify(viewEvent(event)) })) ?? null
  }
}

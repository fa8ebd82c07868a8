/** `/phone_queues`: callers that wait, the agents they wait for, and how that went. */
import type { Id } from '../wire/page.ts'
import {
  memberAnswerSchema,
  membersAnswerSchema,
  type NewQueue,
  type Queue,
  type QueueAnalytics,
  type QueueChange,
  type QueueMember,
  queueAnalyticsSchema,
  queueAnswerSchema,
  queuesAnswerSchema,
} from '../wire/queue.ts'
import { type Listing, PagedListing, type PageSize } from './listing.ts'
import { type Creation, segment, type VoiceRequests } from './voice-requests.ts'

const path = '/phone_queues'

/** Each method throws a VoiceFailure, or the signal's reason. */
export class Queues {
  readonly #requests: VoiceRequests

  constructor(requests: VoiceRequests) {
    this.#requests = requests
  }

  /** `GET /phone_queues` */
  list(query: PageSize, signal: AbortSignal): Listing<Queue> {
    return new PagedListing(
      this.#requests,
      {
        path,
        query,
        schema: queuesAnswerSchema,
        pageOf: ({ phone_queues: items, count, next_page: nextPage }) => ({ items, count, nextPage }),
      },
      signal,
    )
  }

  /** `POST /phone_queues` */
  async create(queue: NewQueue, signal: AbortSignal, creation: Creation = {}): Promise<Queue> {
    const request = { method: 'POST', path, body: { phone_queue: queue }, signal, ...creation } as const
    return (await this.#requests.ask(request, queueAnswerSchema)).phone_queue
  }

  /** `GET /phone_queues/{id}` */
  async get(id: Id, signal: AbortSignal): Promise<Queue> {
    return (await this.#requests.ask({ method: 'GET', path: pathOf(id), signal }, queueAnswerSchema)).phone_queue
  }

  /** `PUT /phone_queues/{id}`: what is left out stays; members are replaced as a whole. */
  async update(id: Id, change: QueueChange, signal: AbortSignal): Promise<Queue> {
    const request = { method: 'PUT', path: pathOf(id), body: { phone_queue: change }, signal } as const
    return (await this.#requests.ask(request, queueAnswerSchema)).phone_queue
  }

  /** `DELETE /phone_queues/{id}`: one that a number or a menu leads to is refused (409). */
  delete(id: Id, signal: AbortSignal): Promise<void> {
    return this.#requests.command({ method: 'DELETE', path: pathOf(id), signal })
  }

  /** `GET /phone_queues/{id}/members` */
  async members(id: Id, signal: AbortSignal): Promise<readonly QueueMember[]> {
    return (await this.#requests.ask({ method: 'GET', path: `${pathOf(id)}/members`, signal }, membersAnswerSchema)).members
  }

  /** `POST /phone_queues/{id}/members` */
  async addMember(id: Id, agentId: number, signal: AbortSignal, creation: Creation = {}): Promise<QueueMember> {
    const body = { member: { agent_id: agentId } }
    const request = { method: 'POST', path: `${pathOf(id)}/members`, body, signal, ...creation } as const
    return (await this.#requests.ask(request, memberAnswerSchema)).member
  }

  /** `DELETE /phone_queues/{id}/members/{agent_id}` */
  removeMember(id: Id, agentId: number, signal: AbortSignal): Promise<void> {
    return this.#requests.command({ method: 'DELETE', path: `${pathOf(id)}/members/${segment(agentId)}`, signal })
  }

  /** `GET /phone_queues/{id}/analytics` */
  analytics(id: Id, signal: AbortSignal): Promise<QueueAnalytics> {
    return this.#requests.ask({ method: 'GET', path: `${pathOf(id)}/analytics`, signal }, queueAnalyticsSchema)
  }
}

const pathOf = (id: Id) => `${path}/${segment(id)}`

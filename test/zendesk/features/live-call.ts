/** A call as the bridge would report it, event by event. */
import type { PhoneCallEventAnswer, PhoneCallEventBody, WireCall } from '../../../src/zendesk/wire/call-event.ts'

type Event = PhoneCallEventBody['phone_call_event']
type Accepted = PhoneCallEventAnswer['phone_call_event']

/** What is particular about a call; the rest is ordinary. Times in seconds. */
export interface MadeCall extends Partial<Pick<WireCall, 'from' | 'to' | 'direction' | 'agents' | 'tags' | 'queue'>> {
  /** After midnight of its day; 9 hours unless said. */
  readonly startsAt?: number
  /** `2024-02-01`; a day of its own unless said. */
  readonly day?: string
}

const alice = { id: 35_436, extension: '1001', name: 'Alice' }

export class LiveCall {
  readonly externalId: string
  readonly #report: (event: Event) => Promise<Accepted>
  readonly #startedAt: number
  #call: WireCall
  #sequence = 0
  #event: Event | null = null
  #accepted: Accepted | null = null

  constructor(externalId: string, day: string, made: MadeCall, report: (event: Event) => Promise<Accepted>) {
    const { startsAt = 9 * 3600, day: onDay = day, ...given } = made
    this.externalId = externalId
    this.#report = report
    this.#startedAt = Date.parse(onDay) + startsAt * 1000
    this.#call = {
      external_id: externalId,
      from: '+14155550100',
      to: '1001',
      direction: 'inbound',
      status: null,
      reason: null,
      started_at: this.#moment(0),
      answered_at: null,
      ended_at: null,
      duration: 0,
      wait_time: 0,
      hold_time: 0,
      agents: [],
      tags: [],
      legs: [],
      ...given,
    }
  }

  /** What the server said to the newest event. */
  get accepted(): Accepted {
    if (this.#accepted === null) throw new Error('the call has not been reported yet')
    return this.#accepted
  }

  /** Of the call log. */
  get id(): Accepted['phone_call_id'] {
    return this.accepted.phone_call_id
  }

  /** The newest event once more, as after a lost answer. */
  repeat(): Promise<Accepted> {
    if (this.#event === null) throw new Error('the call has not been reported yet')
    return this.#report(this.#event)
  }

  /** `call.started`, with what the server answered. */
  start(): Promise<Accepted> {
    return this.#tell('call.started', 0)
  }

  /** `call.answered`, by Alice unless the call has agents, after `wait` seconds. */
  answer(wait = 5): Promise<Accepted> {
    const agents = this.#call.agents.length === 0 ? [alice] : this.#call.agents
    this.#call = { ...this.#call, agents, answered_at: this.#moment(wait), wait_time: wait }
    return this.#tell('call.answered', wait)
  }

  /** `call.ended` after `duration` seconds of talking (60) or waiting; `connected` when it was answered, else as said. */
  end({ duration = 60, status = 'missed' }: { duration?: number; status?: 'missed' | 'abandoned' } = {}): Promise<Accepted> {
    const answered = this.#call.answered_at !== null
    const after = answered ? this.#call.wait_time + duration : duration
    this.#call = {
      ...this.#call,
      status: answered ? 'connected' : status,
      reason: answered ? 'completed' : status === 'missed' ? 'no-answer' : 'caller-hung-up',
      ended_at: this.#moment(after),
      duration: answered ? duration : 0,
      wait_time: answered ? this.#call.wait_time : duration,
    }
    return this.#tell('call.ended', after)
  }

  async #tell(type: Event['type'], after: number): Promise<Accepted> {
    this.#sequence += 1
    const sequence = this.#sequence
    const id = `${this.externalId}.${type}.${sequence}`
    const event: Event = { id, type, sequence, occurred_at: this.#moment(after), site: 'hq', call: this.#call }
    const accepted = await this.#report(event)
    this.#event = event
    this.#accepted = accepted
    return accepted
  }

  #moment(after: number): string {
    return new Date(this.#startedAt + after * 1000).toISOString()
  }
}

/** A sink that a test scripts. The sink interface is the outbox's border, so this is a peer, not a stub of ours. */
import type { Delivery, DeliveryResult, Sink } from '../../src/uploads/sink.ts'

export type Answer = (delivery: Delivery, signal: AbortSignal) => DeliveryResult | Promise<DeliveryResult>

export const delivered: DeliveryResult = { kind: 'delivered', remoteId: 'z1' }

export class ScriptedSink implements Sink {
  readonly name = 'scripted'
  /** Every attempt, in order of arrival, by key. */
  readonly attempts: string[] = []
  /** Keys that were acknowledged, in that order. */
  readonly acknowledged: string[] = []
  readonly deliveries: Delivery[] = []
  inFlight = 0
  mostInFlight = 0
  readonly #answers = new Map<string, Answer[]>()
  readonly #otherwise: Answer

  /** Answers `otherwise` to whatever is not scripted. */
  constructor(otherwise: Answer = () => delivered) {
    this.#otherwise = otherwise
  }

  /** Answers the next deliveries of this key one after the other, and then as otherwise. */
  script(key: string, ...answers: readonly Answer[]): this {
    this.#answers.set(key, [...answers])
    return this
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> {
    const key = delivery.idempotencyKey
    this.attempts.push(key)
    this.deliveries.push(delivery)
    this.inFlight++
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight)
    try {
      const answer = this.#answers.get(key)?.shift() ?? this.#otherwise
      const result = await answer(delivery, signal)
      if (result.kind === 'delivered') this.acknowledged.push(key)
      return result
    } finally {
      this.inFlight--
    }
  }
}

/** Answers when the test says so. */
export class Gate {
  readonly #waiting: (() => void)[] = []
  #open = false

  readonly answer: Answer = async () => {
    if (!this.#open) await new Promise<void>(resolve => this.#waiting.push(resolve))
    return delivered
  }

  open(): void {
    this.#open = true
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** Never answers; ends when aborted, as a well-behaved client does. */
export const hang: Answer = (_delivery, signal) =>
  new Promise(resolve => {
    const end = (): void => resolve({ kind: 'retry', reason: 'aborted', afterMs: null })
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
  })

/** All calls of the office, followed as a bridge would: signals come in the order given, and time passes when a test says so. */
import { type Call, isOver } from '../../src/events/call.ts'
import type { CallEvent, CallId } from '../../src/events/event.ts'
import { FollowedCalls, type FollowedStep, patienceOf } from '../../src/events/followed-calls.ts'
import { callIdOf } from '../../src/events/ids.ts'
import type { CallSignal } from '../../src/events/signal.ts'
import { office } from './office.ts'

export class WatchedOffice {
  readonly events: CallEvent[] = []
  readonly steps: FollowedStep[] = []
  readonly #followed = new FollowedCalls({
    context: office,
    patience: patienceOf({ unansweredAfterMs: 300_000, orphanAfterMs: 14_400_000 }),
    maxEnded: 1000,
    onNewcomer: () => {},
    onStep: followed => {
      this.steps.push(followed)
      this.events.push(...followed.step.events)
    },
  })

  see(...signals: readonly CallSignal[]): this {
    for (const signal of signals) this.#followed.take(signal, signal.at)
    return this
  }

  /** Time passes, and nothing is heard. */
  wait(until: number): this {
    for (const due of this.#followed.due(until, 1000)) {
      if (due.lane === 'ended') this.#followed.forget(due.id)
      else this.#followed.expire(due, until)
    }
    return this
  }

  /** The calls that were told of, in the order of their first event. */
  get calls(): readonly CallId[] {
    return [...new Set(this.events.map(({ callId }) => callId))]
  }

  /** All calls that are not over. */
  get live(): readonly Call[] {
    return this.calls.flatMap(id => this.#followed.get(id) ?? []).filter(call => !isOver(call))
  }

  /** Another office that goes on from the text of all calls, as from a store. */
  restarted(): WatchedOffice {
    const next = new WatchedOffice()
    const newestFirst = this.steps.toReversed().map(({ step }) => step.call?.id)
    const all = [...new Set(newestFirst)].flatMap(id => (id === undefined ? [] : (this.#followed.get(id) ?? [])))
    for (const call of all) next.#followed.keep(JSON.parse(JSON.stringify(call)), call.lastSignalAt)
    return next
  }

  get open(): number {
    return this.#followed.open
  }

  /** What is known of the call that a SIP call is part of. */
  of(sipCallId: string): Call {
    const call = this.#followed.of(sipCallId)
    if (call === undefined) throw new Error(`no call has ${sipCallId}`)
    return call
  }

  /** The events of the call that began with this SIP call. */
  eventsOf(sipCallId: string): readonly CallEvent[] {
    return this.events.filter(({ callId }) => callId === callIdOf(sipCallId))
  }
}

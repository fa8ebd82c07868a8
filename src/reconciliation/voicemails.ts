/**
 * The voicemails of the time, by caller: a call that a mailbox answered looks answered to the trunk, and leaves a voicemail instead
 * of a recording.
 */
import type { CallSnapshot } from '../events/event.ts'
import type { VoicemailItem } from '../events/recording.ts'
import { numberTail } from './number-tail.ts'

/** A PBX writes the time of the message with whole seconds, and when it begins or ends to record it. */
const toleranceMs = 10_000
/** Some 100 bytes each. */
const most = 200_000

export class Voicemails {
  readonly #byCaller = new Map<string, number[]>()
  #size = 0

  add({ from, receivedAt }: VoicemailItem): void {
    if (this.#size >= most) return
    this.#size += 1
    const caller = numberTail(from)
    const times = this.#byCaller.get(caller)
    if (times === undefined) this.#byCaller.set(caller, [receivedAt])
    else times.push(receivedAt)
  }

  /** Whether the caller left a message during the call. */
  wasLeftIn(call: CallSnapshot): boolean {
    const since = call.startedAt - toleranceMs
    const until = (call.endedAt ?? Number.POSITIVE_INFINITY) + toleranceMs
    return (this.#byCaller.get(numberTail(call.from)) ?? []).some(at => at >= since && at <= until)
  }
}

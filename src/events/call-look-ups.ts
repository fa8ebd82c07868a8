/**
 * Signals of calls that are not in memory wait here while the journal is asked for their call: it ended long ago, another bridge
 * follows it, it began before the bridge did, or its INVITE is a little late and comes meanwhile.
 */
import type { Call } from './call.ts'
import type { EventLog } from './log.ts'
import type { CallSignal } from './signal.ts'

export interface CallLookUpsOptions {
  readonly findCall: (sipCallId: string) => Promise<Call | null>
  readonly log: EventLog
  /** Called once for each look-up, with the signals that came meanwhile; `null` when there is no such call, or none could be read. */
  readonly onResult: (signals: readonly CallSignal[], found: Call | null) => void
}

const maxLookUps = 1000
const maxSignals = 32

export class CallLookUps {
  readonly counters = { lookUps: 0, lookUpFailures: 0 }
  readonly #options: CallLookUpsOptions
  readonly #waiting = new Map<string, CallSignal[]>()

  constructor(options: CallLookUpsOptions) {
    this.#options = options
  }

  /** Returns false when too much waits already: the signal is not taken. */
  add(signal: CallSignal): boolean {
    const { sipCallId } = signal
    const waiting = this.#waiting.get(sipCallId)
    if (waiting !== undefined) return waiting.length < maxSignals && waiting.push(signal) > 0
    if (this.#waiting.size >= maxLookUps) return false
    const signals = [signal]
    this.#waiting.set(sipCallId, signals)
    void this.#find(sipCallId, signals)
    return true
  }

  async #find(sipCallId: string, signals: readonly CallSignal[]): Promise<void> {
    this.counters.lookUps += 1
    let found: Call | null = null
    try {
      found = await this.#options.findCall(sipCallId)
    } catch (error) {
      this.counters.lookUpFailures += 1
      this.#options.log.warn({ err: error, sipCallId }, 'call could not be looked up')
    }
    this.#waiting.delete(sipCallId)
    this.#options.onResult(signals, found)
  }
}

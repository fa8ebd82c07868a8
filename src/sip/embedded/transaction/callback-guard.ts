/** Calls into code that is not the layer's own: whatever it throws is a bug of ours, is logged and counted, and signalling goes on. */
import type { SipCounters } from '../sip-counters.ts'
import type { SipLog } from '../sip-log.ts'

export class CallbackGuard {
  readonly #counters: SipCounters
  readonly #log: SipLog

  constructor(counters: SipCounters, log: SipLog) {
    this.#counters = counters
    this.#log = log
  }

  /** What the call returned; `undefined` when it threw. */
  run<T>(callback: string, call: () => T): T | undefined {
    try {
      return call()
    } catch (error) {
      this.#counters.userErrors++
      this.#log.error({ err: error, callback }, 'sip callback failed')
      return undefined
    }
  }
}

/** A journal in memory that a test scripts: it can be slow, refuse, and be opened again by the next tracker. */
import type { Call } from '../../src/events/call.ts'
import type { CallEvent } from '../../src/events/event.ts'
import type { CallChange, CallJournal } from '../../src/events/journal.ts'

export class ScriptedJournal implements CallJournal {
  /** Appends to refuse from now on. */
  refusals = 0
  /** While set, appends and look-ups wait for it. */
  gate: Promise<void> | null = null
  readonly batches: (readonly CallChange[])[] = []
  readonly events: CallEvent[] = []
  concurrent = 0
  maxConcurrent = 0
  lookUps = 0
  readonly #calls = new Map<string, { text: string; ended: boolean }>()
  readonly #owners = new Map<string, string>()
  readonly #eventIds = new Set<string>()

  async append(changes: readonly CallChange[]): Promise<void> {
    this.concurrent += 1
    this.maxConcurrent = Math.max(this.maxConcurrent, this.concurrent)
    try {
      await (this.gate ?? Promise.resolve())
      if (this.refusals > 0) {
        this.refusals -= 1
        throw new Error('database or disk is full')
      }
      this.batches.push(changes)
      for (const { call, events, keys, ended } of changes) {
        for (const key of keys) this.#owners.set(key, call.id)
        this.#calls.set(call.id, { text: JSON.stringify(call), ended })
        for (const event of events) {
          if (this.#eventIds.has(event.id)) continue
          this.#eventIds.add(event.id)
          this.events.push(event)
        }
      }
    } finally {
      this.concurrent -= 1
    }
  }

  async openCalls(): Promise<readonly Call[]> {
    return [...this.#calls.values()].filter(({ ended }) => !ended).map(({ text }) => JSON.parse(text))
  }

  async findCall(sipCallId: string): Promise<Call | null> {
    this.lookUps += 1
    await (this.gate ?? Promise.resolve())
    const stored = this.#calls.get(this.#owners.get(`sip:${sipCallId}`) ?? '')
    return stored === undefined ? null : JSON.parse(stored.text)
  }
}

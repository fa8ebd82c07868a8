/**
 * The transition, in figures: what the old system's records say of a time, beside what the bridge reported of it, by day or site, and
 * which calls only one of them has. Calls between extensions never reach the trunk, so they are counted and not compared.
 */
import type { CallSnapshot } from '../../events/event.ts'

/** One side's calls of one day or site. Times in ms. */
export interface Figures {
  readonly calls: number
  readonly answered: number
  /** 0 … 1; `null` without calls. */
  readonly answerRate: number | null
  /** From the start to the answer, of answered calls; `null` without any. */
  readonly averageWaitMs: number | null
  readonly withRecording: number
}

export interface ReportRow {
  /** `2026-11-22`, or a site's name. */
  readonly group: string
  readonly records: Figures
  readonly bridge: Figures
}

export interface MissingCall {
  readonly startedAt: number
  readonly from: string
  readonly to: string
  readonly direction: CallSnapshot['direction']
  readonly status: string | null
  /** Where the record stands, or the bridge's id of the call. */
  readonly where: string
}

export interface TransitionReport {
  readonly rows: readonly ReportRow[]
  readonly total: ReportRow
  /** In the records alone: calls that the bridge has not seen. The first ones, and how many there are. */
  readonly onlyInRecords: readonly MissingCall[]
  readonly onlyInRecordsCount: number
  /** Reported by the bridge alone. */
  readonly onlyInBridge: readonly MissingCall[]
  readonly onlyInBridgeCount: number
  /** Calls of the records between extensions. */
  readonly internal: number
}

interface Sums {
  calls: number
  answered: number
  waitMs: number
  withRecording: number
}

const mostListed = 50
/** Ten years by day. */
const mostGroups = 4_000

export class TransitionTally {
  readonly #groupOf: (call: CallSnapshot) => string
  readonly #groups = new Map<string, { readonly records: Sums; readonly bridge: Sums }>()
  readonly #onlyInRecords: MissingCall[] = []
  readonly #onlyInBridge: MissingCall[] = []
  #onlyInRecordsCount = 0
  #onlyInBridgeCount = 0
  #internal = 0

  constructor(groupOf: (call: CallSnapshot) => string) {
    this.#groupOf = groupOf
  }

  /** A call of the records; `where` is its place in them. */
  addRecord(
    call: CallSnapshot,
    facts: { readonly isInBridge: boolean; readonly hasRecording: boolean; readonly where: string },
  ): void {
    if (call.direction === 'internal') {
      this.#internal += 1
      return
    }
    count(this.#group(call).records, call, facts.hasRecording)
    if (facts.isInBridge) return
    this.#onlyInRecordsCount += 1
    if (this.#onlyInRecords.length < mostListed) this.#onlyInRecords.push(missing(call, facts.where))
  }

  /** A call that the bridge reported. */
  addBridge(call: CallSnapshot, facts: { readonly isInRecords: boolean; readonly hasRecording: boolean }): void {
    if (call.direction === 'internal') return
    count(this.#group(call).bridge, call, facts.hasRecording)
    if (facts.isInRecords) return
    this.#onlyInBridgeCount += 1
    if (this.#onlyInBridge.length < mostListed) this.#onlyInBridge.push(missing(call, call.id))
  }

  report(): TransitionReport {
    const groups = [...this.#groups].sort(([a], [b]) => (a < b ? -1 : 1))
    const total = { records: none(), bridge: none() }
    for (const [, { records, bridge }] of groups) {
      add(total.records, records)
      add(total.bridge, bridge)
    }
    return {
      rows: groups.map(([group, sums]) => rowOf(group, sums)),
      total: rowOf('total', total),
      onlyInRecords: this.#onlyInRecords,
      onlyInRecordsCount: this.#onlyInRecordsCount,
      onlyInBridge: this.#onlyInBridge,
      onlyInBridgeCount: this.#onlyInBridgeCount,
      internal: this.#internal,
    }
  }

  #group(call: CallSnapshot): { readonly records: Sums; readonly bridge: Sums } {
    const wanted = this.#groupOf(call)
    const name = this.#groups.has(wanted) || this.#groups.size < mostGroups ? wanted : 'others'
    const group = this.#groups.get(name) ?? { records: none(), bridge: none() }
    this.#groups.set(name, group)
    return group
  }
}

const none = (): Sums => ({ calls: 0, answered: 0, waitMs: 0, withRecording: 0 })

function count(sums: Sums, call: CallSnapshot, hasRecording: boolean): void {
  sums.calls += 1
  if (call.answeredAt !== null) {
    sums.answered += 1
    sums.waitMs += call.waitMs
  }
  if (hasRecording) sums.withRecording += 1
}

function add(sums: Sums, more: Sums): void {
  sums.calls += more.calls
  sums.answered += more.answered
  sums.waitMs += more.waitMs
  sums.withRecording += more.withRecording
}

function rowOf(group: string, { records, bridge }: { readonly records: Sums; readonly bridge: Sums }): ReportRow {
  return { group, records: figuresOf(records), bridge: figuresOf(bridge) }
}

function figuresOf({ calls, answered, waitMs, withRecording }: Sums): Figures {
  return {
    calls,
    answered,
    answerRate: calls === 0 ? null : answered / calls,
    averageWaitMs: answered === 0 ? null : Math.round(waitMs / answered),
    withRecording,
  }
}

function missing(call: CallSnapshot, where: string): MissingCall {
  const { startedAt, from, to, direction, outcome } = call
  return { startedAt, from: from.value, to: to.value, direction, status: outcome?.status ?? null, where }
}

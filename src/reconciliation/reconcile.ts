/**
 * Reconciliation: what the bridge was given, beside what became of it, and beside what the PBX's records say.
 *
 *   open deliveries, whatever their age ──▶ event-, audio-unacknowledged …
 *   audio that waits or has no call ──────▶ call-missing, audio-unacknowledged
 *   calls of the period, in slices ───┬───▶ recording-missing, duration-mismatch
 *   CDRs of the same slices ──────────┴───▶ call-unseen, cdr-missing, duration-mismatch
 *
 * Memory holds one slice at a time and the first findings of each kind, whatever the number of calls. Changes nothing anywhere.
 */
import { setImmediate } from 'node:timers/promises'
import type { Cdr } from '../events/cdr.ts'
import type { CallId } from '../events/event.ts'
import type { AudioItem, RecordingItem } from '../events/recording.ts'
import { callFindings, type Surroundings } from './call-findings.ts'
import { DeliveryFindings } from './delivery-findings.ts'
import type { CallFacts, CdrFacts, Period, StoredFacts } from './facts.ts'
import { type Finding, finding } from './finding.ts'
import { isEmpty, itemFinding, keysOf } from './item-findings.ts'
import { type NamedCdr, type Pairing, pair } from './pairing.ts'
import type { ReconciliationRules } from './rules.ts'
import { SlidingRows } from './sliding-rows.ts'
import { type FindingCounts, FindingTally } from './tally.ts'
import { Voicemails } from './voicemails.ts'

export interface ReconcileOptions {
  readonly stored: StoredFacts
  readonly records: CdrFacts
  readonly rules: ReconciliationRules
  /** Of calls and CDRs; what waits is found however old it is. */
  readonly period: Period
  /** Epoch ms. */
  readonly now: number
  /** What is the matter with the sources of recordings and with encoding, for people. */
  readonly troubles: readonly string[]
  /** So many findings of each kind are kept; all are counted. */
  readonly mostOfAKind: number
}

export interface Reconciliation {
  readonly period: Period
  /** Epoch ms. */
  readonly at: number
  /** What was looked at. */
  readonly looked: { readonly calls: number; readonly cdrs: number; readonly deliveries: number; readonly items: number }
  /** The time that CDRs cover; `null` without any. */
  readonly covered: Period | null
  /** Deliveries older than the grace that wait in a backlog which moves. */
  readonly onTheWay: number
  readonly counts: FindingCounts
  readonly total: number
  /** The first of each kind. */
  readonly findings: readonly Finding[]
}

const pageSize = 500
const callsInASlice = 250
/** Calls of which recordings are remembered that are not tied to them yet; some 1 kB each. */
const mostNamed = 20_000
/** Clocks of a PBX and of the bridge may be so far apart; names are found further away for CDRs, not for calls. */
const marginMs = 5 * 60_000
/** Rejects when the store or the records cannot be read, or the signal is aborted. */
export async function reconcile(options: ReconcileOptions, signal: AbortSignal): Promise<Reconciliation> {
  return await new Run(options, signal).run()
}

class Run {
  readonly #options: ReconcileOptions
  readonly #signal: AbortSignal
  readonly #tally: FindingTally
  readonly #voicemails = new Voicemails()
  readonly #looked = { calls: 0, cdrs: 0, deliveries: 0, items: 0 }
  readonly #calls: SlidingRows<CallFacts>
  readonly #cdrs: SlidingRows<NamedCdr>
  /** Recordings that are not tied to a call yet, by the call that their names tell. */
  readonly #named = new Map<CallId, readonly RecordingItem[]>()
  #looseRecordings = 0

  constructor(options: ReconcileOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
    this.#tally = new FindingTally(options.mostOfAKind)
    this.#calls = new SlidingRows(
      period => options.stored.calls(period),
      ({ call }) => call.startedAt,
    )
    this.#cdrs = new SlidingRows(
      period => this.#namedCdrs(period),
      ({ cdr }) => cdr.startedAt,
    )
  }

  async run(): Promise<Reconciliation> {
    const { period, now, records } = this.#options
    const covered = await records.covered()
    const onTheWay = await this.#deliveries()
    await this.#items()
    let { since } = period
    while (since < period.until) {
      const rest = { since, until: period.until }
      const until = await this.#sliceEnd(rest)
      await this.#slice({ since, until }, covered)
      since = until
      // A run of seconds must not keep the process from its other work.
      await setImmediate(undefined, { signal: this.#signal })
    }
    const counts = this.#tally.counts()
    const findings = this.#tally.findings()
    return { period, at: now, looked: this.#looked, covered, onTheWay, counts, total: this.#tally.total, findings }
  }

  async #sliceEnd(rest: Period): Promise<number> {
    const { stored, records } = this.#options
    return Math.min(await stored.sliceEnd(rest, callsInASlice), await records.sliceEnd(rest, callsInASlice))
  }

  async #deliveries(): Promise<number> {
    const { stored, rules, now, mostOfAKind } = this.#options
    const pauses = await stored.pauses()
    const lastDeliveryAround = (lane: string, first: number, last: number) => stored.lastDeliveryAround(lane, first, last)
    const found = new DeliveryFindings({ now, graceMs: rules.graceMs, mostOfAKind, pauses, lastDeliveryAround })
    for (const state of ['dead', 'running', 'pending'] as const) {
      const page = (after: number) => stored.openDeliveries(state, after, pageSize)
      for await (const delivery of this.#paged(page)) {
        this.#looked.deliveries += 1
        found.take(delivery)
      }
    }
    const { tally, onTheWay } = await found.end()
    this.#tally.addAll(tally)
    return onTheWay
  }

  async #items(): Promise<void> {
    const { stored, period } = this.#options
    for await (const items of stored.itemsWithoutCall(period.since)) {
      await this.#judgeItems(items)
      await setImmediate(undefined, { signal: this.#signal })
    }
    for (const state of ['waiting', 'quarantined'] as const) {
      for await (const page of this.#pages(after => stored.unfinishedItems(state, after, pageSize))) {
        await this.#judgeItems(page.map(({ item }) => item))
      }
    }
  }

  async #judgeItems(items: readonly AudioItem[]): Promise<void> {
    const { stored, rules, now, troubles } = this.#options
    this.#looked.items += items.length
    const calls = await stored.callIdsByKeys(items.flatMap(keysOf))
    const judged = items.map(item => ({
      item,
      callId: item.callId ?? keysOf(item).flatMap(key => calls.get(key) ?? [])[0] ?? null,
    }))
    const ends = await stored.endsOf(judged.flatMap(({ callId }) => callId ?? []))
    for (const { item, callId } of judged) {
      if (item.kind === 'voicemail') this.#voicemails.add(item)
      const endedAt = callId === null ? undefined : ends.get(callId)
      // A call that is forgotten has long ended.
      const call = callId === null ? null : { id: callId, endedAt: endedAt === undefined ? 0 : endedAt }
      const found = itemFinding(item, call, rules, now, troubles)
      if (item.kind === 'recording' && callId === null && !isEmpty(item)) this.#looseRecordings += 1
      if (item.kind === 'recording' && callId !== null && item.callId === null) this.#remember(callId, item)
      if (found !== null) this.#tally.add(found)
    }
  }

  /** Not of those that went out without their call: that is missing there. */
  #remember(callId: CallId, item: RecordingItem): void {
    if (item.state === 'queued' || item.state === 'delivered' || this.#named.size >= mostNamed) return
    this.#named.set(callId, [...(this.#named.get(callId) ?? []), item])
  }

  async #slice(slice: Period, covered: Period | null): Promise<void> {
    const { rules, now, troubles } = this.#options
    const wide = covered === null ? slice : { since: slice.since - marginMs, until: slice.until + marginMs }
    const calls = await this.#calls.cover(wide)
    const cdrs = covered === null ? [] : await this.#cdrs.cover(wide)
    const { byCall, unseen } = pair(
      cdrs,
      calls.map(({ call }) => call),
    )
    const own = calls.filter(({ call }) => isIn(slice, call.startedAt))
    this.#looked.calls += own.length
    this.#looked.cdrs += cdrs.filter(({ cdr }) => isIn(slice, cdr.startedAt)).length
    const recordings = await this.#recordingsOf(own.filter(({ call }) => call.answeredAt !== null).map(({ call }) => call.id))
    const around: Surroundings = { rules, now, covered, troubles, looseRecordings: this.#looseRecordings }
    for (const { call, ended } of own) {
      if (!ended) continue
      const judged = {
        call,
        recordings: recordings.get(call.id) ?? [],
        paired: byCall.get(call.id) ?? null,
        leftVoicemail: this.#voicemails.wasLeftIn(call),
      }
      for (const found of callFindings(judged, around)) this.#tally.add(found)
    }
    this.#unseenIn(
      slice,
      unseen,
      calls.map(({ call }) => call.startedAt),
    )
  }

  async #namedCdrs(period: Period): Promise<readonly NamedCdr[]> {
    const { stored, records } = this.#options
    const cdrs = await records.cdrs(period)
    const calls = await stored.callIdsByKeys(cdrs.flatMap(cdr => cdr.keys))
    return cdrs.map(cdr => ({ cdr, callId: cdr.keys.flatMap(key => calls.get(key) ?? [])[0] ?? null }))
  }

  #unseenIn(slice: Period, unseen: Pairing['unseen'], seenAt: readonly number[]): void {
    const { rules, now } = this.#options
    for (const cdr of unseen) {
      if (!isIn(slice, cdr.startedAt) || cdr.endedAt > now - rules.graceMs || !passesTheTrunk(cdr)) continue
      const isSilent = !seenAt.some(at => Math.abs(at - cdr.startedAt) < marginMs)
      this.#tally.add(unseenFinding(cdr, isSilent))
    }
  }

  async #recordingsOf(calls: readonly CallId[]): Promise<ReadonlyMap<CallId, readonly RecordingItem[]>> {
    const byCall = new Map<CallId, RecordingItem[]>()
    if (calls.length === 0) return byCall
    for (const recording of await this.#options.stored.recordingsOf(calls)) {
      if (recording.callId === null) continue
      const known = byCall.get(recording.callId)
      if (known === undefined) byCall.set(recording.callId, [recording])
      else known.push(recording)
    }
    for (const callId of calls) {
      const tied = byCall.get(callId) ?? []
      const named = (this.#named.get(callId) ?? []).filter(({ id }) => !tied.some(recording => recording.id === id))
      if (named.length > 0) byCall.set(callId, [...tied, ...named])
    }
    return byCall
  }

  async *#paged<Row extends { readonly seq: number }>(page: (after: number) => Promise<readonly Row[]>): AsyncGenerator<Row> {
    for await (const rows of this.#pages(page)) yield* rows
  }

  async *#pages<Row extends { readonly seq: number }>(
    page: (after: number) => Promise<readonly Row[]>,
  ): AsyncGenerator<readonly Row[]> {
    let after = 0
    for (;;) {
      const rows = await page(after)
      if (rows.length > 0) yield rows
      const last = rows.at(-1)
      if (last === undefined || rows.length < pageSize) return
      after = last.seq
      await setImmediate(undefined, { signal: this.#signal })
    }
  }
}

function isIn({ since, until }: Period, at: number): boolean {
  return at >= since && at < until
}

/** Calls between extensions, to a mailbox or a feature code never reach the trunk. */
function passesTheTrunk({ direction, from, to }: Cdr): boolean {
  return (
    direction !== 'internal' &&
    (from.kind === 'e164' || to.kind === 'e164' || (from.kind === 'anonymous' && to.kind === 'extension'))
  )
}

function unseenFinding(cdr: Cdr, isSilent: boolean): Finding {
  const length = Math.round((cdr.endedAt - cdr.startedAt) / 1000)
  const subject = `${cdr.direction} ${cdr.from.value} → ${cdr.to.value}, ${length} s in all (${cdr.id})`
  const cause = isSilent
    ? 'the bridge saw no call at all around that time'
    : 'the bridge saw other calls of that time, not this one'
  const fix = isSilent
    ? 'was the bridge running, and the trunk routed through it? `tpe-bridge import` brings such calls to Zendesk from the same records; it keeps books of its own, so that this is found until reconciliation.window is over'
    : 'does this call go round the bridge, by a second route? Are the clocks of PBX and bridge right?'
  return finding('call-unseen', cdr.startedAt, { subject, cause, fix }, { cdrId: cdr.id })
}

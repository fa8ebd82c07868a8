/**
 * Deliveries that nobody has acknowledged: each with its last error, or what it waits for. What was never tried only waits its turn
 * while others are delivered: that is a backlog that moves, and no finding.
 */
import type { OpenDelivery } from './facts.ts'
import { type Finding, type FindingKind, finding } from './finding.ts'
import { FindingTally } from './tally.ts'

/** A lane that delivered something this recently moves, ms. */
const movingMs = 5 * 60_000
/** Calls of which a delivery fails; what stands behind it is stuck, too. */
const mostFailing = 50_000

interface Untried {
  readonly tally: FindingTally
  readonly first: number
  last: number
}

export interface DeliveryFindingsOptions {
  readonly now: number
  readonly graceMs: number
  readonly mostOfAKind: number
  /** Why deliveries of a lane are paused, by lane. */
  readonly pauses: ReadonlyMap<string, string>
  /** When anything was last delivered among the neighbours of these; epoch ms. */
  readonly lastDeliveryAround: (lane: string, first: number, last: number) => Promise<number | null>
}

/** Takes open deliveries, the oldest of a state first. */
export class DeliveryFindings {
  readonly #options: DeliveryFindingsOptions
  readonly #tally: FindingTally
  readonly #untried = new Map<string, Untried>()
  readonly #failing = new Set<string>()

  constructor(options: DeliveryFindingsOptions) {
    this.#options = options
    this.#tally = new FindingTally(options.mostOfAKind)
  }

  take(delivery: OpenDelivery): void {
    const { now, graceMs, pauses } = this.#options
    const { callId, lane, seq } = delivery
    const isBehind = !delivery.isHead && callId !== null && this.#failing.has(callId)
    if (delivery.state === 'pending' && delivery.reason !== null && callId !== null && this.#failing.size < mostFailing)
      this.#failing.add(callId)
    if (delivery.state !== 'dead' && delivery.createdAt > now - graceMs) return
    if (delivery.state === 'running' && delivery.updatedAt > now - graceMs) return
    const found = deliveryFinding(delivery, pauses.get(lane) ?? null, isBehind)
    if (delivery.state !== 'pending' || delivery.reason !== null || isBehind || pauses.has(lane)) {
      this.#tally.add(found)
      return
    }
    const untried = this.#untried.get(lane) ?? { tally: new FindingTally(this.#options.mostOfAKind), first: seq, last: seq }
    untried.tally.add(found)
    untried.last = seq
    this.#untried.set(lane, untried)
  }

  /** The findings, and how many deliveries are on their way. */
  async end(): Promise<{ readonly tally: FindingTally; readonly onTheWay: number }> {
    let onTheWay = 0
    for (const [lane, { tally, first, last }] of this.#untried) {
      const deliveredAt = await this.#options.lastDeliveryAround(lane, first, last)
      const moves = deliveredAt !== null && deliveredAt > this.#options.now - movingMs
      if (moves) onTheWay += tally.total
      else this.#tally.addAll(tally)
    }
    return { tally: this.#tally, onTheWay }
  }
}

function kindOf({ lane }: OpenDelivery): FindingKind {
  switch (lane) {
    case 'event':
      return 'event-unacknowledged'
    case 'archive':
      return 'archive-unacknowledged'
    case 'erasure':
      return 'erasure-unacknowledged'
    default:
      return 'audio-unacknowledged'
  }
}

function deliveryFinding(delivery: OpenDelivery, pause: string | null, isBehind: boolean): Finding {
  const { callId, id, kind, attempts, createdAt } = delivery
  const tries = attempts === 0 ? '' : `, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`
  const said = { subject: `${kind} ${id}${tries}`, ...causeOf(delivery, pause, isBehind) }
  return finding(kindOf(delivery), createdAt, said, { callId, uploadId: id })
}

function causeOf({ state, reason, runAt }: OpenDelivery, pause: string | null, isBehind: boolean) {
  if (state === 'dead') {
    const fix = 'mend the reason, then `tpe-bridge uploads redrive ID`; or give it up: `tpe-bridge uploads drop ID --reason …`'
    return { cause: `refused for good or given up: ${reason ?? 'no reason was stored'}`, fix }
  }
  if (pause !== null) return { cause: `deliveries are paused: ${pause}`, fix: 'resume them when the reason is gone' }
  if (state === 'running') {
    return { cause: 'it is being delivered, for longer than a delivery should take', fix: 'if it stays so, restart the bridge' }
  }
  if (reason !== null) {
    const when = new Date(runAt).toISOString().slice(0, 19).replace('T', ' ')
    return {
      cause: `it failed and is tried again (next ${when}): ${reason}`,
      fix: 'see /readyz; nothing is lost while it is tried',
    }
  }
  if (isBehind) {
    return { cause: 'it waits for an earlier delivery of its call, which fails', fix: 'see the finding of that one' }
  }
  const fix = 'is the bridge running? /readyz says what holds deliveries up'
  return { cause: 'it was never tried, and nothing is being delivered', fix }
}

/**
 * Reconciliation in a running bridge: now and then it takes in what is new in the PBX's records, and looks; the newest result is kept
 * for those who ask. One run at a time. A run that fails is tried again at the next turn, and says so until then.
 */
import type { PartHealth } from '../admin/health.ts'
import type { MetricFamily } from '../admin/metrics.ts'
import type { CdrFacts, StoredFacts } from '../reconciliation/facts.ts'
import { findingKinds } from '../reconciliation/finding.ts'
import { type Reconciliation, reconcile } from '../reconciliation/reconcile.ts'
import type { ReconciliationRules } from '../reconciliation/rules.ts'
import type { CdrSources } from './cdrs/cdr-sources.ts'

/** Findings of each kind that the newest result holds. */
const mostKept = 500
/** The first run comes soon after the start: whoever restarts a bridge wants to know what that left behind. */
const firstAfterMs = 2 * 60_000

export interface ReconcilingOptions {
  readonly stored: StoredFacts
  readonly records: CdrFacts
  readonly sources: Pick<CdrSources, 'catchUp'>
  readonly rules: ReconciliationRules
  readonly everyMs: number
  /** How far back a run looks at calls. */
  readonly lookBackMs: number
  /** What is the matter with recordings and encoding at the moment, for people. */
  readonly troubles: () => readonly string[]
  /** Epoch ms. */
  readonly now: () => number
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void }
}

/** What a run found, and what it cost. */
export interface ReconciliationReport extends Reconciliation {
  readonly tookMs: number
  /** Records that could not be read. */
  readonly problems: readonly string[]
}

export class Reconciling {
  readonly counters = { runs: 0, failedRuns: 0, cdrsRead: 0 }
  readonly #options: ReconcilingOptions
  #stopping = new AbortController()
  #timer: NodeJS.Timeout | null = null
  #run: Promise<void> | null = null
  #newest: ReconciliationReport | null = null
  #failure: string | null = null

  constructor(options: ReconcilingOptions) {
    this.#options = options
  }

  /** The newest result that there is; `null` until the first run has ended. */
  get newest(): ReconciliationReport | null {
    return this.#newest
  }

  start(): void {
    if (this.#timer !== null) return
    this.#stopping = new AbortController()
    this.#later(Math.min(firstAfterMs, this.#options.everyMs))
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#stopping.abort()
    await this.#run
  }

  /** What a run finds is no fault of the bridge; that there is none, or not of everything, is. */
  health(): PartHealth {
    const reason = this.#failure ?? this.#newest?.problems.join('; ') ?? ''
    return reason === '' ? { state: 'ok', reason: null } : { state: 'degraded', reason }
  }

  metrics(): readonly MetricFamily[] {
    const newest = this.#newest
    if (newest === null) return []
    const { counts, at, tookMs } = newest
    const gauge = (name: string, help: string, samples: MetricFamily['samples']): MetricFamily => ({
      name: `tpe_bridge_reconciliation_${name}`,
      help,
      type: 'gauge',
      samples,
    })
    return [
      gauge(
        'findings',
        'What the last reconciliation found, by kind',
        findingKinds.map(kind => ({ labels: { kind }, value: counts[kind].count })),
      ),
      gauge(
        'oldest_finding_timestamp_seconds',
        'Since when the oldest finding of the kind is so; 0 when there is none',
        findingKinds.map(kind => ({ labels: { kind }, value: (counts[kind].oldestSince ?? 0) / 1000 })),
      ),
      gauge('last_run_timestamp_seconds', 'When the last reconciliation ended', [{ labels: {}, value: (at + tookMs) / 1000 }]),
      gauge('last_run_duration_seconds', 'How long it took', [{ labels: {}, value: tookMs / 1000 }]),
    ]
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#run = this.#once().then(() => {
        if (this.#timer !== null) this.#later(this.#options.everyMs)
      })
    }, ms)
  }

  async #once(): Promise<void> {
    const { stored, records, sources, rules, now, lookBackMs, log } = this.#options
    const { signal } = this.#stopping
    const startedAt = now()
    try {
      const { taken, problems } = await sources.catchUp(signal)
      this.counters.cdrsRead += taken
      const period = { since: startedAt - lookBackMs, until: startedAt }
      const troubles = this.#options.troubles()
      const options = { stored, records, rules, period, now: startedAt, troubles, mostOfAKind: mostKept }
      const result = await reconcile(options, signal)
      const tookMs = now() - startedAt
      this.#newest = { ...result, tookMs, problems }
      this.#failure = null
      this.counters.runs += 1
      const found = findingKinds.flatMap(kind => (result.counts[kind].count > 0 ? [[kind, result.counts[kind].count]] : []))
      log.info({ ...result.looked, tookMs, found: Object.fromEntries(found) }, 'reconciled')
      if (problems.length > 0) log.warn({ problems }, 'records of calls could not all be read')
    } catch (error) {
      if (signal.aborted) return
      this.counters.failedRuns += 1
      const reason = error instanceof Error ? error.message : String(error)
      this.#failure = `the last run at ${new Date(startedAt).toISOString()} failed: ${reason}`
      log.warn({ err: error }, 'reconciliation failed, it is tried again')
    }
  }
}

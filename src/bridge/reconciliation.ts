/** What a reconciliation is made of: the rules of the configuration, the store, the PBX's records. For the bridge and the command line. */
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import type { CdrDoor } from '../admin/cdr-routes.ts'
import type { PartHealth } from '../admin/health.ts'
import type { Config } from '../config/schema.ts'
import { agentDirectory } from '../events/agents.ts'
import { numberPlan } from '../events/numbers.ts'
import type { Site } from '../migration/import/imported-call.ts'
import type { ReconciliationRules } from '../reconciliation/rules.ts'
import type { Store } from '../uploads/store/store.ts'
import { type CdrKeeper, type CdrSource, CdrSources } from './cdrs/cdr-sources.ts'
import { freeswitchRecords } from './cdrs/record.ts'
import { Reconciling } from './reconciling.ts'

type SourcesConfig = Pick<Config, 'site' | 'numbers' | 'agents' | 'uploads' | 'reconciliation'>

/** What is expected, by the configuration. */
export function rulesOf({ reconciliation, recordings }: Pick<Config, 'reconciliation' | 'recordings'>): ReconciliationRules {
  const { expected, toleranceMs, ...rest } = reconciliation.recordings
  const auto = recordings.folders.length > 0 ? 'all' : 'named'
  return {
    graceMs: reconciliation.graceMs,
    // The file, its settling and its match come after the call.
    recordingGraceMs: reconciliation.graceMs + recordings.matchWaitMs,
    toleranceMs,
    recordings: { ...rest, expected: expected === 'auto' ? auto : expected },
  }
}

/**
 * How far back a run looks at calls, by their start, ms. A recording is missing only some time after the end of its call, and a run may
 * come `every` later: whatever is set, it then looks at each call that was no longer than the window.
 */
export function lookBackMs(config: Pick<Config, 'reconciliation' | 'recordings'>): number {
  const { windowMs, everyMs } = config.reconciliation
  return windowMs + everyMs + rulesOf(config).recordingGraceMs
}

/** The site whose calls the PBX's records are of. */
export function siteOf({ site, numbers, agents }: Pick<Config, 'site' | 'numbers' | 'agents'>): Site {
  return { name: site, numbers: numberPlan(numbers), agents: agentDirectory(agents) }
}

/** The configured files, with this machine's time zone where none is named. */
export function cdrSourcesOf({ reconciliation }: Pick<Config, 'reconciliation'>): readonly CdrSource[] {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone
  return reconciliation.cdr.map(({ path, format, timezone }) => ({ path, format, timezone: timezone ?? here }))
}

/** The configured files, to be read into the store. */
export function cdrSources(config: SourcesConfig, keeper: CdrKeeper): CdrSources {
  return new CdrSources({
    sources: cdrSourcesOf(config),
    keeper,
    site: siteOf(config),
    host: hostname(),
    keepMs: config.uploads.keepDeliveredMs,
    now: Date.now,
  })
}

/** Takes records that FreeSWITCH posts. */
export function cdrDoor(config: SourcesConfig, keeper: Pick<CdrKeeper, 'put'>): CdrDoor {
  const site = siteOf(config)
  return {
    async accept(text) {
      const { cdrs, faults } = freeswitchRecords(text, 'the posted record', site, Date.now())
      const [fault] = faults
      // A record in which anything cannot be read is left to its sender, whole.
      if (fault !== undefined) return { kind: 'refused', reason: `${fault.reason} (${fault.detail})`, fix: fault.fix }
      await keeper.put(site.name, cdrs)
      return { kind: 'stored', cdrs: cdrs.length }
    },
  }
}

/** The part of a bridge that reconciles. What is the matter with recordings and the disk is a cause of what is missing. */
export function reconcilingOf(
  config: SourcesConfig & Pick<Config, 'recordings'>,
  store: Store,
  health: () => Readonly<Record<string, PartHealth>>,
  log: Logger,
): Reconciling {
  return new Reconciling({
    stored: store.reconciliation(config.site),
    records: store.cdrs.of(config.site),
    sources: cdrSources(config, store.cdrs),
    rules: rulesOf(config),
    everyMs: config.reconciliation.everyMs,
    lookBackMs: Math.min(lookBackMs(config), config.uploads.keepDeliveredMs),
    troubles: () => {
      const { recordings = null, disk = null } = health()
      return [recordings?.reason ?? null, disk?.reason ?? null].filter(reason => reason !== null)
    },
    now: Date.now,
    log,
  })
}

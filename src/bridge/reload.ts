/**
 * What a running bridge makes of a configuration that was read again: what can change at once does, the rest is named and waits for a
 * restart. Pure, but for `reconfigure`.
 */
import type { Logger } from 'pino'
import { formatPath, isSecretPath, type PathStep } from '../config/config-path.ts'
import type { Config } from '../config/schema.ts'
import { formatDuration, formatSize } from '../config/units.ts'
import { deliveriesOf } from '../uploads/delivery.ts'
import { zendeskSlots } from '../uploads/slots.ts'
import { spaceLimits } from './disk.ts'
import type { BridgeParts } from './parts.ts'
import { retryPolicyOf } from './retry-policy.ts'
import { timeoutsFor } from './zendesk.ts'

/** A key of the file whose value is another one. Values are as in the file (not `from` and `to`, which the log takes for numbers that call), secrets and long ones are not shown. */
export interface ConfigChange {
  readonly path: string
  readonly before: string
  readonly after: string
}

export interface ReloadPlan {
  /** What the bridge runs on from now on. */
  readonly config: Config
  readonly changed: readonly ConfigChange[]
  /** Keys that have another value, too, and keep their old one until a restart. */
  readonly needRestart: readonly string[]
}

/** `running`: what the bridge runs on; `wanted`: what the file says. */
export const planReload = (running: Config, wanted: Config): ReloadPlan => {
  const config = changedAtOnce(running, wanted)
  return {
    config,
    changed: differences(running, config),
    needRestart: differences(config, wanted).map(({ path }) => path),
  }
}

/** All that can change at run time, and nothing else, as the file has it. */
const changedAtOnce = (running: Config, wanted: Config): Config => ({
  ...running,
  log: { ...running.log, level: wanted.log.level },
  spool: wanted.spool,
  uploads: wanted.uploads,
  zendesk: { ...running.zendesk, requestsPerMinute: wanted.zendesk.requestsPerMinute },
})

/** Gives the parts what has changed, and says so in the log and in the audit log. */
export const reconfigure = async (
  parts: BridgeParts,
  { config, changed, needRestart }: ReloadPlan,
  { actor }: { readonly actor: string },
  log: Logger,
): Promise<void> => {
  log.level = config.log.level
  for (const change of changed) log.info({ ...change, actor }, 'configuration changed')
  if (needRestart.length > 0) log.warn({ paths: needRestart, actor }, 'configuration changed where it needs a restart')
  if (changed.length === 0 && needRestart.length === 0) log.info({ actor }, 'configuration read again, nothing has changed')
  // Its files may have changed where the configuration has not.
  parts.signalling.renewCertificate()
  parts.limit.configure(config.zendesk.requestsPerMinute)
  const policy = retryPolicyOf(config)
  const prepare = deliveriesOf(config.site, timeoutsFor(config))
  parts.worker.configure({ policy, prepare, slots: zendeskSlots(config.uploads.concurrency) })
  parts.archiving.configure(policy)
  parts.erasing.configure(policy)
  parts.pruning.configure(config.uploads.keepDeliveredMs)
  await parts.audio.space.configure(spaceLimits(config))
  const line = { actor, action: 'config.reloaded', subject: config.site, reason: null, detail: { changed, needRestart } }
  // It has happened, and the log says so, whether or not the store can be written.
  await parts.store.audit.append(line).catch((err: unknown) => log.error({ err }, 'the reload is not in the audit log'))
}

/** By the names of the file, in its order. */
const differences = (before: unknown, after: unknown, path: readonly PathStep[] = []): readonly ConfigChange[] => {
  if (isSection(before) && isSection(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...keys].flatMap(key => differences(before[key], after[key], [...path, key]))
  }
  if (asJson(before) === asJson(after)) return []
  const name = formatPath(path)
  const shown = (value: unknown): string => (isSecretPath(name) ? '[secret]' : asWritten(value, String(path.at(-1))))
  return [{ path: nameInFile(name), before: shown(before), after: shown(after) }]
}

const isSection = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof RegExp) return false
  // Written as one word: HOST:PORT, FIRST-LAST, move:PATH.
  const keys = Object.keys(value).sort().join()
  return !('kind' in value) && keys !== 'host,port' && keys !== 'first,last'
}

const asJson = (value: unknown): string | undefined =>
  JSON.stringify(value, (_key, each: unknown) => (each instanceof RegExp ? each.source : each))

/** `uploads.giveUpAfterMs` is `uploads.give_up_after` in the file: a unit stands in the value there (config/schema.ts). */
export const nameInFile = (path: string): string =>
  path.replace(/(?:Ms|Bytes|Kbps)$/, '').replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

const asWritten = (value: unknown, key: string): string => {
  if (value === null || value === undefined) return 'not set'
  if (typeof value === 'number' && key.endsWith('Ms')) return formatDuration(value)
  if (typeof value === 'number' && key.endsWith('Bytes')) return formatSize(value)
  return typeof value === 'object' ? 'changed' : String(value)
}

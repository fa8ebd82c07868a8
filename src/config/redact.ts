/** The configuration for showing: `tpe-bridge check`, and the log line at the start. */
import { formatPath, isSecretPath, type PathStep } from './config-path.ts'
import type { Config } from './schema.ts'

/** A copy in which every secret that is set reads `[secret]`, as plain JSON values; regular expressions become their source. */
export function redactedConfig(config: Config): unknown {
  return redacted(config, [])
}

function redacted(value: unknown, path: readonly PathStep[]): unknown {
  if (value !== null && value !== undefined && isSecretPath(formatPath(path))) return '[secret]'
  if (value instanceof RegExp) return value.source
  if (Array.isArray(value)) return value.map((item, i) => redacted(item, [...path, i]))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, redacted(child, [...path, key])]))
}

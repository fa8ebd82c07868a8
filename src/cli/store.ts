/** Opens the bridge's store beside a running bridge (or without one), for commands that look or operate. */
import { SqliteStore } from '../uploads/store/sqlite-store.ts'
import { type ConfigOption, configurationOf } from './configuration.ts'
import type { CliContext } from './context.ts'

export async function withStore<T>(
  context: CliContext,
  option: ConfigOption,
  use: (store: SqliteStore) => Promise<T>,
): Promise<T> {
  const { config } = await configurationOf(context, option)
  const log = { error: (fields: object, message: string) => context.stderr.write(`${message} ${JSON.stringify(fields)}\n`) }
  const store = await SqliteStore.open({ dataDir: config.dataDir, role: 'tool', now: Date.now, log })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

/** `--limit`: a whole number from 1 to 500. */
export function readLimit(text: string): number {
  const limit = Number(text)
  return Number.isInteger(limit) && limit >= 1 ? Math.min(limit, 500) : 50
}

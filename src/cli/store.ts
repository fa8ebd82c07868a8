/** Opens the store of the configuration beside a running bridge (or without one), for commands that look or operate. */
import { openStoreAsTool } from '../bridge/store.ts'
import type { Store } from '../uploads/store/store.ts'
import { type ConfigOption, configurationOf } from './configuration.ts'
import type { CliContext } from './context.ts'

export async function withStore<T>(context: CliContext, option: ConfigOption, use: (store: Store) => Promise<T>): Promise<T> {
  const { config } = await configurationOf(context, option)
  const tell = (fields: object, message: string): void => {
    context.stderr.write(`${message} ${JSON.stringify(fields)}\n`)
  }
  const store = await openStoreAsTool(config, { warn: tell, error: tell })
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

/**
 * At most one bridge works on a data_dir. The lock is a second, empty SQLite file in an exclusive transaction: the operating
 * system lets go of it however the process ends, kill -9 included, so there is never a stale lock to remove by hand.
 */
import { join } from 'node:path'
import { openHandle } from './sqlite-engine.ts'
import { StoreOpenError } from './store-open-error.ts'

export interface WriterLock {
  release(): void
}

const SQLITE_BUSY = 5

/** Takes the lock of `dataDir` or throws a StoreOpenError `in-use`. */
export const takeWriterLock = async (dataDir: string): Promise<WriterLock> => {
  const handle = await openHandle(join(dataDir, 'bridge.lock'))
  try {
    handle.exec('pragma busy_timeout = 0')
    handle.exec('begin exclusive')
  } catch (cause) {
    handle.close()
    if (!isBusy(cause)) throw cause
    const advice = 'stop it, or give this one a data_dir of its own'
    throw new StoreOpenError('in-use', `another bridge is running on ${dataDir}: ${advice}`, { cause })
  }
  return { release: () => handle.close() }
}

// SQLite's code is a number in `errcode`; extended codes carry the basic one in the low byte.
const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === SQLITE_BUSY

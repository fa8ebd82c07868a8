/** What of this machine `check` does not look at: room on the disk, the database, and how much the kernel holds for a busy bridge. */
import { existsSync } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { openStoreAsTool } from '../../bridge/store.ts'
import type { Config } from '../../config/schema.ts'
import { formatSize } from '../../config/units.ts'
import { StoreOpenError } from '../../uploads/store/store-open-error.ts'
import { takeWriterLock } from '../../uploads/store/writer-lock.ts'
import type { Finding } from '../check.ts'

/** `isRunning`: a bridge with this configuration answered. */
export async function machineFindings(config: Config, isRunning: boolean): Promise<readonly Finding[]> {
  return [await spaceFinding(config), ...(await storeFinding(config, isRunning)), ...(await receiveBufferFinding(config))]
}

async function spaceFinding({ dataDir, spool }: Config): Promise<Finding> {
  const folder = resolve(dataDir)
  try {
    const { bavail, bsize } = await statfs(folder)
    const free = bavail * bsize
    const text = `disk: ${formatSize(roundedDown(free))} free at ${folder}`
    if (free < spool.minFreeBytes)
      return {
        level: 'error',
        text: `${text}, less than spool.min_free (${formatSize(spool.minFreeBytes)}), so no audio is encoded: make room`,
      }
    if (free < 2 * spool.minFreeBytes)
      return {
        level: 'warning',
        text: `${text}, hardly more than spool.min_free (${formatSize(spool.minFreeBytes)}): make room soon`,
      }
    return { level: 'ok', text }
  } catch (error) {
    return { level: 'error', text: `disk: the room at ${folder} cannot be told (${codeOf(error)}): see that data_dir is there` }
  }
}

/** For people: whole GiB, or MiB where there are few. */
const roundedDown = (bytes: number): number => {
  const unit = bytes >= 8 * 1024 ** 3 ? 1024 ** 3 : 1024 ** 2
  return Math.floor(bytes / unit) * unit
}

/** Of SQLite; whether a shared database can be reached, `check` says. */
async function storeFinding(config: Config, isRunning: boolean): Promise<readonly Finding[]> {
  if (config.store.postgres !== null) return []
  if (isRunning) return [{ level: 'ok', text: 'store: held by the running bridge' }]
  const held = await lockFinding(config.dataDir)
  if (held !== null) return [held]
  try {
    const quiet = { warn: () => {}, error: () => {} } // what is wrong is the finding
    await (await openStoreAsTool(config, quiet)).close()
    return [{ level: 'ok', text: 'store: opens' }]
  } catch (error) {
    if (!(error instanceof StoreOpenError))
      return [
        {
          level: 'error',
          text: `store: it cannot be opened (${codeOf(error)}): see who owns ${config.dataDir}, and that its disk is well`,
        },
      ]
    if (error.reason === 'missing') return [{ level: 'ok', text: 'store: none yet, the first start makes it' }]
    if (error.reason === 'older-version')
      return [{ level: 'ok', text: 'store: of an older version, the next start brings it up to date' }]
    return [{ level: 'error', text: `store: ${error.message}` }]
  }
}

/** A bridge that works on data_dir and does not answer where this configuration says. The lock is let go of at once. */
async function lockFinding(dataDir: string): Promise<Finding | null> {
  if (!existsSync(join(dataDir, 'bridge.lock'))) return null
  try {
    const lock = await takeWriterLock(dataDir)
    lock.release()
    return null
  } catch (error) {
    if (!(error instanceof StoreOpenError))
      return { level: 'error', text: `store: data_dir cannot be locked (${codeOf(error)}): give the bridge's user the folder` }
    return {
      level: 'error',
      text: `store: a bridge works on ${dataDir}, but none answers at admin.listen: was it started with another configuration?`,
    }
  }
}

async function receiveBufferFinding({ hep }: Config): Promise<readonly Finding[]> {
  if (!hep.listen.some(({ transport }) => transport === 'udp')) return []
  let limit: number
  try {
    limit = Number((await readFile('/proc/sys/net/core/rmem_max', 'utf8')).trim())
  } catch {
    return [] // not Linux: nobody tells
  }
  const asked = hep.receiveBufferBytes
  if (limit >= asked)
    return [{ level: 'ok', text: `hep: the kernel may hold ${formatSize(asked)} (net.core.rmem_max is ${limit})` }]
  const text = `hep: net.core.rmem_max is ${limit}, less than hep.receive_buffer (${asked}), so bursts may be lost`
  return [{ level: 'warning', text: `${text}: sysctl -w net.core.rmem_max=${asked}, or mirror over TCP` }]
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : String(error))

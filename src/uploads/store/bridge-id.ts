/**
 * Which bridge this is: a name in `data_dir/bridge-id`, made at the first start. It stays with the folder, because what it stands for
 * does: the audio in the spool, which no other bridge can send.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StoreOpenError } from './store-open-error.ts'

const idPattern = /^br_[0-9a-f]{12}$/

/** The name in the folder; makes one when there is none. `random` are 12 hexadecimal digits or more. Throws a StoreOpenError. */
export const bridgeIdOf = (dataDir: string, random: () => string): string => {
  const path = join(dataDir, 'bridge-id')
  try {
    if (!existsSync(path)) writeWhole(path, `br_${random().replaceAll('-', '').slice(0, 12)}\n`)
    const id = readFileSync(path, 'utf8').trim()
    if (idPattern.test(id)) return id
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new StoreOpenError('unusable', `${path} cannot be used (${reason}): check the disk and the permissions`, { cause })
  }
  const advice = 'restore it from a backup; a new one cannot send the audio in the spool'
  throw new StoreOpenError('unusable', `${path} does not hold the name of a bridge: ${advice}`)
}

// A crash leaves the whole name or none: half of one would be another bridge's.
const writeWhole = (path: string, text: string): void => {
  const unfinished = `${path}.tmp`
  const file = openSync(unfinished, 'w', 0o600)
  try {
    writeFileSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(unfinished, path)
}

/** What happens to files once their item needs them no more. Repeating any of it is safe. */
import type { AudioItem } from '../../events/recording.ts'
import type { RecordingLedger } from '../ledger.ts'
import type { Log } from '../log.ts'
import { type AfterUpload, applyAfterUpload } from './after-upload.ts'
import type { Spool } from './spool.ts'

export interface ClearingOptions {
  readonly ledger: RecordingLedger
  readonly spool: Spool
  /** What becomes of a delivered recording's source; a voicemail's is always kept: the PBX's users still listen to it. */
  readonly afterUpload: AfterUpload
  /** The watched recordings folders, absolute. */
  readonly roots: readonly string[]
  readonly log: Log
}

/**
 * Clears what lies here of an item that every sink has, or that was given up; of any other item nothing, nor of one that is held: what
 * lies here may be the only copy. Without anything in the spool it was cleared already, or it lies on the disk of another bridge, and so
 * does its source. Throws the file system's error.
 */
export async function clearFinished(item: AudioItem, options: ClearingOptions): Promise<'cleared' | 'not-here' | 'not-yet'> {
  if (item.state !== 'delivered' && item.state !== 'dropped') return 'not-yet'
  if (item.hold !== undefined && item.hold !== null) return 'not-yet'
  if (!(await options.spool.has(item.id))) return 'not-here'
  if (item.state === 'delivered') await clearSource(item, options)
  // Last: an MP3 that is still here tells that this was not done yet.
  await options.spool.remove(item.id)
  return 'cleared'
}

async function clearSource(item: AudioItem, { spool, afterUpload, roots, log }: ClearingOptions): Promise<void> {
  if (item.kind !== 'recording' || spool.owns(item.sourcePath)) return
  const result = await applyAfterUpload(item, afterUpload, roots)
  if (result.kind === 'left')
    log.warn({ id: item.id, file: item.sourcePath, reason: result.reason }, 'delivered source left in place')
}

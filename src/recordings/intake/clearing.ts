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

/** Clears the source, as configured, and the spool of a delivered item. Throws the file system's error. */
export async function clearDelivered(item: AudioItem, { spool, afterUpload, roots, log }: ClearingOptions): Promise<void> {
  if (item.kind === 'recording' && !spool.owns(item.sourcePath)) {
    const result = await applyAfterUpload(item, afterUpload, roots)
    if (result.kind === 'left')
      log.warn({ id: item.id, file: item.sourcePath, reason: result.reason }, 'delivered source left in place')
  }
  // Last: an MP3 that is still here at the next start tells that this was not done yet.
  await spool.remove(item.id)
}

/** At the start: finishes what a crash kept from being cleared, and removes uploads that were never acknowledged. */
export async function tidySpool(options: ClearingOptions, failed: (item: AudioItem, error: unknown) => void): Promise<void> {
  const { spool, ledger } = options
  await spool.prepare()
  for (const id of await spool.ids()) {
    const item = await ledger.get(id)
    if (item === null || item.state === 'dropped') await spool.remove(id)
    else if (item.state === 'delivered') await clearDelivered(item, options).catch((error: unknown) => failed(item, error))
  }
}

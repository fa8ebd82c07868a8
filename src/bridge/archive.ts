/** Builds the archive that is configured, and what others of the bridge want of it. */
import { randomUUID } from 'node:crypto'
import { type Archive, ArchiveError } from '../archive/archive.ts'
import { failed } from '../archive/delivery.ts'
import { LocalArchive } from '../archive/local-archive.ts'
import type { Config } from '../config/schema.ts'
import type { CallId, CallSnapshot } from '../events/event.ts'
import type { ArchiveReach } from '../uploads/store/items.ts'
import type { LinkTo } from '../zendesk/calls/audio-steps.ts'
import { Halt } from '../zendesk/calls/halt.ts'

export interface OpenArchive {
  readonly archive: Archive
  /** Makes it ready. Rejects with an ArchiveError when it cannot be written; it may be used all the same. */
  start(): Promise<void>
  /** Closes what is connected. Idempotent. */
  stop(): void
}

/** `null`: none is configured. The SDK of S3 (200 ms, 20 MB) is loaded only where it is wanted. */
export async function openArchive({ archive, site }: Pick<Config, 'archive' | 'site'>): Promise<OpenArchive | null> {
  const { folder, s3, publicUrl } = archive
  const options = { publicUrl, site, newName: randomUUID, clock: Date.now }
  if (s3 !== null) {
    const { accessKey, secretKey, ...account } = s3
    const credentials = accessKey === null || secretKey === null ? null : { accessKey, secretKey }
    const { S3Archive } = await import('../archive/s3/s3-archive.ts')
    const bucket = new S3Archive({ account: { ...account, credentials }, ...options })
    return { archive: bucket, start: async () => {}, stop: () => bucket.stop() }
  }
  if (folder === null) return null
  const local = new LocalArchive({ folder, ...options })
  return { archive: local, start: () => local.start(), stop: () => local.stop() }
}

/** Who can fetch what is archived: a folder is one machine's, a bucket is in reach of all that share the store. */
export const reachOf = ({ folder, s3 }: Config['archive']): ArchiveReach | null =>
  s3 !== null ? 'all-bridges' : folder !== null ? 'this-bridge' : null

const storeMs = 600_000

/**
 * Where agents can listen to audio that Zendesk does not take. The archive's troubles are those of this one delivery: what needs no
 * archive goes on.
 */
export function linkInto(archive: Archive | null, findCall: (id: CallId) => Promise<CallSnapshot | null>): LinkTo {
  return async (item, audio) => {
    if (archive === null) return null
    const call = item.callId === null ? null : await findCall(item.callId)
    // Of a call that is not known here any more there may be a better record already.
    const context = call === null && item.callId !== null ? null : { call }
    try {
      return (await archive.store(item, audio, context, AbortSignal.timeout(storeMs))).url
    } catch (cause) {
      if (cause instanceof ArchiveError) {
        const result = failed(cause)
        throw new Halt(result.kind === 'wait' ? { ...result, scope: 'job' } : result, true)
      }
      if (!(cause instanceof Error) || cause.name !== 'TimeoutError') throw cause
      const reason = `the archive took longer than ${storeMs / 60_000} minutes for ${archive.keyOf(item)}`
      throw new Halt({ kind: 'retry', afterMs: null, reason }, true)
    }
  }
}

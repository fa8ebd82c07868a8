/** Builds the archive that is configured, and says in the words of a sink what its failures mean. */
import { randomUUID } from 'node:crypto'
import { type Archive, ArchiveError } from '../archive/archive.ts'
import { LocalArchive } from '../archive/local-archive.ts'
import type { Config } from '../config/schema.ts'
import type { LinkTo } from '../zendesk/calls/audio-steps.ts'
import { Halt } from '../zendesk/calls/halt.ts'

/** `null`: none is configured. The SDK of S3 (200 ms, 20 MB) is loaded only where it is wanted. */
export async function archiveOf({ archive, site }: Pick<Config, 'archive' | 'site'>): Promise<Archive | null> {
  const { folder, s3, publicUrl } = archive
  const options = { publicUrl, site, newName: randomUUID, clock: Date.now }
  if (s3 !== null) {
    const { accessKey, secretKey, ...account } = s3
    const credentials = accessKey === null || secretKey === null ? null : { accessKey, secretKey }
    const { S3Archive } = await import('../archive/s3/s3-archive.ts')
    return new S3Archive({ account: { ...account, credentials }, ...options })
  }
  return folder === null ? null : new LocalArchive({ folder, ...options })
}

const storeMs = 600_000

/**
 * Where agents can listen to audio that Zendesk does not take. The archive's troubles are those of this one delivery: what needs no
 * archive goes on.
 */
export function linkInto(config: Pick<Config, 'archive' | 'site'>): LinkTo {
  let opened: Promise<Archive | null> | null = null
  return async (item, audio) => {
    opened ??= archiveOf(config)
    const archive = await opened
    if (archive === null) return null
    try {
      return (await archive.store(item, audio, null, AbortSignal.timeout(storeMs))).url
    } catch (cause) {
      if (cause instanceof ArchiveError) throw halt(cause)
      if (!(cause instanceof Error) || cause.name !== 'TimeoutError') throw cause
      const reason = `the archive took longer than ${storeMs / 60_000} minutes for ${archive.keyOf(item)}`
      throw new Halt({ kind: 'retry', afterMs: null, reason }, true)
    }
  }
}

function halt({ blame, message: reason }: ArchiveError): Halt {
  switch (blame.kind) {
    case 'retry':
      return new Halt({ kind: 'retry', afterMs: blame.afterMs, reason }, true)
    case 'wait':
      return new Halt({ kind: 'wait', scope: 'job', afterMs: blame.afterMs, reason }, true)
    case 'reject':
      return new Halt({ kind: 'reject', reason }, true)
    default:
      throw new TypeError(`no archive blames like this: ${JSON.stringify(blame satisfies never)}`)
  }
}

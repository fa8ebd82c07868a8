/** Ends the time of the PBX's own recordings, where `recordings.retention` says so. */
import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config/schema.ts'
import { SourceRetention } from '../recordings/intake/source-retention.ts'
import type { Store } from '../uploads/store/store.ts'

const everyMs = 3_600_000
const dayMs = 86_400_000

/** `null`: the bridge deletes none. */
export function sourceRetention(
  { recordings }: Pick<Config, 'recordings'>,
  { sources, audit }: Pick<Store, 'sources' | 'audit'>,
  log: Logger,
): SourceRetention | null {
  const { folders, retentionMs } = recordings
  if (retentionMs === null) return null
  const action = 'recording.expired'
  const reason = `recordings.retention ${retentionMs / dayMs}d`
  return new SourceRetention({
    ledger: sources,
    roots: folders.map(({ path }) => resolve(path)),
    retentionMs,
    everyMs,
    clock: Date.now,
    onDeleting: async ({ path, mtimeMs }, { id }) => {
      // No path: a recorder puts its callers' numbers into names, and no line of this log is ever deleted.
      const file = createHash('sha256').update(path).digest('hex')
      await audit.append({ actor: 'bridge', action, subject: id, reason, detail: {}, once: `${action} ${id} ${mtimeMs} ${file}` })
    },
    log,
  })
}

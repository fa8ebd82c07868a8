/** Records that are read once, whole, from a file or folder that somebody names. */
import { readFile } from 'node:fs/promises'
import type { Cdr } from '../../events/cdr.ts'
import { chosenFormat } from '../../migration/formats/formats.ts'
import { wallClock } from '../../migration/formats/local-time.ts'
import { listFiles, readFiles } from '../../migration/formats/read-files.ts'
import type { Fault } from '../../migration/historic-call.ts'
import type { Site } from '../../migration/import/imported-call.ts'
import { type CdrSource, problemOf } from './cdr-sources.ts'
import { cdrsOf, freeswitchRecords, type ReadRecords } from './record.ts'

/** A file of one record has some 30 kB, and three times as much in percent escapes; a longer one holds several. */
const singleRecordBytes = 1024 * 1024

/** Gives each CDR to `take`; answers what could not be read, for people. Rejects when a file cannot be read. `now` is epoch ms. */
export async function readCdrFile(
  { path, format, timezone }: CdrSource,
  site: Site,
  now: number,
  take: (cdr: Cdr) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  let refused = 0
  let why: string | null = null
  const takeAll = ({ cdrs, faults }: ReadRecords): void => {
    for (const cdr of cdrs) take(cdr)
    refused += faults.length
    why ??= faults[0] === undefined ? null : sentenceOf(faults[0])
  }
  const all = await listFiles([path])
  const single = all.filter(file => format === 'freeswitch' && file.size <= singleRecordBytes && !file.path.endsWith('.gz'))
  for (const file of single) {
    signal.throwIfAborted()
    takeAll(freeswitchRecords(await readFile(file.path, 'utf8'), file.path, site, now))
  }
  const clock = wallClock(timezone)
  const chosen = chosenFormat({ name: format === 'asterisk' ? 'asterisk-cdr' : 'freeswitch-json', clock })
  for await (const { found } of readFiles(
    all.filter(file => !single.includes(file)),
    chosen,
    signal,
  ))
    takeAll(cdrsOf(found, site, now))
  return refused === 0 ? [] : [`${path}: ${problemOf(refused, why)}`]
}

/** With what the record says: whoever named the file may see it. */
function sentenceOf({ reason, detail, fix }: Fault): string {
  return `${reason} (${detail}): ${fix}`
}

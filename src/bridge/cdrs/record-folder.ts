/**
 * The folder in which mod_json_cdr leaves a file for each leg that it could not post (err-log-dir), or for every leg (log-dir); with
 * `rotate` in folders of folders. Files are read by their age: what is older than the newest that was read is not read again.
 */
import { opendir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Cdr } from '../../events/cdr.ts'
import type { Fault } from '../../migration/historic-call.ts'
import type { CdrTaker, ReadNotes } from './cdr-taker.ts'
import { freeswitchRecords } from './record.ts'

/** Files this much older than the newest are read again: one may have been only begun, or have come in while the folder was read. */
const againMs = 5 * 60_000
/** A record with every variable has some 30 kB, and three times as much in percent escapes. */
const largestFile = 1024 * 1024
const atOnce = 200
const deepest = 3

/** Rejects when the folder cannot be read, or what is read not be taken. */
export async function readRecordFolder(folder: string, notes: ReadNotes, taker: CdrTaker, signal: AbortSignal): Promise<void> {
  const note = await notes.read(folder)
  const since = Math.max(taker.notBefore, (note?.mtimeMs ?? 0) - againMs)
  let newest = note?.mtimeMs ?? 0
  let cdrs: Cdr[] = []
  let faults: Fault[] = []
  for await (const path of recordFiles(folder, deepest)) {
    signal.throwIfAborted()
    const { size, mtimeMs } = await stat(path)
    if (mtimeMs < since) continue
    newest = Math.max(newest, mtimeMs)
    const read =
      size > largestFile ? tooLarge(path) : freeswitchRecords(await readFile(path, 'utf8'), path, taker.site, taker.now)
    cdrs.push(...read.cdrs)
    for (const fault of read.faults) faults.push({ ...fault, reason: `in ${basename(path)} ${fault.reason}` })
    if (cdrs.length + faults.length < atOnce) continue
    await taker.take(cdrs, faults)
    cdrs = []
    faults = []
  }
  await taker.take(cdrs, faults)
  await notes.write(folder, { identity: '', size: 0, mtimeMs: Math.min(newest, taker.now), readTo: 0 })
}

async function* recordFiles(folder: string, depth: number): AsyncGenerator<string> {
  for await (const entry of await opendir(folder)) {
    if (entry.isDirectory() && depth > 1) yield* recordFiles(join(folder, entry.name), depth - 1)
    else if (entry.isFile() && entry.name.endsWith('.json')) yield join(folder, entry.name)
  }
}

function tooLarge(path: string): { readonly cdrs: readonly Cdr[]; readonly faults: readonly Fault[] } {
  const fix = 'mod_json_cdr writes a file for each leg: is this one of another program?'
  return { cdrs: [], faults: [{ reason: 'there is more than one leg can be', detail: path, fix }] }
}

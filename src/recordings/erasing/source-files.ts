/**
 * Deleting the PBX's own files of one recording or voicemail, for good. Only what is proved to be this item's: a PBX renumbers voicemails
 * and reuses names, so a file is the item's when its size and time are those that were seen, or its content is.
 *
 * 1 Nothing outside the watched folders (and the one that `after_upload: move:` names) is touched, whatever a path says or links to.
 * 2 The file by which the item is recognised goes last: a crash on the way leaves what the next try needs.
 */
import { lstat, realpath, unlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import type { AudioItem } from '../../events/recording.ts'
import { OpenFile, sourceFile } from '../audio/byte-source.ts'
import { describe, isGone } from '../failure.ts'
import { sidecarPaths } from '../folders/sidecar.ts'
import type { AfterUpload } from '../intake/after-upload.ts'
import { contentSha256, recordingId } from '../intake/identity.ts'
import { isInside, syncFolderOf } from '../intake/spool.ts'
import type { SourceFile } from '../ledger.ts'

export interface SourceErasingOptions {
  /** The watched folders, absolute. */
  readonly roots: readonly string[]
  readonly afterUpload: AfterUpload
}

export type SourcesErased =
  | { readonly kind: 'erased'; readonly deleted: number }
  /** Some are left, and why; repeat it when that is mended. */
  | { readonly kind: 'left'; readonly reason: string }

/** `seen`: every file in which the item was found. Never rejects but for the signal's reason. */
export async function eraseSources(
  item: AudioItem,
  seen: readonly SourceFile[],
  options: SourceErasingOptions,
  signal: AbortSignal,
): Promise<SourcesErased> {
  let deleted = 0
  const problems: string[] = []
  for (const file of candidates(item, seen, options)) {
    signal.throwIfAborted()
    try {
      deleted += await eraseFile(item, file, options, signal)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      problems.push(`${file.path}: ${describe(error)}`)
    }
  }
  return problems.length === 0 ? { kind: 'erased', deleted } : { kind: 'left', reason: problems.join('; ') }
}

/** Where it may be: where it was found, and where it was moved to after its upload. */
function candidates(item: AudioItem, seen: readonly SourceFile[], options: SourceErasingOptions): readonly SourceFile[] {
  const { sourcePath, sourceSize, sourceMtimeMs } = item
  const found = sourcePath === '' ? [] : [{ path: sourcePath, size: sourceSize, mtimeMs: sourceMtimeMs }]
  const all = [...seen.filter(({ path }) => path !== sourcePath), ...found]
  const { afterUpload, roots } = options
  if (afterUpload.kind !== 'move' || item.kind !== 'recording') return all
  const moved = all.flatMap(file => {
    const root = roots.find(folder => isInside(folder, file.path))
    return root === undefined ? [] : [{ ...file, path: join(afterUpload.folder, relative(root, file.path)) }]
  })
  return [...all, ...moved]
}

/** Answers how many files are gone by it. Throws what keeps it from deleting them. */
async function eraseFile(
  item: AudioItem,
  file: SourceFile,
  { roots, afterUpload }: SourceErasingOptions,
  signal: AbortSignal,
): Promise<number> {
  if (!(await isItems(item, file, signal))) return 0
  const allowed = afterUpload.kind === 'move' ? [...roots, afterUpload.folder] : roots
  const root = allowed.find(folder => isInside(folder, file.path))
  if (root === undefined) throw new Error('it does not lie in a watched folder (any more): delete it by hand, then redrive')
  // A folder on the way may have become a link to elsewhere.
  if (!isInside(await realpath(root), await realpath(file.path))) {
    throw new Error('it lies outside of its folder, behind a link: delete it by hand, then redrive')
  }
  let deleted = 0
  for (const path of [...companions(item, file.path), file.path]) deleted += (await remove(path)) ? 1 : 0
  await syncFolderOf(file.path)
  return deleted
}

/** Whether the file that is there now is the item's. */
async function isItems(item: AudioItem, file: SourceFile, signal: AbortSignal): Promise<boolean> {
  try {
    const stats = await lstat(file.path)
    if (!stats.isFile()) return false
    const now = sourceFile(file.path, stats)
    if (now.size !== file.size) return false
    return now.mtimeMs === file.mtimeMs || (item.kind === 'recording' && (await hasItsContent(item, file.path, signal)))
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

/** A copy to another disk has a time of its own. */
async function hasItsContent(item: AudioItem, path: string, signal: AbortSignal): Promise<boolean> {
  const opened = await OpenFile.open(path)
  try {
    return recordingId(basename(item.sourcePath), await contentSha256(opened, signal)) === item.id
  } finally {
    await opened.close()
  }
}

/** What lies beside it and is of the same recording or message: the other formats of an Asterisk voicemail, a recorder's sidecar. */
function companions(item: AudioItem, path: string): readonly string[] {
  if (item.kind === 'recording') return sidecarPaths(path)
  const stem = /^(msg\d{4,5})\.[^.]+$/.exec(basename(path))?.[1]
  if (stem === undefined) return []
  return ['txt', 'wav', 'WAV', 'wav49', 'gsm']
    .map(format => join(dirname(path), `${stem}.${format}`))
    .filter(each => each !== path)
}

async function remove(path: string): Promise<boolean> {
  try {
    await unlink(path)
    return true
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

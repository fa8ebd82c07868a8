/** What becomes of a source once its delivery is acknowledged: by default nothing. Never overwrites, never leaves its folders. */
import { constants } from 'node:fs'
import { copyFile, link, lstat, mkdir, open, realpath, rm, unlink } from 'node:fs/promises'
import { basename, dirname, extname, join, relative } from 'node:path'
import type { AudioItem } from '../../events/recording.ts'
import { sourceFile } from '../audio/byte-source.ts'
import { errorCode, isGone } from '../failure.ts'
import { isInside, syncFolderOf } from './spool.ts'

export type AfterUpload =
  | { readonly kind: 'keep' }
  | { readonly kind: 'delete' }
  | { readonly kind: 'move'; readonly folder: string }

export type AfterUploadResult =
  | { readonly kind: 'kept' }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'moved'; readonly to: string }
  /** Left where it is, though it should not stay. */
  | { readonly kind: 'left'; readonly reason: string }

/** `roots` are the watched folders; a moved file keeps its path below its root. Throws the file system's error. */
export async function applyAfterUpload(
  item: AudioItem,
  policy: AfterUpload,
  roots: readonly string[],
): Promise<AfterUploadResult> {
  if (policy.kind === 'keep') return { kind: 'kept' }
  const root = roots.find(folder => isInside(folder, item.sourcePath))
  if (root === undefined) return left('it does not lie in a watched folder')
  try {
    const stats = await lstat(item.sourcePath)
    const now = sourceFile(item.sourcePath, stats)
    if (!stats.isFile()) return left('it is not a regular file any more')
    if (now.size !== item.sourceSize || now.mtimeMs !== item.sourceMtimeMs) return left('it changed since it was delivered')
    // A folder on the way may have become a link to elsewhere.
    const real = await realpath(item.sourcePath)
    if (!isInside(await realpath(root), real)) return left('it lies outside of its folder, behind a link')
    if (policy.kind === 'delete') {
      await unlink(item.sourcePath)
      await syncFolderOf(item.sourcePath)
      return { kind: 'deleted' }
    }
    const to = await moveFile(item.sourcePath, join(policy.folder, relative(root, item.sourcePath)))
    return { kind: 'moved', to }
  } catch (error) {
    if (isGone(error)) return left('it is gone already')
    throw error
  }
}

/** Moves without overwriting; where the name is taken, `-1`, `-2` … is added. Works across file systems (copy, fsync, unlink). */
async function moveFile(from: string, wanted: string): Promise<string> {
  await mkdir(dirname(wanted), { recursive: true })
  const temporary = join(dirname(wanted), `.${basename(wanted)}.tmp`)
  let source = from
  try {
    for (let n = 0; n < 1000; n += 1) {
      const to = n === 0 ? wanted : `${wanted.slice(0, wanted.length - extname(wanted).length)}-${n}${extname(wanted)}`
      try {
        // A link fails when the name is taken, which a rename does not.
        await link(source, to)
        await syncFolderOf(to)
        await unlink(from)
        await syncFolderOf(from)
        return to
      } catch (error) {
        const code = errorCode(error)
        if (code === 'EEXIST') continue
        if (code !== 'EXDEV' || source === temporary) throw error
        await copyDurably(from, temporary)
        source = temporary
        n -= 1
      }
    }
    throw new Error(`${wanted} and a thousand numbered names beside it are taken`)
  } finally {
    await rm(temporary, { force: true })
  }
}

async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE)
  const handle = await open(to, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function left(reason: string): AfterUploadResult {
  return { kind: 'left', reason }
}

/** Audio in files: proving that one holds what it should, and bringing one about whole. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { EncodedAudio } from '../events/recording.ts'
import { ArchiveError, type FetchTarget, forGood, mayPass } from './archive.ts'

type Content = Pick<EncodedAudio, 'size' | 'sha256'>

/**
 * Reads the encoded file to its end, and returns its SHA-512 (base64url, as a vCon wants it). Rejects with an ArchiveError when it is
 * not what was encoded.
 */
export async function provedAudio({ path, size, sha256 }: EncodedAudio, signal: AbortSignal): Promise<string> {
  const sha512 = createHash('sha512')
  const found = await contentOf(path, signal, chunk => sha512.update(chunk)).catch(cause => {
    throw signal.aborted ? cause : unreadable(path, cause)
  })
  if (found.size !== size || found.sha256 !== sha256) throw notAsEncoded(path)
  return sha512.digest('base64url')
}

/** The encoded file, which was to be archived, cannot be read: gone is for an operator, anything else may pass. */
export function unreadable(path: string, cause: unknown): ArchiveError {
  const reason = `${path}, which was to be archived, cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
  return errorCode(cause) === 'ENOENT'
    ? new ArchiveError(`${reason}; restore it and redrive, or drop the delivery`, forGood, { cause })
    : new ArchiveError(reason, mayPass, { cause })
}

export const notAsEncoded = (path: string): ArchiveError =>
  new ArchiveError(`${path} is not what was encoded: check the disk, restore the file and redrive`, forGood)

/** Whether a file is there with exactly this content. */
export async function isWhole(path: string, { size, sha256 }: Content, signal: AbortSignal): Promise<boolean> {
  try {
    const found = await contentOf(path, signal)
    return found.size === size && found.sha256 === sha256
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return false
    throw cause
  }
}

/**
 * Writes a file under a temporary name, flushes it, and gives it its own name; what is there already is replaced. Content that is not
 * the right one lands nowhere, and neither does a file that could not be written to its end: then it rejects. `content` is opened only
 * when there is somewhere to write it: nobody else would close it.
 */
export async function land(
  content: () => AsyncIterable<Uint8Array>,
  { path, size, sha256 }: FetchTarget,
  { temporary, mode, signal }: { readonly temporary: string; readonly mode: number; readonly signal: AbortSignal },
): Promise<'landed' | 'other-content'> {
  try {
    const file = await open(temporary, 'wx', mode)
    try {
      await file.chmod(mode) // whatever the umask
      for await (const chunk of content()) {
        signal.throwIfAborted()
        await file.writeFile(chunk)
      }
      await file.sync()
    } finally {
      await file.close()
    }
    // Read back: what a disk took is not always what it keeps.
    if (!(await isWhole(temporary, { size, sha256 }, signal))) {
      await rm(temporary, { force: true })
      return 'other-content'
    }
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true })
    throw cause
  }
  await flushFolder(dirname(path))
  return 'landed'
}

export async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Of a system error; `null` for any other. */
export const errorCode = (cause: unknown): string | null =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : null

async function contentOf(path: string, signal: AbortSignal, each: (chunk: Buffer) => void = () => undefined): Promise<Content> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of createReadStream(path, { signal })) {
    hash.update(chunk)
    each(chunk)
    size += chunk.length
  }
  return { size, sha256: hash.digest('hex') }
}

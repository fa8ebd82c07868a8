/** Reads the small text files that make up a configuration. */
import { open } from 'node:fs/promises'

export type FileText =
  | { readonly ok: true; readonly text: string }
  /** `reason` completes "FILE …"; it does not repeat the name. */
  | { readonly ok: false; readonly reason: string }

/** How the loader reads files; `readTextFile` is the real one. */
export type ReadFile = (path: string) => Promise<FileText>

/** No configuration, table of agents or secret is larger. */
export const maxFileBytes = 1024 * 1024

/** Reads a UTF-8 file of at most 1 MiB; a byte order mark is dropped. Never throws. */
export async function readTextFile(path: string): Promise<FileText> {
  try {
    const bytes = await readAtMost(path, maxFileBytes + 1)
    return bytes.length > maxFileBytes ? { ok: false, reason: 'is larger than 1 MiB' } : decode(bytes)
  } catch (error) {
    return { ok: false, reason: whyUnreadable(error) }
  }
}

async function readAtMost(path: string, limit: number): Promise<Buffer> {
  const file = await open(path)
  try {
    const buffer = Buffer.allocUnsafe(limit)
    let length = 0
    while (length < limit) {
      const { bytesRead } = await file.read(buffer, length, limit - length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return buffer.subarray(0, length)
  } finally {
    await file.close()
  }
}

function decode(bytes: Buffer): FileText {
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { ok: false, reason: 'is not UTF-8 text' } // the only error TextDecoder knows
  }
}

function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'does not exist'
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this user'
  if (code === 'EISDIR') return 'is a folder'
  return `cannot be read (${typeof code === 'string' ? code : 'unknown error'})`
}

/** Walks a folder tree without following links: what a rescan sees. */
import type { Dirent } from 'node:fs'
import { opendir } from 'node:fs/promises'
import { join } from 'node:path'

/** Deeper trees than any PBX makes; a bind mount into itself ends here. */
const deepest = 16

export interface WalkVisitor {
  /** Before a folder is read: watch it now and nothing that comes later is missed. */
  enter(folder: string): Promise<void>
  /** A regular file; awaited, so that a slow reader slows the walk. */
  file(path: string): Promise<void>
  /** A folder that cannot be read. */
  unreadable(folder: string, error: unknown): void
}

export async function walkFolder(folder: string, visitor: WalkVisitor, signal: AbortSignal, depth = 0): Promise<void> {
  if (depth > deepest || signal.aborted) return
  await visitor.enter(folder)
  const below: string[] = []
  try {
    // Larger reads than the default of 32 entries: a monitor folder easily holds 100,000 files.
    for await (const entry of await opendir(folder, { bufferSize: 512 })) {
      if (signal.aborted) return
      await visit(entry)
    }
  } catch (error) {
    visitor.unreadable(folder, error)
  }
  for (const path of below) await walkFolder(path, visitor, signal, depth + 1)

  async function visit(entry: Dirent): Promise<void> {
    const path = join(folder, entry.name)
    if (isTemporary(entry.name)) return
    if (entry.isDirectory()) below.push(path)
    else if (entry.isFile()) await visitor.file(path)
  }
}

/** Names that a copying tool or an editor gives to what is not finished, and hidden ones. */
export function isTemporary(name: string): boolean {
  return name.startsWith('.') || /(?:\.tmp|\.temp|\.part|\.partial|\.filepart|\.crdownload|\.lock|\.swp|~)$/i.test(name)
}

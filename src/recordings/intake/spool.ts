/**
 * The bridge's own folder for audio: `audio/ID.mp3` until its delivery is acknowledged, `incoming/ID/NAME` for uploads over HTTP and for
 * what the bridge has recorded itself, `rtp/NAME` for what it records. A file that is not whole has another name until it is; such leftovers of a crash are removed at the start.
 */
import { lstat, mkdir, open, opendir, readdir, rm } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import type { RecordingId } from '../../events/recording.ts'
import { isGone } from '../failure.ts'
import { parseRecordingId } from './identity.ts'

export class Spool {
  readonly audioFolder: string
  readonly incomingFolder: string
  /** What the bridge records itself, until it is taken in. */
  readonly recordedFolder: string

  constructor(folder: string) {
    this.audioFolder = join(folder, 'audio')
    this.incomingFolder = join(folder, 'incoming')
    this.recordedFolder = join(folder, 'rtp')
  }

  mp3Path(id: RecordingId): string {
    return join(this.audioFolder, `${id}.mp3`)
  }

  incomingPath(id: RecordingId, name: string): string {
    return join(this.incomingFolder, id, name)
  }

  /** Whether a source is a copy of ours, which no `after_upload: keep` protects. */
  owns(path: string): boolean {
    return isInside(this.incomingFolder, path)
  }

  /** Makes the folders and removes what a crash left half written. */
  async prepare(): Promise<void> {
    for (const folder of [this.audioFolder, this.incomingFolder, this.recordedFolder]) {
      await mkdir(folder, { recursive: true, mode: 0o750 })
      for (const name of await readdir(folder)) {
        if (name.endsWith('.tmp')) await rm(join(folder, name), { force: true })
      }
    }
  }

  /** Ids of which an MP3 or an upload lies here, some of them twice. Memory does not grow with them. */
  async *found(): AsyncGenerator<RecordingId> {
    for (const folder of [this.audioFolder, this.incomingFolder]) {
      for await (const { name } of await opendir(folder)) {
        const id = parseRecordingId(name.replace(/\.mp3$/, ''))
        if (id !== null) yield id
      }
    }
  }

  /** Whether an MP3 or an upload of this item lies here. */
  async has(id: RecordingId): Promise<boolean> {
    return (await isThere(this.mp3Path(id))) || (await isThere(join(this.incomingFolder, id)))
  }

  /** How much lies here, in bytes; uploads and MP3s that are just being written are left out. */
  async bytes(): Promise<number> {
    return (await bytesIn(this.audioFolder)) + (await bytesIn(this.incomingFolder)) + (await bytesIn(this.recordedFolder))
  }

  /** Removes everything of this item. */
  async remove(id: RecordingId): Promise<void> {
    await rm(this.mp3Path(id), { force: true })
    await rm(join(this.incomingFolder, id), { recursive: true, force: true })
  }
}

/** Of the whole files in a folder and those below it. What goes away meanwhile is not there. */
async function bytesIn(folder: string): Promise<number> {
  let sum = 0
  try {
    for await (const entry of await opendir(folder)) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) sum += await bytesIn(path)
      else if (!entry.name.endsWith('.tmp')) sum += await sizeOf(path)
    }
  } catch (error) {
    if (!isGone(error)) throw error
  }
  return sum
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await lstat(path)).size
  } catch (error) {
    if (isGone(error)) return 0
    throw error
  }
}

/** Whether `path` lies below `folder`, by name; resolve links before where that matters. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !way.startsWith(sep)
}

/** Makes creations, renames and removals in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** As `syncFolder` for the folder that holds `path`; a folder that is gone needs none. */
export async function syncFolderOf(path: string): Promise<void> {
  try {
    await syncFolder(dirname(path))
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

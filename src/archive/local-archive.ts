/**
 * A folder as archive, on this machine or mounted on it.
 *
 * Invariants
 *  1 A file under its final name is whole: it is written under another name in `.incoming`, flushed, read back, and renamed.
 *  2 When `store` resolves, the file and the folders that lead to it are on disk.
 *  3 What a crash leaves in `.incoming` is removed by a later start, once it is a day old.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { AudioItem, EncodedAudio } from '../events/recording.ts'
import { type Archive, type ArchivedAudio, ArchiveError } from './archive.ts'
import { addressOf, archiveKey } from './key.ts'

/** The archive's group may read, for a web server that serves it. */
const fileMode = 0o640
const folderMode = 0o750
const abandonedAfterMs = 86_400_000

export interface LocalArchiveOptions {
  readonly folder: string
  /** Where the folder can be seen from, with a slash at its end; `null`: nowhere. */
  readonly publicUrl: string | null
  readonly site: string
  /** A name that no other file has; for the time of writing. */
  readonly newName: () => string
  /** Epoch ms. */
  readonly clock: () => number
}

export class LocalArchive implements Archive {
  readonly #options: LocalArchiveOptions
  readonly #folder: string
  readonly #incoming: string

  constructor(options: LocalArchiveOptions) {
    this.#options = options
    this.#folder = resolve(options.folder)
    this.#incoming = join(this.#folder, '.incoming')
  }

  /** Makes the folder and removes what an earlier run left unfinished. Rejects with an ArchiveError when it cannot be written. */
  async start(): Promise<void> {
    try {
      await this.#makeFolder(this.#incoming)
      const oldest = this.#options.clock() - abandonedAfterMs
      for (const name of await readdir(this.#incoming)) {
        const path = join(this.#incoming, name)
        if ((await stat(path)).mtimeMs < oldest) await rm(path, { force: true })
      }
    } catch (cause) {
      throw this.#failure(cause)
    }
  }

  async store(item: AudioItem, audio: EncodedAudio, signal: AbortSignal): Promise<ArchivedAudio> {
    const { site, publicUrl } = this.#options
    const key = archiveKey(site, item.id, item.startedAt)
    const path = join(this.#folder, ...key.split('/'))
    try {
      if (!(await isWhole(path, audio, signal))) await this.#write(path, audio, signal)
    } catch (cause) {
      if (signal.aborted || cause instanceof ArchiveError) throw cause
      if (cause instanceof Error && 'path' in cause && cause.path === audio.path) {
        throw new ArchiveError(`${audio.path}, which was to be archived, cannot be read: ${cause.message}`, { cause })
      }
      throw this.#failure(cause)
    }
    return { key, url: publicUrl === null ? null : addressOf(key, publicUrl) }
  }

  async #write(path: string, audio: EncodedAudio, signal: AbortSignal): Promise<void> {
    await this.#makeFolder(this.#incoming)
    await this.#makeFolder(dirname(path))
    const temporary = join(this.#incoming, `${this.#options.newName()}.part`)
    try {
      await copy(audio.path, temporary, signal)
      if (!(await isWhole(temporary, audio, signal))) {
        throw new ArchiveError(
          `${audio.path} is not what was encoded, or the disk under ${this.#folder} does not keep what is written: check the disks; redrive the delivery to have it read again`,
        )
      }
      await rename(temporary, path)
    } catch (cause) {
      await rm(temporary, { force: true })
      throw cause
    }
    await flushFolder(dirname(path))
  }

  /** Makes a folder and those above it, each one's name on disk before the next. */
  async #makeFolder(path: string): Promise<void> {
    const first = await mkdir(path, { recursive: true, mode: folderMode })
    // Undefined: all of them were there, and whoever made them flushed them.
    if (first === undefined) return
    const above = dirname(first)
    for (let folder = dirname(path); folder.length >= above.length; folder = dirname(folder)) {
      await flushFolder(folder)
      if (folder === dirname(folder)) break
    }
  }

  #failure(cause: unknown): ArchiveError {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    const advice =
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'free some space, or point archive.folder elsewhere'
        : "create archive.folder and give it to the bridge's user, and see that what is mounted there is there"
    return new ArchiveError(`the archive ${this.#folder} cannot be written (${code}): ${advice}`, { cause })
  }
}

/** Whether a file is there with exactly this content. */
async function isWhole(path: string, { size, sha256 }: EncodedAudio, signal: AbortSignal): Promise<boolean> {
  try {
    if ((await stat(path)).size !== size) return false
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(path, { signal })) hash.update(chunk)
    return hash.digest('hex') === sha256
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return false
    throw cause
  }
}

async function copy(from: string, to: string, signal: AbortSignal): Promise<void> {
  const file = await open(to, 'wx', fileMode)
  try {
    await file.chmod(fileMode) // whatever the umask
    for await (const chunk of createReadStream(from, { signal })) await file.writeFile(chunk)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

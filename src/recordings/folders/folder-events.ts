/**
 * Tells at once that something happened in a folder tree: one inotify watch a folder, none for its files. (Watching each file, as
 * the usual libraries do, and reading a whole folder again for each new file in it, costs a core in a folder of 30,000 recordings.)
 * Only a hint: whatever is missed here (a network share, a full inotify table), the next rescan finds.
 */
import { type FSWatcher, watch } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, isGone } from '../failure.ts'
import { isInside } from '../intake/spool.ts'

/** Far more than folders by day over years; the kernel's own bound (fs.inotify.max_user_watches) may come first. */
const mostFolders = 10_000

interface Watched {
  readonly watcher: FSWatcher
  /** Inode and time of birth: a folder that was removed and made again needs a new watch, and may have got the old inode. */
  readonly identity: string
}

export class FolderEvents {
  readonly #onEvent: (path: string) => void
  readonly #onProblem: (folder: string, reason: string) => void
  readonly #watched = new Map<string, Watched>()
  #closed = false

  /** `onEvent` gets the path of what changed: a file, a folder, or the watched folder itself when the system does not say. */
  constructor(onEvent: (path: string) => void, onProblem: (folder: string, reason: string) => void) {
    this.#onEvent = onEvent
    this.#onProblem = onProblem
  }

  /** Watches this folder (not those below it) unless it is watched. Never rejects. */
  async watch(folder: string): Promise<void> {
    try {
      const { ino, birthtimeMs } = await lstat(folder)
      const identity = `${ino}:${birthtimeMs}`
      if (this.#closed || this.#watched.get(folder)?.identity === identity) return
      this.#drop(folder)
      if (this.#watched.size >= mostFolders) throw new Error(`more than ${mostFolders} folders: the others are only rescanned`)
      const watcher = watch(folder, { persistent: false }, (_event, name) =>
        this.#onEvent(name === null ? folder : join(folder, name)),
      )
      watcher.on('error', error => {
        this.#drop(folder)
        if (!isGone(error)) this.#onProblem(folder, describe(error))
      })
      this.#watched.set(folder, { watcher, identity })
    } catch (error) {
      // inotify_add_watch(2) says ENOSPC when its table is full.
      const words = describe(error).replace(/ENOSPC.*/, 'no inotify watch is left: raise fs.inotify.max_user_watches')
      if (!isGone(error)) this.#onProblem(folder, words)
    }
  }

  /** Forgets a folder that is gone, and all below it. */
  forget(folder: string): void {
    for (const path of this.#watched.keys()) {
      if (path === folder || isInside(folder, path)) this.#drop(path)
    }
  }

  close(): void {
    this.#closed = true
    for (const folder of this.#watched.keys()) this.#drop(folder)
  }

  #drop(folder: string): void {
    this.#watched.get(folder)?.watcher.close()
    this.#watched.delete(folder)
  }
}
